//! Step 5: every image the settings ask for is in the engine, and the settings name it.

use super::{Install, Said};
use crate::operate::images::{self, Got, Source};
use crate::operate::{backend_image, generations, prepare, settings};
use crate::stack::service::{self, Service};
use anyhow::{Context as _, Result};
use futures_util::future::join_all;

impl Install<'_> {
    pub(super) async fn images(&mut self) -> Said {
        let source = self.source()?;
        let stores = self.fetched();
        if let Source::File(file) = &source
            && !images::all_there(self.context, &stores, &source).await?
        {
            let bar = self.context.ui.bar(&format!("loading {}", file.display()));
            let said = images::load(self.context, file).await?;
            drop(bar);
            self.context.ui.detail(&said.join("\n"));
        }
        let (backend, made) = backend_image::ensure(self.context.docker()?).await?;
        self.decide_llm(&source, &backend).await?;
        let got = self.get_all(&source).await?;
        let mut env = self.context.stack.need_env()?.clone();
        for (service, image) in &got {
            images::guard_data(self.context, service, &image.image).await?;
            env.set(service.image_setting, &image.image);
        }
        settings::write_env(&self.context.stack.home, &env)?;
        self.context.reread();
        let no_gpu = prepare::prepare(self.context).await?;
        generations::record_first(&self.context.stack)?;
        if let Some(why) = no_gpu {
            self.report.warnings.push(crate::command::running::gpu_warning(&why));
        }
        Ok(summary(&got, made))
    }

    /// The flag, else what the settings remember.
    fn source(&self) -> Result<Source> {
        let remembered = self.context.stack.setting("TARS_IMAGES");
        match &self.args.images {
            Some(source) => Ok(source.clone()),
            None => remembered.parse().map_err(|why: String| anyhow::anyhow!("TARS_IMAGES={remembered}: {why}")),
        }
    }

    /// The services whose image is not this binary.
    fn fetched(&self) -> Vec<&'static Service> {
        self.context.stack.services().into_iter().filter(|service| service.name != "backend").collect()
    }

    /// Side by side: packages and pulls mostly wait for the network.
    async fn get_all(&self, source: &Source) -> Result<Vec<(&'static Service, Got)>> {
        let (context, lock) = (&*self.context, self.lock.as_ref().context("no lock")?);
        let all = join_all(self.fetched().into_iter().map(async |service| {
            let chosen = context.stack.setting(service.image_setting);
            images::get(context, lock, service, chosen, source).await.map(|got| (service, got))
        }))
        .await;
        // All have come to their end: none is left at work, and what the others say is not lost.
        let (got, failed): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
        let mut errors = failed.into_iter().filter_map(Result::err);
        let Some(first) = errors.next() else { return got.into_iter().collect() };
        errors.for_each(|error| context.ui.say(&format!("      {error:#}")));
        Err(first)
    }
}

fn summary(got: &[(&'static Service, Got)], backend_made: bool) -> String {
    let mut parts: Vec<_> = ["pulled", "built from packages"]
        .iter()
        .filter_map(|how| {
            let names: Vec<_> =
                got.iter().filter(|(_, got)| got.how == *how).map(|(service, _)| service.name).collect();
            (!names.is_empty()).then(|| format!("{how}: {}", names.join(", ")))
        })
        .collect();
    if backend_made {
        parts.push(format!("imported: {}", service::named("backend").map_or("backend", |service| service.name)));
    }
    if parts.is_empty() { "all there".to_owned() } else { parts.join("; ") }
}
