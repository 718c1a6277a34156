//! Finds where any of many short texts begins, in one pass.
//!
//! Three letters of the text, at every second place, are looked up in a bit map of the rarest threes of
//! each text (one for even and one for odd places); only a hit is compared, first by four letters. An automaton has to wait for each
//! of its steps, this need not: it is several times as fast, and its size hardly depends on how many texts there are.

/// Bits of the map.
const BITS: u32 = 18;
const WORDS: usize = 1 << (BITS - 6);

/// A text to be found, perhaps a secret: not `Debug`.
pub(super) struct Wanted {
    text: Vec<u8>,
    /// Whether letters match their other case.
    fold: bool,
}

/// Letters that stand somewhere in a text; beyond its ends anything may stand.
type Letters<const N: usize> = [Option<u8>; N];

impl Wanted {
    pub fn new(text: &[u8], fold: bool) -> Self {
        Self { text: text.to_vec(), fold }
    }

    fn letters<const N: usize>(&self, at: isize) -> Letters<N> {
        let letter = |at: isize| usize::try_from(at).ok().and_then(|at| self.text.get(at)).copied();
        std::array::from_fn(|index| isize::try_from(index).ok().and_then(|index| letter(at + index)))
    }

    /// Where its rarest three letters at even or at odd places stand. Of a short text, one before its start or behind
    /// its end may be anything.
    fn rarest(&self, odd: bool) -> Option<isize> {
        let last = isize::try_from(self.text.len()).ok()? - 3;
        let short = isize::from(last < 1);
        (-short..=last.max(-1) + short).filter(|at| (at & 1 == 1) == odd).min_by_key(|at| commonness(self.letters(*at)))
    }

    fn is_at(&self, text: &[u8], at: usize) -> bool {
        let Some(here) = text.get(at..at + self.text.len()) else { return false };
        if self.fold { here.eq_ignore_ascii_case(&self.text) } else { here == self.text }
    }
}

/// How often three letters are to be expected in logs.
fn commonness(three: Letters<3>) -> usize {
    let known: Vec<u8> = three.iter().flatten().map(u8::to_ascii_lowercase).collect();
    let word = if memchr::memmem::find(FREQUENT.as_bytes(), &known).is_some() { 1000 } else { 0 };
    let hex = if known.iter().all(u8::is_ascii_hexdigit) { 300 } else { 0 };
    word + hex + three.iter().map(|byte| byte.map_or(60, common)).sum::<usize>()
}

/// How common a letter is in logs.
fn common(byte: u8) -> usize {
    b" etaoinsrhldcum/.-fpgwy_".iter().position(|b| *b == byte.to_ascii_lowercase()).map_or(0, |rank| 30 - rank)
}

/// Words of which logs are made: what stands in them tells little.
const FREQUENT: &str = " the and that with this from have been which there their would when will more about into than \
    then other after also only time date level info debug warning error fatal trace message msg service backend server \
    request response status user session token tokens document documents query passages chunk collection model root host \
    port https json index source started stopped container docker kernel system memory connection client database postgres \
    redis chroma ollama home tars network local volume process thread timeout seconds milliseconds duration bytes size \
    count version update create delete read write file path name type value data true false null content length \
    application text html image format method config enabled disabled failed success default checkpoint complete \
    buffers sync prompt eval per second ms llama stderr stdout stream log blobs sha256 models usr lib bin etc var run \
    opt python site-packages line in java node src main index.js ... --- === *** 0000 1234 2024 2025 2026 ";

/// A text by some of its letters.
#[derive(Clone, Copy)]
struct Entry {
    /// Four letters, folded, that stand at the place of the three or one before; `mask` tells which are known.
    four: u32,
    mask: u32,
    text: u32,
    /// Where in the text the three letters stand.
    at: i16,
    /// Where the four stand before that: 0 or 1.
    back: u8,
}

/// Many texts, ready to be found.
pub(super) struct Finder {
    map: Box<[u64; WORDS]>,
    /// How many bits are set in the words before: numbers the set bits.
    before: Box<[u32; WORDS]>,
    /// Entries by the number of their bit: `order[first[n]..first[n + 1]]`.
    first: Vec<u32>,
    order: Vec<Entry>,
    texts: Vec<Wanted>,
}

/// Setting bit 5 folds case; that it also folds a few marks only costs a comparison.
const FOLD: u32 = 0x2020_2020;

