//! The NVIDIA GPU. The stack comes up without it, so nothing here is more than a warning.

use super::{Answer, Check, Finding, Fix};
use crate::facts::{Engine, Facts, Gpu, NotKnown};

pub(super) const DRIVER: Check =
    Check { id: "gpu.driver", title: "the GPU's driver is loaded", preflight: true, ask: driver };
pub(super) const RUNTIME: Check =
    Check { id: "gpu.runtime", title: "the engine can hand the GPU to a container", preflight: true, ask: runtime };

fn driver(facts: &Facts) -> Result<Answer, NotKnown> {
    let gpu = match wanted(facts)? {
        Ok(gpu) => gpu,
        Err(why) => return Ok(why),
    };
    if gpu.driver.is_some() {
        return Ok(Answer::Well);
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
