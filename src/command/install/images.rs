//! Step 5: every image the settings ask for is in the engine, and the settings name it.

use super::{Install, Said};
use crate::operate::images::{self, Got, Source};
use crate::operate::{backend_image, generations, prepare, settings};
use crate::stack::service::{self, Service};
use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;

impl Install<'_> {
    pub(super) async fn images(&mut self) -> Said {
        let source = self.source()?;
        if let Source::File(file) = &source {
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
            self.refuse_other_family(service, &image.image).await?;
            env.set(service.image_setting, &image.image);
        }
        settings::write_env(&self.context.stack.home, &env)?;
        self.context.reread();
        let prepared = prepare::prepare(self.context).await?;
        generations::record_first(&self.context.stack)?;
        if let Some(why) = prepared.no_gpu {
            self.warn(
                "gpu.container",
                format!("the models run on the CPU: {why}"),
                "docs/INSTALL_HOME.md, \"GPU\", says what to try; tars start --cpu-only says that this is wanted",
            );
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

    /// Side by side: packages and pulls mostly wait for the network.
    async fn get_all(&self, source: &Source) -> Result<Vec<(&'static Service, Got)>> {
        let services = self.context.stack.services().into_iter().filter(|service| service.name != "backend");
        let context = &*self.context;
        try_join_all(services.map(async |service| {
            let chosen = context.stack.setting(service.image_setting);
            images::get(context, service, chosen, source).await.map(|got| (service, got))
        }))
        .await
    }

    async fn refuse_other_family(&self, service: &Service, image: &str) -> Result<()> {
        let Some(made_with) = generations::made_with(&self.context.stack.home, service)? else { return Ok(()) };
        let volume = service.volumes.first().context("a service with an image has a volume")?;
        if self.context.docker()?.volume(self.context.stack.setting(volume.setting)).await?.is_none() {
            return Ok(());
        }
        images::refuse_other_family(service, &made_with, image)
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
