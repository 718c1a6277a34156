//! A text becomes pieces that fit the embedder: at most so many of *its* tokens, cut where a reader would pause, each
//! beginning with the last words of the one before.
//!
//! Every word is counted once and the cuts are found over those counts, so that a text is read through a single time.
//! `count` knows tokens; nothing here knows documents.

mod count;
mod units;

pub use count::{Counter, Family};
use units::{Unit, units};

/// Tokens of a piece, unless the model takes less.
pub const TOKENS: u32 = 512;
/// Tokens that a piece repeats of the one before.
pub const OVERLAP: u32 = 50;
/// The least of its room that a piece fills before a good place to cut counts more than the room.
const FILL_PERCENT: u32 = 60;

/// So much of a text is cut at a time.
const STRETCH_BYTES: usize = 1 << 20;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Its words, without blanks at either end.
    pub content: &'a str,
    /// How many tokens they are.
    pub tokens: u32,
}

/// How texts are cut.
#[derive(Clone, Debug)]
pub struct Chunker {
    counter: Counter,
    max: u32,
    overlap: u32,
}

// After a word; in the middle of one only where there is no end of it.
fn stretch_end(text: &str, at: usize, stretch: usize) -> usize {
    let end = text.floor_char_boundary(at.saturating_add(stretch));
    if end == text.len() {
        return end;
    }
    let space = text[at..end].char_indices().rfind(|(_, letter)| letter.is_whitespace());
    space.map_or(end, |(index, letter)| at + index + letter.len_utf8())
}

impl Chunker {
    /// For a model that takes `context` tokens in all, `reserved` of which are not the text's.
    #[must_use]
    pub fn new(counter: Counter, context: Option<u32>, reserved: u32) -> Self {
        let max = context.map_or(TOKENS, |context| context.saturating_sub(reserved).clamp(16, TOKENS));
        Self { counter, max, overlap: OVERLAP.min(max / 4) }
    }

    /// The most tokens a piece has.
    #[must_use]
    pub fn max_tokens(&self) -> u32 {
        self.max
    }

    /// How many tokens a text is.
    #[must_use]
    pub fn count(&self, text: &str) -> u32 {
        units(text, &self.counter, self.max).iter().map(|unit| unit.tokens).sum()
    }

