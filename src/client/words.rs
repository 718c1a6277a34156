//! Errors of a connection as one short sentence that names the other side.
//!
//! Works for any error chain that ends in an I/O, TLS or name error, so Postgres' and Redis' clients in
//! `serve` speak the same way. The chain itself is the caller's to keep.

use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;

use super::resolve::NoSuchName;

/// The longest piece of a foreign answer that is quoted, in characters.
const QUOTED_CHARS: usize = 200;

/// What went wrong on the way to `place` (`host:port`), if the chain holds something known.
fn sentence(error: &(dyn Error + 'static), place: &str) -> Option<String> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(name) = cause.downcast_ref::<NoSuchName>() {
            return Some(name.to_string());
        }
        if let Some(said) = cause.downcast_ref::<std::io::Error>().and_then(|io| io_sentence(io, place)) {
            return Some(said);
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return Some(tls_sentence(tls, place));
        }
        next = cause.source();
    }
    None
}

/// The sentence for any error: a known one, or the deepest cause in its own words.
#[must_use]
pub fn describe(error: &(dyn Error + 'static), place: &str) -> String {
    sentence(error, place).unwrap_or_else(|| {
        let mut deepest = error;
        while let Some(cause) = deepest.source() {
            deepest = cause;
        }
        format!("no usable answer from {place}: {}", quote(&deepest.to_string()))
    })
}

/// "no answer from … within 5 s".
#[must_use]
pub fn no_answer(place: &str, deadline: Duration) -> String {
    format!("no answer from {place} within {} s", deadline.as_secs_f64())
}

/// One line of at most 200 characters out of a foreign text.
#[must_use]
pub fn quote(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn io_sentence(error: &std::io::Error, place: &str) -> Option<String> {
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return Some(tls_sentence(tls, place));
    }
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    Some(match error.kind() {
        ErrorKind::ConnectionRefused => format!("connection refused by {place}"),
        ErrorKind::ConnectionReset
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionAborted => {
            format!("{place} closed the connection")
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => format!("no route to {place}"),
        ErrorKind::TimedOut => format!("no connection to {place}: timed out"),
        // getaddrinfo's failures have no kind of their own.
        _ if error.to_string().contains("failed to lookup address") => NoSuchName(host.to_owned()).to_string(),
        _ => return None,
    })
}

fn tls_sentence(error: &rustls::Error, place: &str) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => format!("the certificate of {place} is not trusted: {why}"),
        rustls::Error::InvalidMessage(_) => format!("{place} does not speak TLS: try http:// instead of https://"),
        other => format!("no TLS connection to {place}: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_causes_get_their_sentence_and_others_their_own_words() {
        let refused = std::io::Error::from(ErrorKind::ConnectionRefused);
        assert_eq!(describe(&refused, "db:5432"), "connection refused by db:5432");
        assert_eq!(describe(&std::io::Error::other("odd"), "db:5432"), "no usable answer from db:5432: odd");
        let name = std::io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(describe(&name, "db:5432"), "the name db cannot be resolved");
    }

    #[test]
    fn a_foreign_text_is_quoted_as_one_bounded_line() {
        assert_eq!(quote("<h1>\n  Bad\tGateway</h1>"), "<h1> Bad Gateway</h1>");
        assert_eq!(quote(&"ä".repeat(500)).chars().count(), QUOTED_CHARS + 1);
    }
}
