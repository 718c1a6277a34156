//! The words of a text with their tokens, and how long a reader pauses after each.

use super::Counter;

/// Pauses, the longer the better a place to cut.
pub(super) const WORD: u8 = 0;
const SENTENCE: u8 = 1;
const LINE: u8 = 2;
const PARAGRAPH: u8 = 3;
const BEFORE_HEADING: u8 = 4;
/// More bytes than a token of a long word has.
const TOKEN_BYTES: usize = 16;

/// A word with the blanks after it.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) tokens: u32,
    pub(super) pause: u8,
}

/// Every word of a text; one that alone is more than `max` tokens comes in parts.
pub(super) fn units(text: &str, counter: &Counter, max: u32) -> Vec<Unit> {
    let mut units = Vec::with_capacity(text.len() / 6);
    let mut at = text.len() - text.trim_start().len();
    while at < text.len() {
        let rest = &text[at..];
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let word = &rest[..length];
        let gap = &rest[length..];
        let gap = &gap[..gap.len() - gap.trim_start().len()];
        let after = &rest[length + gap.len()..];
        let pause = pause(word, gap, after);
        // What is longer than so many tokens could be is no word: it is not even counted as a whole.
        let tokens = if word.len() > TOKEN_BYTES * max as usize { u32::MAX } else { counter.word(word) };
        if tokens <= max {
            units.push(Unit { start: at, end: at + length + gap.len(), tokens, pause });
        } else {
            parts(at, word, counter, max, &mut units);
            if let Some(last) = units.last_mut() {
                (last.end, last.pause) = (at + length + gap.len(), pause);
            }
        }
        at += length + gap.len();
    }
    units
}

fn pause(word: &str, gap: &str, after: &str) -> u8 {
    let lines = gap.bytes().filter(|byte| *byte == b'\n').count();
    match lines {
        0 if word.trim_end_matches(['"', '\'', ')', ']', '”', '’', '»']).ends_with(['.', '!', '?', '…', '。']) => {
            SENTENCE
        }
        0 => WORD,
        _ if after.starts_with('#') => BEFORE_HEADING,
        1 => LINE,
        _ => PARAGRAPH,
    }
}

// No letter is more tokens than bytes: so many bytes are never too many tokens.
fn parts(at: usize, word: &str, counter: &Counter, max: u32, units: &mut Vec<Unit>) {
    let room = usize::try_from(max / 2).unwrap_or(usize::MAX).max(4);
    let (mut start, mut rest) = (at, word);
    while !rest.is_empty() {
        let length = rest.floor_char_boundary(room);
        let (part, more) = rest.split_at(length);
        let tokens = counter.word(part).min(max);
        units.push(Unit { start, end: start + length, tokens, pause: WORD });
        (start, rest) = (start + length, more);
    }
}
