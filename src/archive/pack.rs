//! From a stream of bytes to gzip, on several threads, in order, in bounded memory.
//!
//! ```text
//! who writes ─ blocks ─▶ workers ─ members ─▶ one thread, in order ─▶ what is below
//! ```
//! Both queues are short: a writer that outruns compression waits, and so does compression for a slow disk.

use super::block::{BLOCK, LONGEST, Press, store};
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

/// More threads than this would not find work, only memory.
const THREADS_MAX: usize = 8;
/// A reader refuses what unpacks to more than [`super::unpack::RATIO`] times its size. The writer stays at half of
/// that by storing a block now and then, so that no archive of ours is ever taken for a bomb.
const RATIO: u64 = super::unpack::RATIO / 2;

struct Job {
    pair: Pair,
    done: SyncSender<Pair>,
}

/// A block with the member that it becomes. Both are as long as they can be from the first, and go round: new memory
/// for every block would cost as much as storing it.
struct Pair {
    block: Vec<u8>,
    /// How much of the block is filled.
    filled: usize,
    member: Vec<u8>,
}

impl Pair {
    fn new() -> Self {
        Self { block: vec![0; BLOCK], filled: 0, member: Vec::with_capacity(LONGEST) }
    }

    fn content(&self) -> &[u8] {
        &self.block[..self.filled]
    }
}

/// Packs what is written to it. Dropped without [`Packer::finish`], what is below stays without its end.
pub(super) struct Packer<W> {
    pair: Pair,
    jobs: Option<SyncSender<Job>>,
    order: Option<SyncSender<Receiver<Pair>>>,
    spare: Receiver<Pair>,
    collector: Option<JoinHandle<io::Result<W>>>,
}

impl<W: Write + Send + 'static> Packer<W> {
    /// `threads`: 0 stands for one per core.
    pub fn new(below: W, threads: usize) -> io::Result<Self> {
        let threads = threads_of(threads);
        let (jobs, to_do) = sync_channel(1);
        let (order, in_order) = sync_channel(threads + 1);
        let (give_back, spare) = channel();
        let to_do = Arc::new(Mutex::new(to_do));
        for _ in 0..threads {
            let to_do = Arc::clone(&to_do);
            Builder::new().name("archive-pack".to_owned()).spawn(move || work(&to_do))?;
        }
        let collector =
            Builder::new().name("archive-write".to_owned()).spawn(move || collect(below, &in_order, &give_back))?;
        Ok(Self { pair: Pair::new(), jobs: Some(jobs), order: Some(order), spare, collector: Some(collector) })
    }

    /// Reads once, straight into the block: how much was read, and those bytes.
    pub fn read_from(&mut self, from: &mut dyn io::Read, most: u64) -> io::Result<(usize, &[u8])> {
        if self.pair.filled == BLOCK {
            self.send()?;
        }
        let at = self.pair.filled;
        let room = (BLOCK - at).min(usize::try_from(most).unwrap_or(usize::MAX));
        let n = loop {
            match from.read(&mut self.pair.block[at..at + room]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.pair.filled += n;
        Ok((n, &self.pair.block[at..at + n]))
    }

    /// The last block, then what is below.
    pub fn finish(mut self) -> io::Result<W> {
        if self.pair.filled > 0 {
            self.send()?;
        }
        self.end()
    }

    fn send(&mut self) -> io::Result<()> {
        let next = self.spare.try_recv().unwrap_or_else(|_| Pair::new());
        let pair = std::mem::replace(&mut self.pair, next);
        let (done, member) = sync_channel(1);
        let sent = match (&self.order, &self.jobs) {
            (Some(order), Some(jobs)) => order.send(member).is_ok() && jobs.send(Job { pair, done }).is_ok(),
            _ => false,
        };
        if sent { Ok(()) } else { Err(self.end().err().unwrap_or_else(|| io::Error::other("a packing thread ended"))) }
    }

    fn end(&mut self) -> io::Result<W> {
        self.jobs = None;
        self.order = None;
        let ended = self.collector.take().map(JoinHandle::join);
        ended.and_then(Result::ok).unwrap_or_else(|| Err(io::Error::other("a packing thread ended")))
    }
}

impl<W: Write + Send + 'static> Write for Packer<W> {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        let most = bytes.len() as u64;
        self.read_from(&mut bytes, most).map(|(n, _)| n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How many threads work: as many as were asked for, or for 0 as many as there are cores, within bounds.
pub(super) fn threads_of(asked: usize) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if asked == 0 { cores() } else { asked }.clamp(1, THREADS_MAX)
}

fn work(to_do: &Mutex<Receiver<Job>>) {
    let mut press = Press::new();
    loop {
        let job = to_do.lock().map(|to_do| to_do.recv());
        let Ok(Ok(Job { mut pair, done })) = job else { return };
        let into = std::mem::take(&mut pair.member);
        pair.member = press.member(pair.content(), into);
        // Nobody waits for it any more when what is below failed.
        let _ = done.send(pair);
    }
}

fn collect<W: Write>(mut below: W, in_order: &Receiver<Receiver<Pair>>, give_back: &Sender<Pair>) -> io::Result<W> {
    let (mut read, mut written) = (0_u64, 0_u64);
    for next in in_order {
        let mut pair = next.recv().map_err(|_| io::Error::other("a packing thread ended"))?;
        read += pair.filled as u64;
        if read > RATIO * (written + pair.member.len() as u64) {
            let into = std::mem::take(&mut pair.member);
            pair.member = store(pair.content(), into);
        }
        below.write_all(&pair.member)?;
        written += pair.member.len() as u64;
        pair.filled = 0;
        // The writer has ended: then nobody needs it.
        let _ = give_back.send(pair);
    }
    Ok(below)
}
