//! `tars serve --user`: what `tars user` on the host has the backend's container do. It needs nobody's password, since
//! whoever may run things in that container has the database's anyway.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::users::{self, PasswordFrom};
use crate::app::App;
use crate::audit::{self, Who};
use crate::auth::{Role, password};
use crate::client::account::{Account, Answer, Request};
use crate::config::Config;
use crate::db::Connection;
use crate::extract::Origin;
use crate::problem::Problem;

/// Does what the request says.
///
/// # Errors
/// When the request is none or the database cannot be used; a refusal is an [`Answer`].
pub(crate) async fn run(config: Config, request: &str) -> Result<Answer> {
    let request: Request = serde_json::from_str(request).context("the request is none")?;
    let app = App::new(config);
    app.db.prepare().await?;
    match act(&app, &request).await {
        Ok(answer) => Ok(answer),
        Err(problem) if problem.status.is_client_error() => {
            Ok(Answer::Refused { status: problem.status.as_u16(), detail: problem.detail.into_owned() })
        }
        Err(problem) => Err(problem.into()),
    }
}

async fn act(app: &App, request: &Request) -> Result<Answer, Problem> {
    let mut connection = app.db.get().await?;
    let (action, user, password) = match request {
        Request::List => {
            let all = users::list(&connection).await?;
            return Ok(Answer::Users(all.into_iter().map(shown).collect()));
        }
        Request::Weak { own, common } => return Ok(Answer::Weak(weak(app, &connection, *own, *common).await?)),
        Request::Add { name, admin } => {
            users::check_name("name", name)?;
            let role = if *admin { Role::Admin } else { Role::User };
            let (made, hash) = new_password(app).await?;
            ("user.add", users::add(&connection, name, role, &hash, PasswordFrom::Made).await?, Some(made))
        }
        Request::Passwd { name } => {
            let user = users::by_name(&connection, name).await?;
            let (made, hash) = new_password(app).await?;
            users::set_password(&mut connection, user.id, &hash, PasswordFrom::Made, None).await?;
            ("user.password", user, Some(made))
        }
        Request::Disable { name, undo } => {
            let action = if *undo { "user.enable" } else { "user.disable" };
            (action, disable(&mut connection, name, !undo).await?, None)
        }
        Request::Remove { name } => {
            let user = users::by_name(&connection, name).await?;
            ("user.remove", users::remove(&mut connection, user.id).await?, None)
        }
    };
    drop(connection);
    let origin = Origin { request_id: Arc::from("tars-user"), address: Ipv4Addr::LOCALHOST.into() };
    audit::record(app, &origin, Who::Stranger("(operator)"), action, &user.name, "ok").await;
    Ok(Answer::Done { user: shown(user), password })
}

async fn disable(connection: &mut Connection, name: &str, disabled: bool) -> Result<users::Account, Problem> {
    let user = users::by_name(connection, name).await?;
    users::change(connection, user.id, None, Some(disabled)).await.map(|(_, account)| account)
}

/// What is tried first everywhere, as far as it is long enough to be taken.
const COMMON: [&str; 10] = [
    "changeme123",
    "password123",
    "adminadmin",
    "administrator",
    "admin12345",
    "password12",
    "1234567890",
    "letmein123",
    "tarsadmin1",
    "qwertyuiop",
];

/// The administrators that one of these passwords lets in.
async fn weak(app: &App, connection: &Connection, own: bool, common: bool) -> Result<Vec<String>, Problem> {
    let mut tried: Vec<String> = Vec::new();
    tried.extend(own.then(|| app.config.admin_password.expose().to_owned()).filter(|own| !own.is_empty()));
    tried.extend(common.then_some(COMMON).into_iter().flatten().map(str::to_owned));
    let mut found = Vec::new();
    for admin in users::list(connection).await?.into_iter().filter(|user| user.role == Role::Admin && !user.disabled) {
        let hash = users::hash_of(connection, admin.id).await?;
        for password in &tried {
            if app.passwords.verify(password.clone(), Some(hash.clone())).await? {
                found.push(admin.name.clone());
                break;
            }
        }
    }
    Ok(found)
}

async fn new_password(app: &App) -> Result<(String, String), Problem> {
    let made = password::generate();
    let hash = app.passwords.hash(made.clone()).await?;
    Ok((made, hash))
}

fn shown(user: users::Account) -> Account {
    Account {
        name: user.name,
        role: user.role.name().to_owned(),
        disabled: user.disabled,
        created_at: user.created_at.to_string(),
        signed_in_at: user.signed_in_at.map(|at| at.to_string()),
    }
}
