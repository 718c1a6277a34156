//! How many tokens a word is for an embedder, by the vocabulary that its model file carries.
//!
//! Ollama has no end point that counts, but `POST /api/show` with `verbose` gives the vocabulary. BERT's way
//! (`WordPiece`) is followed exactly; for the two others a greedy reading is close, and a margin is added. Without a
//! vocabulary words are estimated with room to spare. An estimate that were too low would still not lose text: the
//! embedder is asked to refuse rather than to cut.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// BERT gives up on longer words.
const BERT_WORD_MAX_CHARS: usize = 100;
/// Bytes per token of a word nobody can look up: English has four to five.
const BYTES_PER_TOKEN: usize = 3;
/// Longer tokens are rows of dashes and blanks: left out they make a count higher, and looking for them at every letter of
/// a text without blanks takes minutes.
const TOKEN_MAX_BYTES: usize = 32;
const BLANK: char = '\u{2581}';

/// How a model file says its words are taken apart (`tokenizer.ggml.model`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `bert`: the longest known beginning, then the longest known continuation.
    WordPiece,
    /// `llama` and `t5`: `SentencePiece`, a blank is a letter.
    SentencePiece,
    /// `gpt2`: byte pairs, each byte written as a printable letter.
    BytePair,
}

/// Counts the tokens of a word.
#[derive(Clone, Debug)]
pub enum Counter {
    /// By a model's own vocabulary.
    Known(Family, Vocabulary),
    /// By length.
    Words,
}

/// The hashes of all tokens: only whether there is one is ever asked, and a model may have 260,000.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    hashes: HashSet<u64, BuildHasherDefault<Itself>>,
    longest_bytes: usize,
}

impl Family {
    /// By its name in a model file.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "bert" => Some(Self::WordPiece),
            "llama" | "t5" | "gemma4" => Some(Self::SentencePiece),
            "gpt2" => Some(Self::BytePair),
            _ => None,
        }
    }
}

impl Counter {
    /// By a vocabulary as it stands in a model file.
    #[must_use]
    pub fn new(family: Family, tokens: &[String]) -> Self {
        // Some converters keep BERT's own "##" for continuations, most turn it round: BLANK for beginnings.
        let marked = family == Family::WordPiece && tokens.iter().any(|token| token.starts_with("##"));
        let turned = |token: &String| match token.strip_prefix("##") {
            Some(rest) if marked => rest.to_owned(),
            None if marked => format!("{BLANK}{token}"),
            _ => token.clone(),
        };
        Self::Known(family, Vocabulary::new(tokens.iter().map(turned)))
    }

