//! How many texts an embedder gets at once: as many as it can take in a moment, be it a GPU or an old processor.
//!
//! What was embedded is remembered after each group, so that the groups decide how much a failure can cost and how often
//! somebody who watches sees something happen.

use std::time::Duration;

/// Texts in one request, and requests side by side, at the most.
const BATCH_MAX: usize = 64;
const AT_ONCE_MAX: usize = 4;
const BATCH_ASKED: usize = 8;
/// A group that is there sooner may be larger, one that takes longer should be smaller.
const QUICK: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(30);

/// The present pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// Texts in one request.
    pub(super) batch: usize,
    at_once: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { batch: BATCH_MAX, at_once: 1 }
    }
}

impl Pace {
    /// Texts that are under way together; few while a question waits, since the embedder takes its work in turn.
    pub(super) fn group(self, is_asked: bool) -> usize {
        if is_asked { self.batch.min(BATCH_ASKED) } else { self.batch * self.at_once }
    }

    /// A group took so long.
    pub(super) fn took(&mut self, took: Duration) {
        if took > LONG {
            self.slower();
        } else if took < QUICK && self.batch < BATCH_MAX {
            self.batch = (self.batch * 2).min(BATCH_MAX);
        } else if took < QUICK {
            self.at_once = (self.at_once * 2).min(AT_ONCE_MAX);
        }
    }

    /// A group took too long.
    pub(super) fn slower(&mut self) {
        if self.at_once > 1 {
            self.at_once = 1;
        } else {
            self.batch = (self.batch / 4).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_processor_gets_fewer_texts_until_it_keeps_up() {
        // 10 s for a text: nothing of 64 comes within five minutes.
        let (mut pace, mut asked) = (Pace::default(), Vec::new());
        for _ in 0..6 {
            asked.push(pace.group(false));
            let took = Duration::from_secs(10) * u32::try_from(pace.group(false)).unwrap();
            if took > Duration::from_mins(5) { pace.slower() } else { pace.took(took) }
        }
        assert_eq!(asked, [64, 16, 4, 1, 1, 1]);
        pace.took(Duration::from_secs(1));
        assert_eq!(pace.group(false), 2, "it may have been busy with something else");
    }

    #[test]
    fn a_quick_one_gets_several_batches_side_by_side() {
        let mut pace = Pace::default();
        for _ in 0..9 {
            pace.took(Duration::from_millis(20));
        }
        assert_eq!(pace.group(false), BATCH_MAX * AT_ONCE_MAX);
        assert_eq!(pace.group(true), BATCH_ASKED, "a question waits");
        pace.slower();
        assert_eq!(pace.group(false), BATCH_MAX);
    }
}
