//! The embedded compose files, and which of them a set of settings needs.

use super::envfile::EnvFile;

/// The file that every stack uses.
pub const MAIN: &str = "docker-compose.home.yml";
/// The file that gives the stack the GPU.
pub const GPU: &str = "docker-compose.gpu.yml";
const WEB: &str = "docker-compose.web.yml";
const PORTS_OLLAMA: &str = "docker-compose.ports-ollama.yml";
const PORTS_CHROMADB: &str = "docker-compose.ports-chromadb.yml";
const PORTS_POSTGRES: &str = "docker-compose.ports-postgres.yml";
const PORTS_REDIS: &str = "docker-compose.ports-redis.yml";

/// Every embedded file that a home holds: name and content.
pub const FILES: [(&str, &str); 7] = [
    (MAIN, include_str!("../../deploy/docker-compose.home.yml")),
    (GPU, include_str!("../../deploy/docker-compose.gpu.yml")),
    (WEB, include_str!("../../deploy/docker-compose.web.yml")),
    (PORTS_OLLAMA, include_str!("../../deploy/docker-compose.ports-ollama.yml")),
    (PORTS_CHROMADB, include_str!("../../deploy/docker-compose.ports-chromadb.yml")),
    (PORTS_POSTGRES, include_str!("../../deploy/docker-compose.ports-postgres.yml")),
    (PORTS_REDIS, include_str!("../../deploy/docker-compose.ports-redis.yml")),
];

/// The oldest compose that reads the files: the first `docker-compose` with profiles.
pub const OLDEST: (u32, u32) = (1, 28);

/// Variables of the surroundings that compose gets; all others stay outside, so that the env file alone decides. A
/// reference in the env file can name these as well.
pub const KEPT: [&str; 14] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TERM",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "XDG_RUNTIME_DIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// The override files that publish a port, by the setting that asks for it.
const OVERRIDES: [(&str, &str); 5] = [
    ("TARS_PORT_WEB", WEB),
    ("TARS_PORT_OLLAMA", PORTS_OLLAMA),
    ("TARS_PORT_CHROMA", PORTS_CHROMADB),
    ("TARS_PORT_POSTGRES", PORTS_POSTGRES),
    ("TARS_PORT_REDIS", PORTS_REDIS),
];

/// The value of `COMPOSE_FILE` for these settings. Files of the operator's own (`docker-compose.mine.yml`) stay last.
///
/// `gpu`: whether a container can really use the GPU now; the Ollama container must be part of the stack as well.
#[must_use]
pub fn file_list(env: &EnvFile, gpu: bool) -> String {
    let ollama = env.get("TARS_LLM") == Some("container");
    let mut files = vec![MAIN];
    if gpu && ollama {
        files.push(GPU);
    }
    let wanted = |setting: &str| env.get(setting).is_some_and(|port| !port.is_empty());
    files.extend(
        OVERRIDES
            .iter()
            .filter(|(setting, _)| wanted(setting))
            .map(|(_, file)| *file)
            .filter(|file| ollama || *file != PORTS_OLLAMA),
    );
    let own = env.get("COMPOSE_FILE").unwrap_or_default();
    files.extend(own.split(':').filter(|file| !file.is_empty() && FILES.iter().all(|(name, _)| name != file)));
    files.join(":")
}

/// The value of `COMPOSE_PROFILES`: the Ollama container is a profile; profiles of the operator's own stay.
#[must_use]
pub fn profiles(env: &EnvFile) -> String {
    let own = env.get("COMPOSE_PROFILES").unwrap_or_default();
    let own = own.split(',').map(str::trim).filter(|profile| !profile.is_empty() && *profile != "ollama");
    let ollama = (env.get("TARS_LLM") == Some("container")).then_some("ollama");
    ollama.into_iter().chain(own).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_follow_the_settings_and_keep_the_operators_own() {
        let env =
            EnvFile::parse("TARS_LLM=container\nTARS_PORT_REDIS=6379\nCOMPOSE_FILE=docker-compose.home.yml:mine.yml");
        assert_eq!(
            file_list(&env, true),
            "docker-compose.home.yml:docker-compose.gpu.yml:docker-compose.ports-redis.yml:mine.yml"
        );
        let env = EnvFile::parse("TARS_LLM=none\nTARS_PORT_OLLAMA=1\nCOMPOSE_PROFILES=ollama,mine");
        assert_eq!(file_list(&env, true), "docker-compose.home.yml");
        assert_eq!(profiles(&env), "mine");
    }
}
