//! Progress of one long thing: a bar on a terminal, a line every ten seconds elsewhere, nothing with `--quiet`.

use super::{Ui, page};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// How often a stream that is no terminal hears of a bar: often enough for a log, too seldom to fill it.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// One bar. Dropping it removes it from the terminal.
#[derive(Debug)]
pub struct Bar {
    ui: Ui,
    label: String,
    shown: Option<ProgressBar>,
    last_line: Instant,
    begun: Instant,
}

impl Bar {
    pub(super) fn new(ui: &Ui, label: &str) -> Self {
        let on_terminal = ui.terminal && !ui.options.quiet;
        let bar = on_terminal.then(|| {
            let bar = ui.progress.add(ProgressBar::new_spinner());
            bar.set_message(ui.clean(label));
            bar.set_style(style("{spinner} {msg}"));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { ui: ui.clone(), label: label.to_owned(), shown: bar, last_line: Instant::now(), begun: Instant::now() }
    }

    /// Where it stands, in bytes; a total of 0 means that it is not known yet.
    pub fn bytes(&mut self, done: u64, total: u64) {
        if let Some(bar) = &self.shown {
            if bar.length() != Some(total) && total > 0 {
                bar.set_length(total);
                bar.set_style(style("{msg} [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left"));
            }
            bar.set_position(done);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            self.ui.say(&format!("  {}: {}", self.label, so_far(done, total, self.begun.elapsed())));
        }
    }

    /// What it is doing now.
    pub fn words(&mut self, text: &str) {
        if let Some(bar) = &self.shown {
            bar.set_message(self.ui.clean(&format!("{} — {text}", self.label)));
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            self.ui.say(&format!("  {}: {text}", self.label));
        }
    }
}

/// `3 MiB of 12 MiB (25 %), 1 MiB/s, 9.0 s left`; without a total only what is known.
fn so_far(done: u64, total: u64, took: Duration) -> String {
    let rate = done / took.as_secs().max(1);
    let per_second = format!("{}/s", page::bytes(rate));
    let Some(percent) = done.saturating_mul(100).checked_div(total) else {
        return format!("{}, {per_second}", page::bytes(done));
    };
    let left = total.saturating_sub(done).checked_div(rate).map(Duration::from_secs);
    let left = left.map_or_else(|| "unknown time".to_owned(), page::duration);
    format!("{} of {} ({percent} %), {per_second}, {left} left", page::bytes(done), page::bytes(total))
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_total_is_not_shown_as_nothing() {
        let ten = Duration::from_secs(10);
        assert_eq!(so_far(20 << 20, 0, ten), "20.00 MiB, 2.00 MiB/s");
        assert_eq!(so_far(20 << 20, 80 << 20, ten), "20.00 MiB of 80.00 MiB (25 %), 2.00 MiB/s, 30.0 s left");
        assert_eq!(so_far(0, 1 << 20, ten), "0 B of 1.00 MiB (0 %), 0 B/s, unknown time left");
    }
}
