//! The proof: what was written is read again, and nothing that is certainly a secret may be in it.
//!
//! It trusts no collector: it looks at the file itself, for every known value in any encoding and, with an engine of its
//! own, for key blocks and tokens.

use crate::archive::unpack_each;
use crate::redact::{Redactor, rules};
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::Path;

/// A member that must not leave.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Leak {
    /// Its path in the bundle.
    pub member: String,
    /// What is in it: the setting's name or the rule, never the value.
    pub what: Vec<String>,
}

/// Reads a bundle to its end and tells what should not be in it.
///
/// # Errors
/// When it cannot be read.
pub(super) fn leaks(path: &Path, redactor: &Redactor) -> Result<Vec<Leak>> {
    let known = redactor.known_values();
    let certain: BTreeSet<_> = rules::unmistakable().iter().map(|rule| rule.id).collect();
    let judge = Redactor::default();
    let mut leaks = Vec::new();
    unpack_each(path, &mut |member, content| {
        let mut text = Vec::new();
        content.read_to_end(&mut text)?;
        let mut what: Vec<_> =
            known.seen_in(text.as_slice())?.into_iter().map(|seen| format!("the value of {}", seen.name)).collect();
        // A name can hold a secret as well as a text.
        what.extend(known.seen_in(member.as_bytes())?.into_iter().map(|seen| format!("the value of {}", seen.name)));
        let before = judge.counts();
        std::io::copy(&mut judge.clean(text.as_slice()), &mut std::io::sink())?;
        // Behind a key that is called `token` a token counts as that key's value: word by word it is seen for itself.
        std::io::copy(&mut judge.clean(words_of(&text).as_slice()), &mut std::io::sink())?;
        let after = judge.counts();
        what.extend(
            certain
                .iter()
                .filter(|rule| after.by_rule.get(*rule) > before.by_rule.get(*rule))
                .map(|rule| format!("what looks like a secret of the kind {rule}")),
        );
        if !what.is_empty() {
            let member = member.split_once('/').map_or(member, |(_, rest)| rest).to_owned();
            leaks.push(Leak { member, what });
        }
        Ok(())
    })?;
    Ok(leaks)
}

/// Each word on a line of its own.
fn words_of(text: &[u8]) -> Vec<u8> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`=,;:()<>[]{}|&?\\".contains(byte);
    text.iter().map(|byte| if ends(byte) { b'\n' } else { *byte }).collect()
}