/// Of the three lowest bytes.
#[inline]
fn hash(word: u32) -> usize {
    (((word | FOLD) << 8).wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
}

/// On the heap from the start: it is too large for a stack.
#[expect(clippy::unnecessary_box_returns, reason = "it is too large for a stack")]
fn zeroes<T: Clone + Default, const N: usize>() -> Box<[T; N]> {
    let map = vec![T::default(); N].into_boxed_slice();
    map.try_into().unwrap_or_else(|_| unreachable!("the length is the type's"))
}

/// The hashes of all that three letters may be, without repeats.
fn hashes(letters: Letters<3>) -> Vec<usize> {
    let all = |byte: Option<u8>| byte.map_or(0..=255, |byte| byte..=byte);
    let [a, b, c] = letters;
    let mut hashes: Vec<_> = all(a)
        .flat_map(|a| all(b).flat_map(move |b| all(c).map(move |c| hash(u32::from_le_bytes([a, b, c, 0])))))
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

impl Entry {
    fn new(text: usize, wanted: &Wanted, at: isize) -> Self {
        let known = |letters: Letters<4>| letters.iter().flatten().count();
        let back = usize::from(known(wanted.letters(at - 1)) > known(wanted.letters(at)));
        let letters: Letters<4> = wanted.letters(at - isize::from(back == 1));
        let mask = u32::from_le_bytes(letters.map(|byte| if byte.is_some() { 0xff } else { 0 }));
        let four = (u32::from_le_bytes(letters.map(Option::unwrap_or_default)) | FOLD) & mask;
        let at = i16::try_from(at).unwrap_or(i16::MAX);
        Self { four, mask, text: u32::try_from(text).unwrap_or(u32::MAX), at, back: u8::from(back == 1) }
    }
}

impl Finder {
    /// Takes texts of two bytes or more; shorter ones are never found.
    pub fn new(texts: Vec<Wanted>) -> Self {
        let mut entries = Vec::new();
        for (index, wanted) in texts.iter().enumerate().filter(|(_, wanted)| wanted.text.len() > 1) {
            for at in [false, true].into_iter().filter_map(|odd| wanted.rarest(odd)) {
                let entry = Entry::new(index, wanted, at);
                entries.extend(hashes(wanted.letters(at)).into_iter().map(|hash| (hash, entry)));
            }
        }
        entries.sort_by_key(|(hash, _)| *hash);
        let (mut map, mut before) = (zeroes::<u64, WORDS>(), zeroes::<u32, WORDS>());
        let (mut first, mut order, mut last) = (Vec::new(), Vec::with_capacity(entries.len()), usize::MAX);
        for (hash, entry) in entries {
            map[hash >> 6] |= 1 << (hash & 63);
            if hash != last {
                first.push(u32::try_from(order.len()).unwrap_or(u32::MAX));
                last = hash;
            }
            order.push(entry);
        }
        first.push(u32::try_from(order.len()).unwrap_or(u32::MAX));
        for index in 1..WORDS {
            before[index] = before[index - 1] + map[index - 1].count_ones();
        }
        Self { map, before, first, order, texts }
    }

    /// Calls `found(text index, start)` for every occurrence, roughly in order.
    pub fn find(&self, text: &[u8], mut found: impl FnMut(usize, usize)) {
        let map: &[u64; WORDS] = &self.map;
        let hit = |hash: usize| map[hash >> 6] >> (hash & 63) & 1;
        let mut at = 0;
        // Three places from one load; mostly none of them is a hit.
        while let Some(eight) = text[at..].first_chunk::<8>() {
            let word = u64::from_le_bytes(*eight);
            let hashes = [word, word >> 16, word >> 32].map(|word| hash((word & 0xffff_ffff) as u32));
            if hit(hashes[0]) | hit(hashes[1]) | hit(hashes[2]) == 1 {
                for (index, hash) in hashes.into_iter().enumerate() {
                    if hit(hash) == 1 {
                        self.compare(text, at + 2 * index, hash, &mut found);
                    }
                }
            }
            at += 6;
        }
        for at in (at..text.len()).step_by(2) {
            let hash = hash(four(text, at));
            if hit(hash) == 1 {
                self.compare(text, at, hash, &mut found);
            }
        }
    }

    /// Tries the texts that have these three letters at `at`.
    #[inline(never)]
    fn compare(&self, text: &[u8], at: usize, hash: usize, found: &mut impl FnMut(usize, usize)) {
        let below = self.map[hash >> 6] & ((1 << (hash & 63)) - 1);
        let number = (self.before[hash >> 6] + below.count_ones()) as usize;
        let here = four(text, at) | FOLD;
        let fours = [here, here << 8 | u32::from(at.checked_sub(1).map_or(0, |at| text[at])) | 0x20];
        for entry in &self.order[self.first[number] as usize..self.first[number + 1] as usize] {
            if fours[usize::from(entry.back & 1)] & entry.mask != entry.four {
                continue;
            }
            let Some(at) = at.checked_add_signed(-isize::from(entry.at)) else { continue };
            if self.texts[entry.text as usize].is_at(text, at) {
                found(entry.text as usize, at);
            }
        }
    }
}

/// Four bytes at `at`; zero beyond the end.
#[inline]
fn four(text: &[u8], at: usize) -> u32 {
    match text[at..].first_chunk() {
        Some(four) => u32::from_le_bytes(*four),
        None => u32::from_le_bytes(std::array::from_fn(|index| text.get(at + index).copied().unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Finder, Wanted};

    #[test]
    fn texts_of_every_length_are_found_once_at_every_place() {
        let words = ["pw", "key", "pass", "token", "-----BEGIN", "ß~", "~*", "?!"];
        let finder = Finder::new(words.iter().map(|word| Wanted::new(word.as_bytes(), true)).collect());
        for (index, word) in words.iter().enumerate() {
            for before in 0..20 {
                for after in 0..12 {
                    let text = format!("{}{}{}", ".".repeat(before), word.to_ascii_uppercase(), ".".repeat(after));
                    let mut found = Vec::new();
                    finder.find(text.as_bytes(), |text, at| found.push((text, at)));
                    assert_eq!(found, [(index, before)], "{text}");
                }
            }
        }
    }
}
