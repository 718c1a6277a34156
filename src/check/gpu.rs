//! The NVIDIA GPU. The stack comes up without it, so nothing here is more than a warning.

use super::{Answer, Check, Finding, Fix, Severity};
use crate::docker::Container;
use crate::facts::{Cards, Engine, Facts, Gpu, NotKnown};

pub(super) const DRIVER: Check =
    Check { id: "gpu.driver", title: "the GPU's driver is loaded", preflight: true, ask: driver };
pub(super) const RUNTIME: Check =
    Check { id: "gpu.runtime", title: "the engine can hand the GPU to a container", preflight: true, ask: runtime };

pub(super) const CONTAINER: Check =
    Check { id: "gpu.container", title: "the container of Ollama sees the GPU", preflight: false, ask: container };
pub(super) const USED: Check =
    Check { id: "gpu.used", title: "the models really run on the GPU", preflight: false, ask: used };

/// Ollama's container, where one runs and the machine could give it a GPU; or why there is nothing to judge.
fn with_driver(facts: &Facts) -> Result<Result<&Container, Answer>, NotKnown> {
    let gpu = match wanted(facts)? {
        Ok(gpu) => gpu,
        Err(why) => return Ok(Err(why)),
    };
    if gpu.driver.is_none() {
        return Ok(Err(Answer::skipped("the driver is not loaded: see gpu.driver")));
    }
    let ollama = facts.containers.known()?.iter().find(|container| container.service() == "ollama" && container.runs());
    Ok(ollama.ok_or_else(|| Answer::skipped("Ollama's container does not run")))
}

fn container(facts: &Facts) -> Result<Answer, NotKnown> {
    let ollama = match with_driver(facts)? {
        Ok(ollama) => ollama,
        Err(why) => return Ok(why),
    };
    let why = if ollama.gpus {
        match &facts.models.known()?.cards {
            Some(Cards::Seen(_)) => return Ok(Answer::Well),
            Some(Cards::None(why)) => {
                format!("Ollama's container was made with the GPU and has lost it ({why}): models run on the processor")
            }
            None => return Err(NotKnown("it was not asked for its GPU".to_owned())),
        }
    } else {
        "Ollama's container was made without the GPU: models run on the processor, many times slower".to_owned()
    };
    let hint = "make it anew with the GPU: sudo tars restart; or say that it is not wanted: sudo tars start --cpu-only";
    let finding = Finding::warn("ollama", why, hint);
    let forced = facts.env.known()?.get("TARS_GPU") == "on";
    Ok(Finding { severity: if forced { Severity::Fail } else { Severity::Warn }, ..finding }
        .of("ollama")
        .fix(Fix::RestartStack)
        .into())
}

fn used(facts: &Facts) -> Result<Answer, NotKnown> {
    let ollama = match with_driver(facts)? {
        Ok(ollama) => ollama,
        Err(why) => return Ok(why),
    };
    let models = facts.models.known()?;
    if !ollama.gpus || !matches!(models.cards, Some(Cards::Seen(_))) {
        return Ok(Answer::skipped("its container has no GPU: see gpu.container"));
    }
    if models.loaded.is_empty() {
        return Ok(Answer::skipped("no model is in memory now: ask a question, then look again"));
    }
    let slow = models.loaded.iter().filter(|(_, on)| on.contains("CPU"));
    let finding = |(name, on): &(String, String)| {
        let problem = format!("{name} runs on {on}: it does not fit the GPU's memory, or Ollama did not find the GPU");
        let hint =
            "choose a smaller model (sudo tars model use NAME); see what Ollama says: tars logs ollama | grep -i gpu";
        Finding::warn(name, problem, hint).of("ollama")
    };
    Ok(slow.map(finding).collect::<Vec<_>>().into())
}

fn driver(facts: &Facts) -> Result<Answer, NotKnown> {
    let gpu = match wanted(facts)? {
        Ok(gpu) => gpu,
        Err(why) => return Ok(why),
    };
    if let Some(driver) = &gpu.driver {
        let Some(library) = gpu.library.as_ref().filter(|library| *library != driver) else { return Ok(Answer::Well) };
        let problem = format!(
            "the loaded driver is {driver}, its library {library}: after an update of the driver no container gets the GPU before a reboot"
        );
        return Ok(Finding::warn("NVIDIA driver", problem, "reboot this machine: sudo reboot").into());
    }
    let command = match facts.host.known()?.os_id.as_str() {
        "ubuntu" => "sudo ubuntu-drivers install",
        "debian" => "sudo apt-get install nvidia-driver  (from Debian's non-free component)",
        _ => "install NVIDIA's driver the way this system does it",
    };
    let problem = format!(
        "there is an NVIDIA GPU ({}) without a loaded driver: models run on the processor, many times slower",
        gpu.cards.join(", ")
    );
    let hint = format!(
        "install the driver, reboot, and run tars install again: {command}; or say that it is not wanted: --cpu-only"
    );
    Ok(Finding::warn("NVIDIA driver", problem, hint).into())
}

fn runtime(facts: &Facts) -> Result<Answer, NotKnown> {
    let gpu = match wanted(facts)? {
        Ok(gpu) => gpu,
        Err(why) => return Ok(why),
    };
    if gpu.driver.is_none() {
        return Ok(Answer::skipped("the driver is not loaded: see gpu.driver"));
    }
    if !gpu.toolkit {
        let problem = "the NVIDIA container toolkit is not installed: no container can use the GPU";
        let hint = "let tars install it (sudo tars install), or say that the GPU is not wanted: --cpu-only";
        return Ok(Finding::warn("nvidia-container-toolkit", problem, hint).fix(Fix::InstallGpuToolkit).into());
    }
    let Some(engine) = facts.engine.known().ok().and_then(Engine::answers) else {
        return Ok(Answer::skipped("the engine does not answer"));
    };
    let known = engine.runtimes.iter().any(|name| name.contains("nvidia"))
        || engine.devices.iter().any(|id| id.contains("nvidia"));
    if known {
        return Ok(Answer::Well);
    }
    let problem = "the NVIDIA container toolkit is installed, but the engine was not told of it";
    let hint = "run: sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker";
    Ok(Finding::warn("nvidia-container-toolkit", problem, hint).fix(Fix::InstallGpuToolkit).into())
}

/// The GPU, or why nobody needs one.
fn wanted(facts: &Facts) -> Result<Result<&Gpu, Answer>, NotKnown> {
    let env = facts.env.known()?;
    if env.get("TARS_GPU") == "off" {
        return Ok(Err(Answer::skipped("the GPU is not wanted (TARS_GPU=off)")));
    }
    if !env.may_run_ollama() {
        return Ok(Err(Answer::skipped(format!("no model runs in this stack (TARS_LLM={})", env.get("TARS_LLM")))));
    }
    let gpu = facts.gpu.known()?;
    Ok(if gpu.present() { Ok(gpu) } else { Err(Answer::skipped("this machine has no NVIDIA GPU")) })
}
