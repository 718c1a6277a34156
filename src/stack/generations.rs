//! Which volumes are live. The env file's `TARS_VOLUME_*` keys name them; a restore makes the next generation
//! beside the live one and switches by renaming the env file. Here are the names; the switch is in `operate`.

use super::service;

/// The name of a volume in a generation: `tars-home_chroma_data`, `tars-home_chroma_data.g2`.
#[must_use]
pub fn volume_name(project: &str, key: &str, generation: u32) -> String {
    match generation {
        0 | 1 => format!("{project}_{key}"),
        n => format!("{project}_{key}.g{n}"),
    }
}

/// The generation that a live volume's name stands for; names of the operator's own count as the first.
#[must_use]
pub fn generation_of(volume: &str) -> u32 {
    volume.rsplit_once(".g").and_then(|(_, n)| n.parse().ok()).unwrap_or(1)
}

/// Whether a volume is one of a key's, of whatever generation: exactly a name that [`volume_name`] makes.
#[must_use]
pub fn is_of(project: &str, key: &str, name: &str) -> bool {
    name == volume_name(project, key, generation_of(name))
}

/// The settings of a first installation: every volume's key with its first name.
pub fn first_names(project: &str) -> impl Iterator<Item = (&'static str, String)> {
    service::volumes().map(move |(_, volume)| (volume.setting, volume_name(project, volume.key, 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_generations_are_inverse() {
        for generation in [1, 2, 17] {
            assert_eq!(generation_of(&volume_name("tars-home", "chroma_data", generation)), generation);
        }
        assert_eq!(volume_name("p", "redis_data", 1), "p_redis_data");
        assert_eq!(generation_of("somebody.gold"), 1);
    }

    #[test]
    fn only_exact_names_belong_to_a_key() {
        for name in ["p_redis_data", "p_redis_data.g2", "p_redis_data.g17"] {
            assert!(is_of("p", "redis_data", name), "{name}");
        }
        for name in
            ["p_redis_data.gold", "p_redis_data.g2x", "p_redis_data.g02", "p_redis_data.g", "p_redis_data.g1.g2"]
        {
            assert!(!is_of("p", "redis_data", name), "{name}");
        }
    }
}
