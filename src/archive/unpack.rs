//! From a file of gzip members back to the stream, on several threads where the members say how long they are.
//!
//! ```text
//! one thread reads, sums, decrypts ─ members ─▶ workers ─ blocks, in order ─▶ who reads
//! ```
//! What other programs packed (or an operator by hand) is unpacked by the first thread itself.

use super::block::{self, HEADER};
use super::fault::broken;
use super::pack::threads_of;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::Builder;

/// What unpacks to more than this many times its size is a bomb; deflate could do 1032.
pub(super) const RATIO: u64 = 400;
/// So much may any file unpack to.
const FREE_BYTES: u64 = 1 << 30;
/// Bytes that are unpacked at a time of what others packed.
const FOREIGN: usize = 256 << 10;

type Block = io::Result<Vec<u8>>;

struct Job {
    member: Vec<u8>,
    done: SyncSender<Block>,
}

/// Reads as what was packed.
pub(super) struct Unpacker {
    order: Receiver<Receiver<Block>>,
    block: Vec<u8>,
    at: usize,
    total: u64,
    packed: Box<dyn Fn() -> u64 + Send>,
}

impl Unpacker {
    /// `packed` says how many bytes of the file were read so far.
    pub fn new(file: impl Read + Send + 'static, packed: impl Fn() -> u64 + Send + 'static) -> io::Result<Self> {
        let threads = threads_of(0);
        let (jobs, to_do) = sync_channel(1);
        let (in_order, order) = sync_channel(threads + 1);
        let to_do = Arc::new(Mutex::new(to_do));
        for _ in 0..threads {
            let to_do = Arc::clone(&to_do);
            Builder::new().name("archive-unpack".to_owned()).spawn(move || work(&to_do))?;
        }
        Builder::new().name("archive-read".to_owned()).spawn(move || Splitter { jobs, in_order }.run(file))?;
        Ok(Self { order, block: Vec::new(), at: 0, total: 0, packed: Box::new(packed) })
    }
}

impl Read for Unpacker {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() {
            let Ok(next) = self.order.recv() else { return Ok(0) };
            self.block = next.recv().map_err(|_| io::Error::other("an unpacking thread ended"))??;
            self.at = 0;
            self.total += self.block.len() as u64;
            if self.total > FREE_BYTES.saturating_add((self.packed)().saturating_mul(RATIO)) {
                return Err(broken(format!("unpacks to more than {RATIO} times its size: it was made to fill a disk")));
            }
        }
        let n = buffer.len().min(self.block.len() - self.at);
        buffer[..n].copy_from_slice(&self.block[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

fn work(to_do: &Mutex<Receiver<Job>>) {
    loop {
        let job = to_do.lock().map(|to_do| to_do.recv());
        let Ok(Ok(Job { member, done })) = job else { return };
        // Nobody waits for it any more when the reader has gone.
        let _ = done.send(block::open(&member));
    }
}

/// Takes the file apart. Every error goes the way of the blocks, behind those that were whole.
struct Splitter {
    jobs: SyncSender<Job>,
    in_order: SyncSender<Receiver<Block>>,
}

/// The reader has gone, or the error is on its way to it.
struct Over;

impl Splitter {
    fn run(&self, mut file: impl Read) {
        // Both ends are alike: there is nothing more to read.
        let _ = self.split(&mut file);
    }

    fn split(&self, file: &mut dyn Read) -> Result<(), Over> {
        let mut first = true;
        loop {
            let mut header = [0; HEADER];
            let got = self.fill(file, &mut header)?;
            match block::length(&header) {
                _ if got == 0 && !first => return Ok(()),
                Some(length) if got == HEADER => self.member(file, &header, length)?,
                _ if first => return self.foreign((&header[..got]).chain(file)),
                _ => {
                    return self
                        .give(Err(broken("is damaged, or has something behind its end, where a block should begin")));
                }
            }
            first = false;
        }
    }

    fn member(&self, file: &mut dyn Read, header: &[u8], length: usize) -> Result<(), Over> {
        let mut member = vec![0; length];
        member[..HEADER].copy_from_slice(header);
        if self.fill(file, &mut member[HEADER..])? < length - HEADER {
            return self.give(Err(broken("is cut off in the middle of a block")));
        }
        let (done, block) = sync_channel(1);
        self.in_order.send(block).map_err(|_| Over)?;
        self.jobs.send(Job { member, done }).map_err(|_| Over)
    }

    /// What another program packed, to its end.
    fn foreign(&self, file: impl Read) -> Result<(), Over> {
        let mut gzip = flate2::read::MultiGzDecoder::new(io::BufReader::with_capacity(FOREIGN, file));
        let mut begun = false;
        loop {
            let mut block = vec![0; FOREIGN];
            match gzip.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(n) => {
                    block.truncate(n);
                    begun = true;
                    self.give(Ok(block))?;
                }
                Err(error) => return self.give(Err(told(error, !begun))),
            }
        }
    }

    /// Fills the buffer as far as the file goes.
    fn fill(&self, file: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, Over> {
        let mut at = 0;
        while at < buffer.len() {
            match file.read(&mut buffer[at..]) {
                Ok(0) => break,
                Ok(n) => at += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.give(Err(error)).and(Err(Over)),
            }
        }
        Ok(at)
    }

    fn give(&self, block: Block) -> Result<(), Over> {
        let failed = block.is_err();
        let (done, waiting) = sync_channel(1);
        let _ = done.send(block);
        self.in_order.send(waiting).map_err(|_| Over)?;
        if failed { Err(Over) } else { Ok(()) }
    }
}

/// The words for what gzip's own reader says.
fn told(error: io::Error, first: bool) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof if first => broken("is empty, or cut off in its first bytes"),
        io::ErrorKind::UnexpectedEof => {
            broken("is cut off in the middle of its gzip stream, or has something behind its end")
        }
        io::ErrorKind::InvalidInput if first => broken("is no gzip file"),
        io::ErrorKind::InvalidInput => {
            broken("is damaged, or has something behind its end, where a gzip header should be")
        }
        io::ErrorKind::InvalidData => broken("is damaged: its gzip stream does not unpack"),
        _ => error,
    }
}
