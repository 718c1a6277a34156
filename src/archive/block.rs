//! One block of the stream as a gzip member of its own.
//!
//! Members may stand one behind another in a gzip file, so every `gzip` reads this; that each is complete lets several
//! threads work. Its extra field (`TS`, four bytes) says how long the member is, which lets several threads read as
//! well. libdeflate does the work: at level 1 it is half as fast again as zlib-rs and packs text a quarter smaller.

use super::fault::broken;
use libdeflater::{CompressionLvl, Compressor, Decompressor};
use std::io;

/// Bytes of the stream in a block.
pub(super) const BLOCK: usize = 1 << 20;
/// Bytes in front of the compressed ones.
pub(super) const HEADER: usize = 20;
const TRAILER: usize = 8;
/// What a stored piece may hold.
const PIECE: usize = 0xffff;
/// A block that shrinks by less than a tenth is stored: vectors shrink by 8 % at a tenth of the speed, and the server
/// whose files they are is down while they are read.
const WORTH_TENTHS: usize = 9;
const SAMPLE: usize = 16 << 10;

/// The longest member of a block.
pub(super) const LONGEST: usize = HEADER + TRAILER + BLOCK + 5 * (BLOCK / PIECE + 1);

/// A thread's own compressor.
pub(super) struct Press(Compressor);

impl Press {
    pub fn new() -> Self {
        // Not `fastest()`: that is level 0, which stores everything.
        Self(Compressor::new(CompressionLvl::new(1).unwrap_or_default()))
    }

    /// The block as a member, compressed if that is worth it; `into` is memory that may be used again.
    pub fn member(&mut self, block: &[u8], into: Vec<u8>) -> Vec<u8> {
        if !self.shrinks(block) {
            return store(block, into);
        }
        let mut member = header(into, self.0.deflate_compress_bound(block.len()) + TRAILER);
        let room = member.len() - TRAILER;
        match self.0.deflate_compress(block, &mut member[HEADER..room]) {
            Ok(length) if length <= block.len() / 10 * WORTH_TENTHS => {
                member.truncate(HEADER + length);
                close(member, block)
            }
            _ => store(block, member),
        }
    }

    /// Two samples tell random bytes from all else at a fraction of the price.
    fn shrinks(&mut self, block: &[u8]) -> bool {
        let samples = [0, block.len() / 2].map(|at| &block[at..block.len().min(at + SAMPLE)]);
        block.len() < 4 * SAMPLE || samples.into_iter().any(|sample| self.sample_shrinks(sample))
    }

    fn sample_shrinks(&mut self, sample: &[u8]) -> bool {
        let mut out = vec![0; sample.len() / 10 * WORTH_TENTHS];
        self.0.deflate_compress(sample, &mut out).is_ok()
    }
}

/// The block as a member that stores it as it is.
pub(super) fn store(block: &[u8], into: Vec<u8>) -> Vec<u8> {
    let mut member = header(into, 0);
    member.reserve(LONGEST);
    let pieces = block.len().div_ceil(PIECE).max(1);
    for at in 0..pieces {
        let piece = &block[at * PIECE..block.len().min((at + 1) * PIECE)];
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        member.push(u8::from(at + 1 == pieces));
        member.extend(length.to_le_bytes());
        member.extend((!length).to_le_bytes());
        member.extend(piece);
    }
    close(member, block)
}

/// A header and `room` bytes behind it; [`close`] fills in the length.
fn header(into: Vec<u8>, room: usize) -> Vec<u8> {
    // Magic, deflate, an extra field follows, no time, no flags, unknown system; 8 bytes extra: `TS`, 4 bytes.
    let mut member = into;
    member.clear();
    member.extend([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, b'T', b'S', 4, 0, 0, 0, 0, 0]);
    member.resize(HEADER + room, 0);
    member
}

fn close(mut member: Vec<u8>, block: &[u8]) -> Vec<u8> {
    let short = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    member.extend(libdeflater::crc32(block).to_le_bytes());
    member.extend(short(block.len()));
    let length = short(member.len());
    member[16..HEADER].copy_from_slice(&length);
    member
}

/// How long the member with this header is, if it is one of a block.
pub(super) fn length(header: &[u8; HEADER]) -> Option<usize> {
    const START: [u8; 4] = [0x1f, 0x8b, 8, 4];
    const EXTRA: [u8; 6] = [8, 0, b'T', b'S', 4, 0];
    if header[..4] != START || header[10..16] != EXTRA {
        return None;
    }
    let length = u32::from_le_bytes([header[16], header[17], header[18], header[19]]) as usize;
    (HEADER + TRAILER..=LONGEST).contains(&length).then_some(length)
}

/// The block that a member holds.
pub(super) fn open(member: &[u8]) -> io::Result<Vec<u8>> {
    let damaged = || broken("is damaged: a block does not unpack to what it was packed from");
    let number = |at: usize| u32::from_le_bytes([member[at], member[at + 1], member[at + 2], member[at + 3]]);
    let end = member.len() - TRAILER;
    let (sum, size) = (number(end), number(end + 4) as usize);
    if size > BLOCK {
        return Err(damaged());
    }
    let mut block = vec![0; size];
    let got = Decompressor::new().deflate_decompress(&member[HEADER..end], &mut block).map_err(|_| damaged())?;
    if got != size || libdeflater::crc32(&block) != sum {
        return Err(damaged());
    }
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn random(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        getrandom::fill(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_block_comes_back_by_us_and_by_gzip() {
        let text = b"analytics 5000 rows\n".repeat(BLOCK / 20 + 1)[..BLOCK].to_vec();
        for block in [vec![], b"x".to_vec(), text, random(BLOCK), random(PIECE), random(PIECE + 1), vec![0; 70_000]] {
            let member = Press::new().member(&block, Vec::new());
            let header: [u8; HEADER] = member[..HEADER].try_into().unwrap();
            assert_eq!(length(&header), Some(member.len()));
            assert!(open(&member).unwrap() == block);
            let mut by_gzip = Vec::new();
            flate2::read::GzDecoder::new(member.as_slice()).read_to_end(&mut by_gzip).unwrap();
            assert!(by_gzip == block, "{} bytes", block.len());
        }
    }

    #[test]
    fn what_does_not_shrink_is_stored() {
        let block = random(BLOCK);
        assert_eq!(Press::new().member(&block, Vec::new()).len(), store(&block, Vec::new()).len());
        assert!(store(&block, Vec::new()).len() <= LONGEST);
        let half = [random(BLOCK / 2), vec![b'x'; BLOCK / 2]].concat();
        assert!(Press::new().member(&half, Vec::new()).len() < BLOCK * 6 / 10, "a sample of each half");
    }

    #[test]
    fn every_flipped_byte_of_a_block_shows() {
        let member = Press::new().member(b"some text, some text, some text", Vec::new());
        for at in HEADER..member.len() {
            let mut broken = member.clone();
            broken[at] ^= 1;
            assert!(open(&broken).is_err() || open(&broken).unwrap() == b"some text, some text, some text", "{at}");
        }
    }
}
