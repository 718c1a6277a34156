//! The key table: every setting, its default, whether it is a secret and whether a restore may bring it.
//!
//! The template, the documentation, the redactor, the doctor and the restore all read this one const. A test holds
//! it against `deploy/tars-home.env.template`, another against `docs/INSTALL_HOME.md`.

/// One setting of the env file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name in the file.
    pub name: &'static str,
    /// What the template holds; empty when `install` fills it or when nothing is meant.
    pub default: &'static str,
    /// What kind of setting it is.
    pub kind: Kind,
}

/// How a setting is made and treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Generated, never shown, learned by the redactor; travels with a restore only from an encrypted archive.
    Secret,
    /// Chosen by the operator; a restore may bring it.
    Travels,
    /// Belongs to this machine (ports, paths, volumes, images); a restore never brings it.
    Machine,
}

const fn secret(name: &'static str) -> Key {
    Key { name, default: "", kind: Kind::Secret }
}

const fn travels(name: &'static str, default: &'static str) -> Key {
    Key { name, default, kind: Kind::Travels }
}

const fn machine(name: &'static str, default: &'static str) -> Key {
    Key { name, default, kind: Kind::Machine }
}

/// The one secret that nobody generates: keys that were in use before, separated by commas.
pub const OLD_KEYS: &str = "TARS_ENCRYPTION_KEYS_OLD";

/// Every key, in the template's order.
pub const KEYS: &[Key] = &[
    machine("COMPOSE_PROJECT_NAME", super::DEFAULT_PROJECT),
    machine("COMPOSE_FILE", super::compose::MAIN),
    machine("COMPOSE_PROFILES", ""),
    travels("TARS_POSTGRES_DB", "tars_home"),
    travels("TARS_POSTGRES_USER", "tars"),
    secret("TARS_POSTGRES_PASSWORD"),
    secret("TARS_REDIS_PASSWORD"),
    travels("TARS_REDIS_MAXMEMORY", "512mb"),
    secret("TARS_JWT_SECRET"),
    secret("TARS_ENCRYPTION_KEY"),
    secret(OLD_KEYS),
    travels("TARS_ADMIN_USER", "admin"),
    secret("TARS_ADMIN_PASSWORD"),
    machine("TARS_LLM", ""),
    machine("TARS_OLLAMA_URL", ""),
    travels("OLLAMA_MODEL", "llama3.2:3b"),
    travels("TARS_EMBED_MODEL", "nomic-embed-text"),
    machine("TARS_GPU", "auto"),
    machine("TARS_BIND", "0.0.0.0"),
    machine("TARS_PORT_API", "8000"),
    machine("TARS_PORT_WEB", ""),
    machine("TARS_PORT_OLLAMA", ""),
    machine("TARS_PORT_CHROMA", ""),
    machine("TARS_PORT_POSTGRES", ""),
    machine("TARS_PORT_REDIS", ""),
    machine("TARS_DOCS_DIR", "/mnt/llm_docs"),
    machine("TARS_DOCS_PROPAGATION", "rprivate"),
    machine("TARS_BACKUP", ""),
    machine("TARS_BACKUP_DIR", ""),
    machine("TARS_BACKUP_RECIPIENT", ""),
    travels("TARS_CORS_ORIGINS", ""),
    machine("TARS_TRUSTED_PROXIES", ""),
    travels("TARS_RATE_LIMIT", "200"),
    travels("TARS_WAIT_S", "120"),
    travels("LOG_LEVEL", "info"),
    machine("TARS_NAS", ""),
    machine("NAS_HOST", ""),
    machine("NAS_SHARE", ""),
    machine("NAS_USER", ""),
    machine("NAS_MOUNT_POINT", ""),
    machine("TARS_VOLUME_OLLAMA", ""),
    machine("TARS_VOLUME_CHROMA", ""),
    machine("TARS_VOLUME_POSTGRES", ""),
    machine("TARS_VOLUME_REDIS", ""),
    machine("TARS_VOLUME_DOCUMENTS", ""),
    machine("TARS_VOLUME_LOGS", ""),
    machine("TARS_IMAGES", "auto"),
    machine("TARS_IMAGE_OLLAMA", ""),
    machine("TARS_IMAGE_CHROMA", ""),
    machine("TARS_IMAGE_POSTGRES", ""),
    machine("TARS_IMAGE_REDIS", ""),
    machine("TARS_IMAGE_BACKEND", ""),
];

/// The template with a comment for every key, embedded in the binary.
pub const TEMPLATE: &str = include_str!("../../deploy/tars-home.env.template");

/// The row of a key.
#[must_use]
pub fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// A key's default; empty for an unknown key.
#[must_use]
pub fn default_of(name: &str) -> &'static str {
    key(name).map_or("", |key| key.default)
}

/// The names of all secrets.
pub fn secrets() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter(|key| key.kind == Kind::Secret).map(|key| key.name)
}

/// The names of the secrets that an installation makes when they are missing.
pub fn generated() -> impl Iterator<Item = &'static str> {
    secrets().filter(|name| *name != OLD_KEYS)
}

/// A new secret: 32 letters and digits (190 bits), so that no quoting is ever needed.
///
/// # Errors
/// When the kernel's random source cannot be read.
pub fn generate_secret() -> anyhow::Result<String> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut secret = String::with_capacity(32);
    while secret.len() < 32 {
        let mut bytes = [0_u8; 64];
        getrandom::fill(&mut bytes).map_err(|e| anyhow::anyhow!("the kernel gave no random bytes: {e}"))?;
        // Bytes of 248 and above are dropped so that every letter is equally likely (248 = 4 * 62).
        let letters = bytes.iter().filter(|byte| **byte < 248).map(|byte| ALPHABET[usize::from(*byte) % 62]);
        secret.extend(letters.take(32 - secret.len()).map(char::from));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::envfile::EnvFile;

    #[test]
    fn the_template_is_the_table() {
        let template = EnvFile::parse(TEMPLATE);
        let in_file: Vec<_> = template.entries().map(|e| (e.key.as_str(), e.value.as_str())).collect();
        let in_table: Vec<_> = KEYS.iter().map(|key| (key.name, key.default)).collect();
        assert_eq!(in_file, in_table);
    }

    #[test]
    fn secrets_need_no_quoting_and_differ() {
        let (a, b) = (generate_secret().unwrap(), generate_secret().unwrap());
        assert_ne!(a, b);
        assert!(a.len() == 32 && a.chars().all(|c| c.is_ascii_alphanumeric()));
    }
}
