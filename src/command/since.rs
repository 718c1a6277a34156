//! `--since`: a span before now, or a time. No verb; those that read logs share it.

/// A span before now, or a time, as seconds since the epoch.
pub(super) fn since(text: &str) -> Result<i32, String> {
    let wrong = || format!("{text} is neither a span (90s, 15m, 2h, 1d) nor a time (2026-11-21T08:00:00Z)");
    let seconds = if let Ok(time) = text.parse::<jiff::Timestamp>() {
        time.as_second()
    } else {
        let unit = text.chars().last().ok_or_else(wrong)?;
        let count: i64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
        let scale = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            _ => return Err(wrong()),
        };
        jiff::Timestamp::now().as_second() - count.checked_mul(scale).ok_or_else(wrong)?
    };
    i32::try_from(seconds.max(1)).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_times_are_understood() {
        let now = i32::try_from(jiff::Timestamp::now().as_second()).unwrap();
        assert!((now - 120 - since("2m").unwrap()).abs() <= 1);
        assert_eq!(since("2026-11-21T08:00:00Z").unwrap(), 1_795_248_000);
        for wrong in ["", "m", "5x", "yesterday", "-", "99999999999999999999d"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