    /// Cuts a text; a text of blanks has no pieces.
    #[must_use]
    pub fn pieces<'a>(&self, text: &'a str) -> Vec<Piece<'a>> {
        self.pieces_by(text, STRETCH_BYTES)
    }

    // In stretches, so that the words of a long text need not all be held. The last piece of a stretch is cut anew with
    // what follows, so that the pieces are the same as of the whole.
    fn pieces_by<'a>(&self, text: &'a str, stretch: usize) -> Vec<Piece<'a>> {
        let (mut pieces, mut at) = (Vec::new(), 0);
        while at < text.len() {
            let end = stretch_end(text, at, stretch);
            let mut some = self.cut(&text[at..end]);
            let last = if end < text.len() && some.len() > 1 { some.pop() } else { None };
            pieces.extend(some.into_iter().map(|(_, piece)| piece));
            at = last.map_or(end, |(start, _)| at + start);
        }
        pieces
    }

    /// The pieces of a stretch, each with its beginning there.
    fn cut<'a>(&self, text: &'a str) -> Vec<(usize, Piece<'a>)> {
        let units = units(text, &self.counter, self.max);
        let mut pieces = Vec::new();
        let mut start = 0;
        while start < units.len() {
            let end = self.end(&units, start);
            let part = &units[start..end];
            let content = text[part[0].start..part[part.len() - 1].end].trim();
            if !content.is_empty() {
                let tokens = part.iter().map(|unit| unit.tokens).sum();
                pieces.push((part[0].start, Piece { content, tokens }));
            }
            if end == units.len() {
                break;
            }
            start = self.next_start(&units, start, end);
        }
        pieces
    }

    // One past the last unit: all that fits, or up to the best pause in the last part of it.
    fn end(&self, units: &[Unit], start: usize) -> usize {
        let (mut filled, mut best, mut limit) = (0, None, start);
        for (index, unit) in units.iter().enumerate().skip(start) {
            if filled + unit.tokens > self.max {
                break;
            }
            filled += unit.tokens;
            limit = index + 1;
            let well_filled = filled * 100 >= self.max * FILL_PERCENT;
            if well_filled && best.is_none_or(|(pause, _)| unit.pause >= pause) {
                best = Some((unit.pause, limit));
            }
        }
        if limit == units.len() { limit } else { best.map_or(limit.max(start + 1), |(_, end)| end) }
    }

    // As far back as the overlap allows, to the earliest pause there is in it, else to any word.
    fn next_start(&self, units: &[Unit], start: usize, end: usize) -> usize {
        let (mut repeated, mut any, mut pause) = (0, end, None);
        for index in (start + 1..end).rev() {
            repeated += units[index].tokens;
            if repeated > self.overlap {
                break;
            }
            any = index;
            if units[index - 1].pause > units::WORD {
                pause = Some(index);
            }
        }
        pause.unwrap_or(any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(max: u32) -> Chunker {
        Chunker::new(Counter::Words, Some(max), 0)
    }

    fn sentences(count: usize) -> String {
        (0..count)
            .flat_map(|n| ["The fox number ".to_owned(), n.to_string(), " jumps over dogs. ".to_owned()])
            .collect()
    }

    #[test]
    fn stretches_change_no_piece() {
        let text: String =
            (0..900).map(|n| if n % 17 == 0 { format!("End {n}.\n\n") } else { format!("wörd{n} ") }).collect();
        let chunker = Chunker::new(Counter::Words, None, 20);
        let whole = chunker.pieces_by(&text, usize::MAX);
        assert!(whole.len() > 4, "{}", whole.len());
        for stretch in [3000, 4096, 5001] {
            assert_eq!(chunker.pieces_by(&text, stretch), whole, "{stretch}");
        }
        let endless = "x".repeat(20_000);
        assert_eq!(
            chunker.pieces_by(&endless, 3000).iter().map(|piece| piece.content.len()).sum::<usize>() / 20_000,
            1
        );
    }

    #[test]
    fn a_megabyte_without_a_blank_is_cut_in_no_time() {
        let tokens: Vec<String> = ('a'..='z').map(String::from).chain(["-".repeat(250)]).collect();
        let chunker = Chunker::new(Counter::new(Family::BytePair, &tokens), None, 20);
        let (text, begun) = ("kjhgfdsa".repeat(1 << 17), std::time::Instant::now());
        assert!(chunker.pieces(&text).len() > 1000);
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
    }

    #[test]
    fn no_piece_is_larger_and_no_word_is_lost() {
        let text = sentences(500);
        for max in [16, 40, 100, 512] {
            let chunker = of(max);
            let pieces = chunker.pieces(&text);
            assert!(pieces.iter().all(|piece| piece.tokens <= max && chunker.count(piece.content) <= max));
            for n in 0..500 {
                let words = format!("number {n} ");
                assert!(pieces.iter().any(|piece| piece.content.contains(&words)), "{max}: {words}");
            }
        }
    }

    #[test]
    fn pieces_begin_and_end_at_sentences_and_overlap() {
        let text = sentences(200);
        let pieces = of(200).pieces(&text);
        assert!(pieces.len() > 3);
        for pair in pieces.windows(2) {
            assert!(pair[0].content.ends_with('.') && pair[1].content.starts_with("The"), "{pair:?}");
            let first = pair[1].content.split('.').next().unwrap();
            assert!(pair[0].content.contains(first), "{pair:?}");
        }
    }

    #[test]
    fn a_paragraph_or_a_heading_is_a_better_place_than_a_sentence() {
        let (one, two) = (sentences(8), sentences(8));
        let text = format!("{one}\n\n# Two\n{two}");
        let pieces = of(130).pieces(&text);
        assert!(pieces[0].content.ends_with("dogs.") && !pieces[0].content.contains("# Two"), "{pieces:?}");
        assert!(pieces[1].content.contains("# Two"), "{pieces:?}");
    }

    #[test]
    fn one_endless_word_is_cut_and_blanks_are_nothing() {
        let text = "x".repeat(100_000);
        let pieces = of(512).pieces(&text);
        assert!(pieces.len() > 60 && pieces.iter().all(|piece| piece.tokens <= 512));
        assert!(of(512).pieces(" \n\n \t ").is_empty());
        assert_eq!(of(512).pieces("short").len(), 1);
        let umlauts = "ß€😀".repeat(5_000);
        assert!(of(64).pieces(&umlauts).iter().all(|piece| piece.tokens <= 64));
    }

    #[test]
    fn never_above_the_models_context() {
        assert_eq!(Chunker::new(Counter::Words, Some(256), 16).max_tokens(), 240);
        assert_eq!(Chunker::new(Counter::Words, Some(2048), 16).max_tokens(), 512);
        assert_eq!(Chunker::new(Counter::Words, None, 16).max_tokens(), 512);
    }
}
