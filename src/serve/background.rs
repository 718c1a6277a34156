//! What runs beside the requests from the start on. Each half of the backend adds its own lines here.

use std::time::Duration;

use anyhow::Result;

use super::app::App;
use super::db::Connection;
use super::{accounts, audit, documents};

const DAY: Duration = Duration::from_hours(24);

/// Starts all of it.
pub(super) fn start(app: &App) {
    documents::start(app);
    let keeper = app.clone();
    app.tasks.spawn("database", async move {
        let shutdown = keeper.tasks.shutdown();
        keeper.db.keep(shutdown, |connection| first_start(keeper.clone(), connection)).await;
        Ok(())
    });
    let keeper = app.clone();
    app.tasks.every("forgetting", DAY, move || {
        let app = keeper.clone();
        async move {
            app.db.ready().await;
            audit::forget(&app).await?;
            accounts::forget_sessions(&app).await
        }
    });
}

/// After each look at the schema, before anybody is answered.
async fn first_start(app: App, connection: Connection) -> Result<()> {
    accounts::first_admin(&app, &connection).await
}
