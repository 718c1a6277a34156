//! The services' logs: the last lines of each, in bounded memory however long they are.

use super::ground::{Ground, Options};
use super::tray::Tray;
use crate::docker::{Container, Docker, LogRange};
use anyhow::Result;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use std::collections::VecDeque;
use std::time::Duration;

const LINES: u32 = 200;
const ALL_LINES: u32 = 1_000;
/// The most of one log that is held; its end is what counts.
const BYTES: usize = 1 << 20;
const ALL_BYTES: usize = 3 << 20;
/// Shorter than the collector's deadline: what came by then is kept.
const WITHIN: Duration = Duration::from_millis(3_200);

pub(super) async fn collect(ground: &Ground<'_>, tray: &Tray) -> Result<()> {
    let docker = ground.engine()?;
    join_all(ground.containers.iter().map(|container| one(docker, container, ground.options, tray))).await;
    Ok(())
}

async fn one(docker: &Docker, container: &Container, options: &Options, tray: &Tray) {
    let path = format!("logs/{}.log", container.name);
    let (lines, bytes) = if options.all_logs { (ALL_LINES, ALL_BYTES) } else { (LINES, BYTES) };
    let range = LogRange { tail: Some(lines), since: options.since, follow: false, timestamps: true };
    let mut end = End::new(bytes);
    let reading = async {
        let mut stream = std::pin::pin!(docker.logs(&container.id, range));
        while let Some(piece) = stream.next().await {
            end.push(piece?);
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(WITHIN, reading).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tray.note(&path, &format!("{error:#}")),
        Err(_) => tray.note(&path, "it did not end in time; its beginning is here"),
    }
    let (text, cut) = end.text();
    if cut {
        tray.note(&path, &format!("longer than {} KiB; its last part is here", bytes >> 10));
    }
    tray.log(&path, container.service(), &text);
}

/// The last bytes of a stream.
struct End {
    pieces: VecDeque<Bytes>,
    held: usize,
    most: usize,
    cut: bool,
}

impl End {
    fn new(most: usize) -> Self {
        Self { pieces: VecDeque::new(), held: 0, most, cut: false }
    }

    fn push(&mut self, piece: Bytes) {
        self.held += piece.len();
        self.pieces.push_back(piece);
        while self.held > self.most {
            let Some(first) = self.pieces.pop_front() else { return };
            self.held -= first.len();
            self.cut = true;
            if self.pieces.is_empty() {
                // One piece alone is longer: its end.
                let rest = first.slice(first.len() - self.most..);
                self.held = rest.len();
                self.pieces.push_back(rest);
            }
        }
    }

    /// The text from its first whole line on, and whether something is missing in front.
    fn text(self) -> (String, bool) {
        let mut bytes = Vec::with_capacity(self.held);
        self.pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let whole = if self.cut { text.split_once('\n').map(|(_, rest)| rest.to_owned()) } else { None };
        (whole.unwrap_or(text), self.cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_is_kept_in_bounded_memory() {
        let mut end = End::new(100);
        for n in 0..1000 {
            end.push(Bytes::from(format!("T line {n}\n")));
            assert!(end.held <= 100);
        }
        let (text, cut) = end.text();
        assert!(cut && text.starts_with("T line ") && text.ends_with("T line 999\n"), "{text}");
        let mut end = End::new(10);
        end.push(Bytes::from("x".repeat(1000)));
        assert_eq!(end.text(), ("x".repeat(10), true));
        let mut end = End::new(10);
        end.push(Bytes::from("a\nb\n"));
        assert_eq!(end.text(), ("a\nb\n".into(), false));
    }
}