    /// The tokens of one word without blanks; punctuation in it counts.
    #[must_use]
    pub fn word(&self, word: &str) -> u32 {
        let count = match self {
            Self::Words => split(word).map(|part| part.len().div_ceil(BYTES_PER_TOKEN)).sum(),
            Self::Known(Family::WordPiece, known) => split(&word.to_lowercase()).map(|part| known.pieces(part)).sum(),
            Self::Known(Family::SentencePiece, known) => {
                with_margin(known.greedy(&format!("{BLANK}{word}"), char::len_utf8))
            }
            Self::Known(Family::BytePair, known) => with_margin(known.greedy(&byte_letters(word), |_| 1)),
        };
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

// Greedy reading finds at most a few tokens less than merging does.
fn with_margin(count: usize) -> usize {
    count + count / 8
}

impl Vocabulary {
    fn new(tokens: impl Iterator<Item = String>) -> Self {
        let (mut hashes, mut longest_bytes) = (HashSet::default(), 1);
        for token in tokens {
            longest_bytes = longest_bytes.max(token.len().min(TOKEN_MAX_BYTES));
            hashes.insert(hash(&token));
        }
        Self { hashes, longest_bytes }
    }

    fn has(&self, token: &str) -> bool {
        self.hashes.contains(&hash(token))
    }

    fn longest(&self, text: &str) -> Option<usize> {
        let mut end = text.floor_char_boundary(self.longest_bytes);
        while end > 0 {
            if self.has(&text[..end]) {
                return Some(end);
            }
            end = text.floor_char_boundary(end - 1);
        }
        None
    }

    // BERT: a word that cannot be taken apart is one unknown token, but accents may make it look so here only.
    fn pieces(&self, word: &str) -> usize {
        if word.chars().count() > BERT_WORD_MAX_CHARS {
            return word.len().div_ceil(2);
        }
        let start = format!("{BLANK}{word}");
        if self.has(&start) {
            return 1;
        }
        let Some(first) = self.longest(&start).filter(|end| *end > BLANK.len_utf8()) else {
            return word.chars().count();
        };
        let (mut rest, mut count) = (&start[first..], 1);
        while !rest.is_empty() {
            let Some(end) = self.longest(rest) else { return word.chars().count() };
            (rest, count) = (&rest[end..], count + 1);
        }
        count
    }

    fn greedy(&self, word: &str, unknown: fn(char) -> usize) -> usize {
        let (mut rest, mut count) = (word, 0);
        while let Some(letter) = rest.chars().next() {
            let (end, tokens) = self.longest(rest).map_or_else(|| (letter.len_utf8(), unknown(letter)), |end| (end, 1));
            (rest, count) = (&rest[end..], count + tokens);
        }
        count
    }
}

/// Letters and digits together, every other sign and every ideograph by itself.
fn split(word: &str) -> impl Iterator<Item = &str> {
    let alone = |c: char| {
        !c.is_alphanumeric()
            || matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
    };
    let mut rest = word;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = if alone(first) { first.len_utf8() } else { rest.find(alone).unwrap_or(rest.len()) };
        let (part, more) = rest.split_at(end);
        rest = more;
        Some(part)
    })
}

// GPT-2 writes bytes without a printable form as the letters from U+0100 on; a blank before the word is Ġ.
fn byte_letters(word: &str) -> String {
    let printable = |byte: u8| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let letter = |byte: u8| {
        if printable(byte) {
            return char::from(byte);
        }
        let index = (0..byte).filter(|lower| !printable(*lower)).count();
        char::from_u32(0x100 + u32::try_from(index).unwrap_or_default()).unwrap_or('\u{fffd}')
    };
    std::iter::once(b' ').chain(word.bytes()).map(letter).collect()
}

fn hash(token: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(token)
}

/// The keys are hashes already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Itself(u64);

impl std::hash::Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(family: Family, tokens: &[&str]) -> Counter {
        Counter::new(family, &tokens.iter().map(|token| (*token).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn word_pieces_are_counted_as_bert_does() {
        for marks in
            [["un", "##aff", "##able", "a", "##b", ",", "the"], ["▁un", "aff", "able", "▁a", "b", "▁,", "▁the"]]
        {
            let counter = known(Family::WordPiece, &marks);
            for (word, tokens) in [("unaffable", 3), ("The", 1), ("the,", 2), ("ab", 2), ("a,a", 3)] {
                assert_eq!(counter.word(word), tokens, "{word} {marks:?}");
            }
        }
    }

    #[test]
    fn a_word_nobody_knows_is_never_counted_low() {
        let counter = known(Family::WordPiece, &["▁a"]);
        assert_eq!(counter.word("xyz"), 3);
        assert_eq!(counter.word(&"x".repeat(300)), 150);
        assert_eq!(known(Family::SentencePiece, &["▁"]).word("é"), 3);
    }

    #[test]
    fn byte_pairs_know_blanks_and_umlauts() {
        assert_eq!(byte_letters("ä"), "ĠÃ¤");
        let counter = known(Family::BytePair, &["Ġhouse", "Ġ", "Ã", "¤"]);
        assert_eq!((counter.word("house"), counter.word("ä")), (1, 3));
    }

    #[test]
    fn without_a_vocabulary_words_are_estimated_high() {
        assert_eq!(Counter::Words.word("house,"), 3);
        assert_eq!(Counter::Words.word("漢字"), 2);
    }
}
