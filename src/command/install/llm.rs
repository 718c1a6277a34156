//! Where the language model comes from: the Ollama container, an Ollama that runs already, or none, and then it is said.
//!
//! `TARS_LLM` keeps what was chosen. `none` together with `OLLAMA_MODEL=none` was declined and stays; `none` alone was
//! chosen because nothing answered, and the same command tries again.

use super::Install;
use crate::client::Address;
use crate::client::errand::Line;
use crate::docker::HelperSpec;
use crate::error::{Failure, exit_of};
use crate::exit::Exit;
use crate::facts::Registry;
use crate::operate::images::{self, Source};
use crate::operate::settings;
use crate::stack::service;
use anyhow::{Context as _, Result};

/// The host as its containers see it.
const HOST_GATEWAY: &str = "host.docker.internal";

impl Install<'_> {
    pub(super) async fn decide_llm(&mut self, source: &Source, backend: &str) -> Result<()> {
        let stack = &self.context.stack;
        let declined = stack.setting("OLLAMA_MODEL") == "none";
        // A flag is only remembered once it has been tried.
        let flag = self.args.ollama_url.as_deref();
        let chosen = match flag.map_or(stack.setting("TARS_LLM"), |_| "url") {
            "url" => {
                let url = flag.unwrap_or(stack.setting("TARS_OLLAMA_URL")).to_owned();
                let url = seen_from_container(&url)?;
                self.reach(&url, backend).await.map_err(|why| not_reached(&url, &why))?;
                ("url", url)
            }
            "container" => ("container", String::new()),
            "none" if declined => ("none", String::new()),
            "" | "none" => self.find_llm(source, backend).await?,
            other => {
                return Err(Failure::new(Exit::Failed, format!("TARS_LLM={other} is none of container, url, none"))
                    .hint("mend it in the env file")
                    .into());
            }
        };
        let mut env = self.context.stack.need_env()?.clone();
        env.set("TARS_LLM", chosen.0);
        env.set("TARS_OLLAMA_URL", &chosen.1);
        settings::write_env(&self.context.stack.home, &env)?;
        self.context.reread();
        Ok(())
    }

    /// Nothing is chosen yet: an Ollama of this host, else the container, else none.
    async fn find_llm(&mut self, source: &Source, backend: &str) -> Result<(&'static str, String)> {
        if let Some(url) = self.offer_hosts_own(backend).await? {
            return Ok(("url", url));
        }
        let ollama = service::named("ollama").context("no ollama row")?;
        let stack = &self.context.stack;
        let name = match stack.setting(ollama.image_setting) {
            "" => ollama.image,
            chosen => chosen,
        };
        if self.context.docker()?.image(name).await?.is_some() {
            return Ok(("container", String::new()));
        }
        let first_time = stack.setting("TARS_LLM").is_empty();
        let registry = matches!(self.facts.registry.known(), Ok(Registry::Answers(_) | Registry::TooMany(_)));
        let may_pull = matches!(source, Source::Auto | Source::Registry) && (first_time || registry);
        if !may_pull {
            return Ok(("none", String::new()));
        }
        let lock = self.lock.as_ref().context("no lock")?;
        match images::get(self.context, lock, ollama, stack.setting(ollama.image_setting), source).await {
            Ok(_) => Ok(("container", String::new())),
            Err(error) if exit_of(&error) == Exit::Unavailable => Ok(("none", String::new())),
            Err(error) => Err(error),
        }
    }

    async fn offer_hosts_own(&mut self, backend: &str) -> Result<Option<String>> {
        let Ok(Some(found)) = self.facts.ollama.known().cloned() else { return Ok(None) };
        if found.ours() {
            return Ok(None);
        }
        let question = format!("Ollama {} runs on this machine ({}). Use it?", found.version, found.url);
        if !self.context.ui.confirm(&question, true).await? {
            return Ok(None);
        }
        let url = seen_from_container(&found.url)?;
        match self.reach(&url, backend).await {
            Ok(()) => Ok(Some(url)),
            Err(why) => {
                self.warn(
                    "llm.unreachable",
                    format!("the Ollama at {} cannot be reached from a container ({why:#}); going on without it", found.url),
                    "let it listen on all interfaces (OLLAMA_HOST=0.0.0.0 in its service), then run the same command again",
                );
                Ok(None)
            }
        }
    }

    /// Tries an address from inside a throw-away container: only that says what the backend will see.
    async fn reach(&self, url: &str, backend: &str) -> Result<()> {
        let docker = self.context.docker()?;
        let spec = HelperSpec {
            image: backend.to_owned(),
            command: ["/tars", "serve", "--reach", url].map(str::to_owned).to_vec(),
            hosts: vec![format!("{HOST_GATEWAY}:host-gateway")],
            run: self.context.run.clone(),
            home: self.context.stack.home.path().display().to_string(),
            ..HelperSpec::default()
        };
        let (code, said) = docker.run_once(&spec, |_| {}).await?;
        if code == 0 {
            return Ok(());
        }
        // The errand says why as one line of JSON; anything else is the engine's.
        let failed = said.lines().find_map(|line| match serde_json::from_str(line) {
            Ok(Line::Failed(chain)) => Some(chain.join(": ")),
            _ => None,
        });
        Err(anyhow::anyhow!(failed.unwrap_or(said)))
    }
}

/// `localhost` in a container is the container: the host's own Ollama is behind the gateway.
fn seen_from_container(url: &str) -> Result<String> {
    let address = Address::parse(url, crate::client::ollama::PORT)?;
    let host = address.host().trim_matches(['[', ']']).to_owned();
    let local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let whole = address.to_string();
    Ok(if local { whole.replacen(address.host(), HOST_GATEWAY, 1) } else { whole })
}

fn not_reached(url: &str, why: &anyhow::Error) -> Failure {
    Failure::new(Exit::Failed, format!("no Ollama can be reached from a container at {url}"))
        .hint("check that it runs and listens on all interfaces (OLLAMA_HOST=0.0.0.0) and that no firewall is between; or use the container: TARS_LLM=container in the env file")
        .caused_by(anyhow::anyhow!("{why:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_address_becomes_the_gateway() {
        for local in ["localhost:11434", "http://127.0.0.1:11434", "http://localhost:11434/"] {
            assert_eq!(
                seen_from_container(local).unwrap().trim_end_matches('/'),
                "http://host.docker.internal:11434",
                "{local}"
            );
        }
        assert_eq!(seen_from_container("gpu.lan").unwrap().trim_end_matches('/'), "http://gpu.lan:11434");
    }
}
