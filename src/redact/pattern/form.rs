//! The small language in which token shapes are written: `ghp_{a36}`.
//!
//! Letters stand for themselves, `{c9}` for at least nine of class `c` (as many as there are), `{c9=}`
//! for exactly nine. `¦` marks where the secret starts, so that a URL keeps its host.
//! The same forms, filled with random letters, are the rules' own examples.

/// One part of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    Literal(&'a str),
    Some { class: u8, least: usize, exact: bool },
    Secret,
}

/// Whether `byte` belongs to `class`.
#[inline]
pub(crate) fn is_in(class: u8, byte: u8) -> bool {
    match class {
        b'a' => byte.is_ascii_alphanumeric(),
        b'l' => byte.is_ascii_lowercase() || byte.is_ascii_digit(),
        b'u' => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        b'h' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        b'H' => byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte),
        b'x' => byte.is_ascii_hexdigit(),
        b'd' => byte.is_ascii_digit(),
        b'v' => byte.is_ascii_alphanumeric() || b"_-".contains(&byte),
        b'o' => byte.is_ascii_alphanumeric() || b"_-.".contains(&byte),
        b'b' => byte.is_ascii_alphanumeric() || b"+/=".contains(&byte),
        b'c' => byte.is_ascii_alphanumeric() || b"./".contains(&byte),
        b'q' => byte.is_ascii_graphic() && !b"\"'`;<>".contains(&byte),
        b'p' => byte.is_ascii_graphic() && !b"\"'`,;<>".contains(&byte),
        _ => false,
    }
}

/// The parts of a form.
pub(crate) fn parts(form: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = form;
    while let Some(next) = rest.find(['{', '¦']) {
        if next > 0 {
            parts.push(Part::Literal(&rest[..next]));
        }
        if rest[next..].starts_with('¦') {
            parts.push(Part::Secret);
            rest = &rest[next + '¦'.len_utf8()..];
            continue;
        }
        let end = rest[next..].find('}').map_or(rest.len(), |end| next + end + 1);
        parts.push(some(&rest[next..end]).unwrap_or(Part::Literal(&rest[next..end])));
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest));
    }
    parts
}

/// `{a20}`, `{h8=}`; other braces stand for themselves (`{SSHA}`).
fn some(braced: &str) -> Option<Part<'_>> {
    let inside = braced.strip_prefix('{')?.strip_suffix('}')?;
    let exact = inside.ends_with('=');
    let least = inside.trim_end_matches('=').get(1..)?.parse().ok()?;
    Some(Part::Some { class: *inside.as_bytes().first()?, least, exact })
}

/// Where the secret starts and ends if the form is found at `at`; cut off only at the end of the text.
pub(crate) fn matches(parts: &[Part<'_>], text: &[u8], at: usize) -> Option<(usize, usize)> {
    let (mut i, mut secret) = (at, at);
    for (index, part) in parts.iter().enumerate() {
        match part {
            Part::Secret => secret = i,
            Part::Literal(literal) if text[i..].starts_with(literal.as_bytes()) => i += literal.len(),
            Part::Literal(_) => return None,
            Part::Some { class, least, exact } => {
                // Leave room for a literal that the class would swallow.
                let stop = match parts.get(index + 1) {
                    Some(Part::Literal(next)) if !*exact => next.as_bytes()[0],
                    _ => 0,
                };
                let most = if *exact { *least } else { 4096 };
                let count =
                    text[i..].iter().take(most).take_while(|byte| is_in(*class, **byte) && **byte != stop).count();
                if count < *least {
                    return None;
                }
                i += count;
            }
        }
    }
    Some((secret, i))
}
