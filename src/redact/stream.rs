//! The engine over a stream, in constant memory.
//!
//! A window slides over the stream: some text already written (so that a rule sees what stood
//! before), the part to write now, and some text ahead (so that it sees what comes). Windows end at
//! line ends where there are any. Where a line, or a secret, is longer than a window, what was open at its
//! end is carried into the next.

use std::io::{self, Read};

use super::pattern::keyblock;
use super::span::Span;
use super::{Redactor, engine, write};

/// How much is written at once.
const BLOCK: usize = 1 << 20;
/// How much at once of a line that is longer than that: rules look at whole lines.
const LINE: usize = 64 << 10;
/// How much is read at once: it stays in the nearest cache.
const INPUT: usize = 64 << 10;
/// How far ahead and behind of that the rules see.
const AHEAD: usize = 16 << 10;
const BEHIND: usize = 8 << 10;

/// A text in one piece; `None` when nothing had to go.
pub(super) fn whole(redactor: &Redactor, text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > LINE {
        let mut stream = Stream::new(redactor.clone());
        let mut out = stream.push(text);
        out.extend(stream.finish());
        return Some(out);
    }
    let spans = engine::scan(redactor, text);
    if spans.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    write::write(redactor, text, &spans, &mut out, &mut 0);
    Some(out)
}

/// The engine fed by hand.
pub struct Stream {
    redactor: Redactor,
    buffer: Vec<u8>,
    /// What stands before this offset of the buffer is not looked at any more.
    from: usize,
    /// Everything before this offset of the buffer is written.
    done: usize,
    open: Option<Open>,
    credit: usize,
}

/// A secret that reaches beyond the window: swallowed until its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Quoted(u8),
    Bare,
    /// The body of a key block: its line ends are kept.
    Block,
}

impl std::fmt::Debug for Stream {
    /// Never the text that it still holds.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Stream({} bytes)", self.buffer.len())
    }
}

impl Stream {
    pub(super) fn new(redactor: Redactor) -> Self {
        Self { redactor, buffer: Vec::new(), from: 0, done: 0, open: None, credit: 0 }
    }

    /// Takes more text and gives what is certain by now.
    pub fn push(&mut self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.take(text, &mut out);
        out
    }

    fn take(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for piece in text.chunks(BLOCK) {
            self.buffer.extend_from_slice(piece);
            while self.buffer.len() - self.done >= BLOCK + AHEAD {
                self.step(self.goal(), out);
            }
        }
    }

    /// A block, or as much of it as no long line reaches into.
    fn goal(&self) -> usize {
        let (end, block) = (self.buffer.len(), self.done + BLOCK);
        let mut goal = self.done;
        while goal < block && goal < end {
            match memchr::memrchr(b'\n', &self.buffer[goal..end.min(goal + LINE)]) {
                Some(newline) => goal += newline + 1,
                None if end - goal <= LINE => goal = end,
                None if goal == self.done => return end.min(goal + LINE),
                None => return goal,
            }
        }
        goal.min(block).min(end)
    }

    /// Gives every complete line now, without waiting for what may follow: for a log that is followed.
    pub fn flush(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(newline) = memchr::memrchr(b'\n', &self.buffer[self.done..]) {
            self.step(self.done + newline + 1, &mut out);
        }
        out
    }

