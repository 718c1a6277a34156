//! Whether a setting's value has the form that it must have, so that a typo is refused by name and line before
//! anything stops, and not by a crash of the service that reads it.

use std::net::IpAddr;

/// What a value must be, when it is not; `raw` is its line as it stands in the file. Never quotes a secret.
#[must_use]
pub fn wrong(key: &str, value: &str, raw: &str) -> Option<String> {
    let must = must_be(key, value, raw)?;
    let secret = super::env::key(key).is_some_and(|key| key.kind == super::env::Kind::Secret);
    Some(if secret { format!("{key} {must}") } else { format!("{key} is \"{value}\"; it {must}") })
}

fn must_be(key: &str, value: &str, raw: &str) -> Option<&'static str> {
    let one_of = |words: &[&str]| words.contains(&value);
    let (well, must) = match key {
        "COMPOSE_PROJECT_NAME" => {
            (project(value), "must be lower-case letters, digits, - and _, a letter or digit first")
        }
        "TARS_POSTGRES_DB" | "TARS_POSTGRES_USER" => {
            (identifier(value), "must be letters, digits and _, no digit first")
        }
        "TARS_POSTGRES_PASSWORD"
        | "TARS_REDIS_PASSWORD"
        | "TARS_JWT_SECRET"
        | "TARS_ENCRYPTION_KEY"
        | "TARS_ADMIN_PASSWORD" => (
            plain(value) && !raw.contains(['$', '\\', '`']),
            "holds a blank, a quote, a backslash, ` or $, which compose, shells and configuration files each read differently: choose another",
        ),
        "TARS_ENCRYPTION_KEYS_OLD" => (
            value.split(',').all(|key| plain(key.trim())) && !raw.contains(['$', '\\', '`']),
            "must be keys of letters and digits, separated by commas",
        ),
        "TARS_RATE_LIMIT" => (
            value.is_empty() || value.parse::<u32>().is_ok(),
            "must be a number of requests per minute, or 0 for no limit",
        ),
        "TARS_REDIS_MAXMEMORY" => (size(value), "must be a size such as 512mb or 2gb"),
        "TARS_LLM" => (one_of(&["", "container", "url", "none"]), "must be container, url or none"),
        "TARS_OLLAMA_URL" => {
            (value.is_empty() || value.contains("://"), "must be an address such as http://gpu.lan:11434")
        }
        "TARS_GPU" => (one_of(&["", "auto", "on", "off"]), "must be auto, on or off"),
        "TARS_BIND" => (
            value.is_empty() || value.parse::<IpAddr>().is_ok(),
            "must be an address of this machine, or 0.0.0.0 for all",
        ),
        "TARS_BACKUP_DIR" => (value.is_empty() || value.starts_with('/'), "must be an absolute path, or empty"),
        "TARS_DOCS_DIR" => (value.starts_with('/'), "must be an absolute path"),
        "TARS_DOCS_PROPAGATION" => {
            (one_of(&["", "rprivate", "private", "rslave", "slave", "rshared", "shared"]), "must be rprivate or rslave")
        }
        "TARS_WAIT_S" => (
            value.is_empty() || value.parse().is_ok_and(|s: u32| (1..=86400).contains(&s)),
            "must be a number of seconds from 1 to 86400",
        ),
        "LOG_LEVEL" => {
            (one_of(&["", "error", "warn", "info", "debug", "trace"]), "must be error, warn, info, debug or trace")
        }
        _ if key.starts_with("TARS_PORT_") => (
            value.is_empty() || value.parse().is_ok_and(|port: u16| port > 0),
            "must be a port from 1 to 65535, or empty",
        ),
        _ if key.starts_with("TARS_VOLUME_") => {
            (value.is_empty() || volume(value), "must be a volume's name: letters, digits, _ . and -")
        }
        _ if key.starts_with("TARS_IMAGE_") => (plain(value), "must be an image's name"),
        _ => (true, ""),
    };
    (!well).then_some(must)
}

fn project(value: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    value.is_empty() || value.starts_with(first) && value.chars().all(|c| first(c) || c == '-' || c == '_')
}

fn identifier(value: &str) -> bool {
    !value.is_empty()
        && !value.starts_with(|c: char| c.is_ascii_digit())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn volume(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn plain(value: &str) -> bool {
    !value.contains(|c: char| c.is_whitespace() || c.is_control() || "\"'\\$`".contains(c))
}

fn size(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let number = lower.trim_end_matches('b').trim_end_matches(['k', 'm', 'g']);
    value.is_empty() || (!number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_well() {
        for key in super::super::env::KEYS {
            assert_eq!(wrong(key.name, key.default, ""), None, "{}", key.name);
        }
    }

    #[test]
    fn typos_are_named_and_secrets_are_not_shown() {
        for (key, value) in [
            ("COMPOSE_PROJECT_NAME", "HB20"),
            ("COMPOSE_PROJECT_NAME", "hb 1"),
            ("TARS_PORT_API", "70000"),
            ("TARS_PORT_API", "0"),
            ("TARS_BIND", "everywhere"),
            ("TARS_DOCS_DIR", "rel/x"),
            ("TARS_BACKUP_DIR", "rel/x"),
            ("LOG_LEVEL", "nonsense"),
            ("TARS_LLM", "maybe"),
            ("TARS_GPU", "banana"),
            ("TARS_WAIT_S", "2m"),
            ("TARS_REDIS_MAXMEMORY", "lots"),
            ("TARS_POSTGRES_USER", ""),
            ("TARS_VOLUME_REDIS", "a/b"),
        ] {
            assert!(wrong(key, value, "").is_some_and(|what| what.contains(key)), "{key}={value}");
        }
        let said = wrong("TARS_REDIS_PASSWORD", "q\"wertz", "TARS_REDIS_PASSWORD='q\"wertz'").unwrap();
        assert!(!said.contains("wertz"), "{said}");
        assert!(
            wrong("TARS_REDIS_PASSWORD", "long", "TARS_REDIS_PASSWORD=long$er").is_some(),
            "composes differ over it"
        );
        assert!(wrong("TARS_REDIS_PASSWORD", "x-Y_z.9~!@%^*+=", "").is_none());
    }
}
