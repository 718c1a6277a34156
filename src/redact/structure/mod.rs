//! Layer two: what the form of a text says is secret.

pub(super) mod account;
mod assign;
mod block;
mod call;
mod extent;
mod glue;
pub(super) mod header;
mod named;
pub(super) mod pair;
pub(super) mod place;
mod space;
pub(super) mod special;
pub(super) mod table;
pub(super) mod text;
pub(super) mod tool;
pub(super) mod url;

/// Whether a quoted name is the first item of a call or a tuple: `("name", …)`, `{name, …}`.
fn is_tuple(text: &[u8], name: usize) -> bool {
    let quote = usize::from(matches!(text::before(text, name), b'"' | b'\''));
    matches!(text::before(text, name - quote), b'(' | b'{' | b' ' | b',')
        && text[..name - quote].iter().rev().find(|byte| **byte != b' ').is_some_and(|byte| b"({".contains(byte))
}
