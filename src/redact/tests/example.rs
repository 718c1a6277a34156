//! Fills templates with random letters, for tests only: token-shaped strings stay out of the tree.
//!
//! `{a20}`: 20 of a class of [`crate::pattern::form`] (`a` letters and digits, `h` hexadecimal, `v` URL-safe
//! base64 …), `{p12}` a password with a mark, `{w3}` three words, `{=x}` exactly `x`, `{d2=}` exactly two.

use crate::pattern::form::is_in;

/// A small generator: the same seed gives the same letters.
pub(super) struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % (limit.max(1) as u64)).unwrap_or(0)
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// The text of a template and the values that were put in.
pub(super) fn fill(template: &str, dice: &mut Dice) -> (String, Vec<String>) {
    let (mut text, mut secrets, mut rest) = (String::new(), Vec::new(), template);
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        let end = rest[open..].find('}').map_or(rest.len(), |end| open + end + 1);
        if let Some(value) = value(&rest[open + 1..end - 1], dice) {
            text.push_str(&value);
            secrets.push(value);
            rest = &rest[end..];
        } else {
            text.push('{');
            rest = &rest[open + 1..];
        }
    }
    text.push_str(rest);
    (text, secrets)
}

fn value(inside: &str, dice: &mut Dice) -> Option<String> {
    if let Some(exact) = inside.strip_prefix('=') {
        return Some(exact.to_owned());
    }
    let class = *inside.as_bytes().first()?;
    let count: usize = inside.trim_end_matches('=').get(1..)?.parse().ok()?;
    match class {
        b'w' => Some((0..count).map(|_| word(dice)).collect::<Vec<_>>().join(" ")),
        b'p' => {
            let mut text = letters(b'a', count, dice).into_bytes();
            text[0] = b'k';
            if count > 3 {
                text[1] = b'7';
                text[count / 2] = *dice.pick(b"!@#%^*+~");
                text[count - 1] = b'Q';
            }
            String::from_utf8(text).ok()
        }
        b'a' | b'l' | b'u' | b'h' | b'H' | b'x' | b'd' | b'v' | b'o' | b'b' | b'c' | b'q' => {
            Some(letters(class, count, dice))
        }
        _ => None,
    }
}

fn word(dice: &mut Dice) -> String {
    (0..6).map(|index| char::from(*dice.pick(if index % 2 == 0 { &b"bdfgklmnprstvz"[..] } else { b"aeiou" }))).collect()
}

fn letters(class: u8, count: usize, dice: &mut Dice) -> String {
    let class = if class == b'q' || class == b'o' { b'a' } else { class };
    let all: Vec<u8> = (33..127).filter(|byte| is_in(class, *byte) && *byte != b'=').collect();
    let plain: Vec<u8> = all.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    let letter = |index: usize, dice: &mut Dice| {
        if index == 0 || index + 1 == count { *dice.pick(&plain) } else { *dice.pick(&all) }
    };
    (0..count).map(|index| letter(index, dice) as char).collect()
}
