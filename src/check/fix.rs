//! Remedies as data: shown, serialised, refused or applied. Who applies them is the doctor.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A remedy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fix {
    /// Install the engine from the distribution's packages.
    InstallEngine,
    /// Install the compose that fits the engine.
    InstallCompose,
    /// Start the engine that is installed.
    StartEngine,
    /// Install the NVIDIA container toolkit and tell the engine of it.
    InstallGpuToolkit,
    /// Publish another port.
    UsePort {
        /// The setting to write.
        setting: String,
        /// A port that was free.
        port: u16,
    },
    /// Set a file's or directory's permission bits.
    Chmod {
        /// The file.
        path: PathBuf,
        /// The bits.
        mode: u32,
    },
    /// Make directories that belong to the stack.
    MakeDirs {
        /// Which.
        paths: Vec<PathBuf>,
    },
    /// Write the shipped compose files that are missing or of another version.
    WriteCompose,
    /// Make a secret that is missing.
    GenerateSecret {
        /// The setting.
        key: String,
        /// Whether nothing uses another value of it yet.
        unused: bool,
    },
    /// Bring an interrupted run to its end.
    Recover,
    /// Give a volume back to the user that its server runs as.
    Chown {
        /// The service.
        service: String,
        /// The volume.
        volume: String,
    },
    /// Put one part of a service's shipped definition back into an edited compose file, and make its container anew.
    MendCompose {
        /// The file.
        file: String,
        /// The service.
        service: String,
        /// The part: `healthcheck`, `logging`.
        part: String,
    },
    /// Let a frozen container go on.
    Unpause {
        /// The service.
        service: String,
    },
    /// Start services that do not run.
    Start {
        /// Which; the order does not matter.
        services: Vec<String>,
    },
    /// Start one container again.
    Restart {
        /// The service.
        service: String,
        /// Whether it is of use to anybody now, who would be interrupted.
        interrupts: bool,
    },
    /// Make containers anew from the settings.
    Recreate {
        /// The services.
        services: Vec<String>,
        /// Whether that interrupts what works now.
        interrupts: bool,
    },
    /// Pull a model.
    PullModel {
        /// Its name.
        name: String,
    },
    /// Have Postgres take the password of the settings, then start what uses it anew.
    SetPassword,
    /// Start the whole stack anew from the settings.
    RestartStack,
}

impl Fix {
    /// Whether it may be done unasked: it loses nothing and interrupts nobody.
    #[must_use]
    pub fn safe(&self) -> bool {
        match self {
            Self::Chmod { .. }
            | Self::MakeDirs { .. }
            | Self::WriteCompose
            | Self::Recover
            | Self::Chown { .. }
            | Self::MendCompose { .. }
            | Self::Unpause { .. }
            | Self::Start { .. }
            | Self::PullModel { .. } => true,
            Self::GenerateSecret { unused, .. } => *unused,
            Self::Restart { interrupts, .. } | Self::Recreate { interrupts, .. } => !interrupts,
            Self::InstallEngine
            | Self::InstallCompose
            | Self::StartEngine
            | Self::InstallGpuToolkit
            | Self::UsePort { .. }
            | Self::SetPassword
            | Self::RestartStack => false,
        }
    }

    /// What it does, in the imperative.
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            Self::InstallEngine => "install Docker Engine".to_owned(),
            Self::InstallCompose => "install Docker Compose".to_owned(),
            Self::StartEngine => "start Docker Engine".to_owned(),
            Self::InstallGpuToolkit => "install the NVIDIA container toolkit".to_owned(),
            Self::UsePort { setting, port } => format!("set {setting}={port} and start the stack anew"),
            Self::Chmod { path, mode } => format!("set the mode of {} to {mode:o}", path.display()),
            Self::MakeDirs { paths } => {
                format!("make {}", paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))
            }
            Self::WriteCompose => "write the shipped compose files".to_owned(),
            Self::GenerateSecret { key, .. } => format!("generate {key}"),
            Self::Recover => "bring the interrupted run to its end".to_owned(),
            Self::Chown { service, volume } => format!("give the volume {volume} back to the user of {service}"),
            Self::MendCompose { file, service, part } => {
                format!("put the shipped {part} of {service} back into {file} (a copy is kept)")
            }
            Self::Unpause { service } => format!("let {service} go on"),
            Self::Start { services } => format!("start {}", services.join(", ")),
            Self::Restart { service, .. } => format!("restart {service}"),
            Self::Recreate { services, .. } => format!("make the container of {} anew", services.join(", ")),
            Self::PullModel { name } => format!("pull the model {name}"),
            Self::SetPassword => "have Postgres take the password of the env file".to_owned(),
            Self::RestartStack => "start the stack anew from the settings".to_owned(),
        }
    }

    /// The command that does the same by hand.
    #[must_use]
    pub fn command(&self) -> String {
        match self {
            Self::InstallEngine | Self::InstallCompose | Self::InstallGpuToolkit | Self::WriteCompose => {
                "sudo tars install".to_owned()
            }
            Self::StartEngine => "sudo systemctl start docker".to_owned(),
            Self::Chmod { path, mode } => format!("sudo chmod {mode:o} {}", path.display()),
            Self::MakeDirs { paths } => {
                format!(
                    "sudo mkdir -p {}",
                    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
                )
            }
            Self::Recover | Self::Start { .. } => "sudo tars start".to_owned(),
            Self::PullModel { name } => format!("sudo tars model pull {name}"),
            Self::RestartStack | Self::UsePort { .. } => "sudo tars restart".to_owned(),
            Self::SetPassword => "sudo tars doctor --fix --only data.postgres --yes".to_owned(),
            Self::Restart { interrupts: false, .. }
            | Self::Recreate { interrupts: false, .. }
            | Self::Unpause { .. }
            | Self::Chown { .. }
            | Self::MendCompose { .. }
            | Self::GenerateSecret { unused: true, .. } => "sudo tars doctor --fix".to_owned(),
            Self::Restart { .. } | Self::Recreate { .. } | Self::GenerateSecret { .. } => {
                "sudo tars doctor --fix --yes".to_owned()
            }
        }
    }

    /// Its place in the order: what others stand on comes first.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Self::InstallEngine | Self::InstallCompose | Self::StartEngine => 0,
            Self::MakeDirs { .. } | Self::Chmod { .. } => 1,
            Self::GenerateSecret { .. } | Self::WriteCompose => 2,
            Self::Recover => 3,
            Self::Chown { .. } => 4,
            Self::InstallGpuToolkit | Self::UsePort { .. } => 5,
            Self::MendCompose { .. } => 6,
            Self::Unpause { .. } => 7,
            Self::Start { .. } => 8,
            Self::Restart { .. } | Self::Recreate { .. } => 9,
            Self::SetPassword => 10,
            Self::PullModel { .. } => 11,
            Self::RestartStack => 12,
        }
    }
}
