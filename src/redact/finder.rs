//! Finds where any of many short texts begins, in one pass.
//!
//! Three letters of the text at a time are looked up in a bit map of the rarest three of each text; only a
//! hit is compared. An automaton has to wait for each of its steps, this need not: it is several times
//! as fast, and its size hardly depends on how many texts there are.

/// Bits of the map and of its buckets.
const BITS: u32 = 16;

/// A text to be found.
#[derive(Debug)]
pub(super) struct Wanted {
    text: Vec<u8>,
    /// Whether letters match their other case.
    fold: bool,
    /// Which of its letters are looked up: the rarest three.
    at: usize,
}

impl Wanted {
    pub fn new(text: &[u8], fold: bool) -> Self {
        let common = |byte: u8| {
            b" etaoinsrhldcum/.-fpgwy_".iter().position(|b| *b == byte.to_ascii_lowercase()).map_or(0, |rank| 30 - rank)
        };
        let cost = |at: &usize| text[*at..*at + 3].iter().map(|byte| common(*byte)).sum::<usize>();
        let at = (0..text.len().saturating_sub(2)).min_by_key(cost).unwrap_or(0);
        Self { text: text.to_vec(), fold, at }
    }
}

/// Many texts, ready to be found.
#[derive(Debug)]
pub(super) struct Finder {
    map: Box<[u64; 1 << (BITS - 6)]>,
    /// Texts by the hash of their rarest three letters: `order[first[h]..first[h + 1]]`.
    first: Vec<u32>,
    order: Vec<u32>,
    texts: Vec<Wanted>,
}

/// Of the three lowest bytes.
fn hash(word: u64) -> usize {
    // Setting bit 5 folds case; that it also folds a few marks only costs a comparison.
    let mixed = ((word | 0x0020_2020) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS);
    usize::from(mixed as u16)
}

fn three(a: u8, b: u8, c: u8) -> u64 {
    u64::from(u32::from_le_bytes([a, b, c, 0]))
}

impl Finder {
    /// Takes texts of two bytes or more; shorter ones are never found.
    pub fn new(texts: Vec<Wanted>) -> Self {
        let mut hashes: Vec<(usize, u32)> = Vec::new();
        for (index, text) in (0_u32..).zip(&texts) {
            let at = text.at;
            match text.text[at..] {
                [a, b] => hashes.extend((0..=255_u8).map(|c| (hash(three(a, b, c)), index))),
                [a, b, c, ..] => hashes.push((hash(three(a, b, c)), index)),
                _ => {}
            }
        }
        hashes.sort_unstable();
        hashes.dedup();
        let mut map = Box::new([0; 1 << (BITS - 6)]);
        let mut first = vec![0; (1 << BITS) + 1];
        for (hash, _) in &hashes {
            map[hash >> 6] |= 1 << (hash & 63);
            first[hash + 1] += 1;
        }
        for index in 1..first.len() {
            first[index] += first[index - 1];
        }
        let order = hashes.into_iter().map(|(_, index)| index).collect();
        Self { map, first, order, texts }
    }

    /// Calls `found(text index, start)` for every occurrence, roughly in order.
    pub fn find(&self, text: &[u8], mut found: impl FnMut(usize, usize)) {
        let map: &[u64; 1 << (BITS - 6)] = &self.map;
        let hit = |hash: usize| map[hash >> 6] >> (hash & 63) & 1;
        let mut at = 0;
        // Six places from one load; mostly none of them is a hit.
        while let Some(eight) = text[at..].first_chunk::<8>() {
            let word = u64::from_le_bytes(*eight);
            let hashes: [usize; 6] = std::array::from_fn(|i| hash(word >> (8 * i)));
            if hashes.iter().fold(0, |hits, hash| hits | hit(*hash)) == 1 {
                for (index, hash) in hashes.into_iter().enumerate() {
                    if hit(hash) == 1 {
                        self.compare(text, at + index, hash, &mut found);
                    }
                }
            }
            at += 6;
        }
        for at in at..text.len() {
            let byte = |index: usize| u64::from(text.get(at + index).copied().unwrap_or(0));
            self.compare(text, at, hash(byte(0) | byte(1) << 8 | byte(2) << 16), &mut found);
        }
    }

    #[inline(never)]
    fn compare(&self, text: &[u8], at: usize, hash: usize, found: &mut impl FnMut(usize, usize)) {
        for index in &self.order[self.first[hash] as usize..self.first[hash + 1] as usize] {
            let wanted = &self.texts[*index as usize];
            let Some(at) = at.checked_sub(wanted.at) else { continue };
            let Some(here) = text.get(at..at + wanted.text.len()) else { continue };
            let same = |(a, b): (&u8, &u8)| a == b || (wanted.fold && a.eq_ignore_ascii_case(b));
            if here.iter().zip(&wanted.text).all(same) {
                found(*index as usize, at);
            }
        }
    }
}