    /// Gives the rest.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while self.done < self.buffer.len() {
            self.step(self.goal(), &mut out);
        }
        out
    }

    /// Writes up to about `goal`.
    fn step(&mut self, goal: usize, out: &mut Vec<u8>) {
        self.swallow(goal, out);
        if self.open.is_some() {
            return;
        }
        let (from, done) = (self.from, self.done - self.from);
        let view = &self.buffer[from..self.buffer.len().min(goal.max(self.done) + AHEAD)];
        let spans = engine::scan(&self.redactor, view);
        let mut cut = cut(view, done, (goal - from).max(done));
        for span in &spans {
            if span.start < cut && span.end > cut {
                cut = span.end;
            }
        }
        let now: Vec<Span> = spans
            .into_iter()
            .filter(|span| span.end > done && span.start < cut)
            .map(|span| Span { start: span.start.max(done) - done, end: span.end - done, ..span })
            .collect();
        if cut == view.len() && now.last().is_some_and(|span| span.end + done == cut) {
            self.open = now.last().map(|span| opened(view, span, done));
        }
        write::write(&self.redactor, &view[done..cut], &now, out, &mut self.credit);
        self.forget(from + cut);
    }

    /// Drops the rest of a secret that was open at the end of the last window.
    fn swallow(&mut self, goal: usize, out: &mut Vec<u8>) {
        let Some(open) = self.open.take() else { return };
        let goal = goal.min(self.buffer.len());
        let text = &self.buffer[self.done..goal];
        let end = match open {
            Open::Quoted(quote) => (0..text.len())
                .find(|at| text[*at] == b'\n' || text[*at] == quote && (*at == 0 || text[*at - 1] != b'\\')),
            Open::Bare => text.iter().position(|byte| byte.is_ascii_whitespace() || b"\"'`".contains(byte)),
            Open::Block => {
                let end = keyblock::rest(text);
                out.extend(text[..end.unwrap_or(text.len())].iter().filter(|byte| **byte == b'\n'));
                end
            }
        };
        if end.is_none() {
            self.open = Some(open);
        }
        // As if it had not been there: what comes is read behind what came before it.
        let end = self.done + end.unwrap_or(text.len());
        self.buffer.drain(self.done..end);
    }

    /// Keeps only as much written text as the rules look back to.
    fn forget(&mut self, cut: usize) {
        let mut from = cut.saturating_sub(BEHIND);
        if from > 0 {
            from += memchr::memchr(b'\n', &self.buffer[from..cut]).map_or(0, |newline| newline + 1);
        }
        (self.from, self.done) = (from, cut);
        if from > BLOCK / 2 {
            self.buffer.drain(..from);
            (self.from, self.done) = (0, cut - from);
        }
    }
}

/// Where to stop: behind the last line end before `goal`, or behind the last word of an endless line.
fn cut(text: &[u8], done: usize, goal: usize) -> usize {
    if goal >= text.len() {
        return text.len();
    }
    let part = &text[done..goal];
    if let Some(newline) = memchr::memrchr(b'\n', part) {
        return done + newline + 1;
    }
    let near = part.len().saturating_sub(AHEAD / 4);
    let gap = part[near..].iter().rposition(|byte| b" ,;&{}".contains(byte));
    done + gap.map_or(part.len(), |gap| near + gap + 1)
}

/// What ends the secret that reaches the end of the window.
fn opened(text: &[u8], span: &Span, done: usize) -> Open {
    let before = (span.start + done).checked_sub(1).map_or(0, |before| text[before]);
    match before {
        _ if span.rule.id == keyblock::KEY_BLOCK.id => Open::Block,
        b'"' | b'\'' | b'`' => Open::Quoted(before),
        _ => Open::Bare,
    }
}

/// A reader that has been through the engine: the only kind a bundle accepts.
pub struct Clean<R> {
    reader: R,
    stream: Stream,
    input: Vec<u8>,
    output: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<R> std::fmt::Debug for Clean<R> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Clean({:?})", self.stream)
    }
}

impl<R: Read> Clean<R> {
    pub(super) fn new(redactor: Redactor, reader: R) -> Self {
        let stream = Stream::new(redactor);
        Self { reader, stream, input: vec![0; INPUT], output: Vec::new(), given: 0, ended: false }
    }

    /// The next clean text, as much as there is; empty at the end.
    ///
    /// # Errors
    /// When reading fails.
    pub fn block(&mut self) -> io::Result<&[u8]> {
        if self.given == self.output.len() {
            self.fill()?;
        }
        let from = std::mem::replace(&mut self.given, self.output.len());
        Ok(&self.output[from..])
    }

    fn fill(&mut self) -> io::Result<()> {
        self.given = 0;
        self.output.clear();
        while self.output.is_empty() && !self.ended {
            match self.reader.read(&mut self.input) {
                Ok(0) => {
                    self.ended = true;
                    self.output = self.stream.finish();
                }
                Ok(count) => self.stream.take(&self.input[..count], &mut self.output),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Clean<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.output.len() {
            self.fill()?;
        }
        let count = buffer.len().min(self.output.len() - self.given);
        buffer[..count].copy_from_slice(&self.output[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}
