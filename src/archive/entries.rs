//! A tar stream, entry by entry, as untrusted input.
//!
//! The `tar` crate reads headers and PAX records; the walk is our own, because it must say where a stream ends, bound
//! what an entry may ask for, and refuse what two readers could read in two ways: sparse files, sizes that contradict
//! each other, directories with content.

use super::fault::broken;
use super::member::{Kind, Member, clean_path, printable};
use std::io::{self, Read};
use tar::{EntryType, Header, PaxExtensions};

const RECORD: usize = 512;
/// The longest name or set of PAX records that is believed.
const EXTENSION_BYTES: u64 = 1 << 20;
/// tar fills its last block with zeros; anything longer is something else.
const PADDING_BYTES: u64 = 1 << 20;
/// The largest size that a header's octal field holds.
const OCTAL_MAX: u64 = 0o777_7777_7777;

/// Reads as the content of the entry that [`Entries::next`] gave last.
pub(super) struct Entries<R> {
    from: R,
    left: u64,
    padding: u64,
}

/// What entries in front of the real one say about it.
#[derive(Default)]
struct Ahead {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
}

impl<R: Read> Entries<R> {
    pub fn new(from: R) -> Self {
        Self { from, left: 0, padding: 0 }
    }

    /// The next entry, or none at the archive's end mark.
    pub fn next(&mut self) -> io::Result<Option<Member>> {
        let mut ahead = Ahead::default();
        loop {
            self.skip_rest()?;
            let Some(header) = self.header()? else { return Ok(None) };
            let size = header.entry_size().map_err(|_| broken("holds a tar header without a size"))?;
            match header.entry_type() {
                EntryType::GNULongName => ahead.path = Some(self.long_name(size)?),
                EntryType::GNULongLink => ahead.link = Some(self.long_name(size)?),
                EntryType::XHeader => self.pax(size, &mut ahead)?,
                EntryType::XGlobalHeader => self.global(size)?,
                kind => return self.member(&header, kind, size, ahead).map(Some),
            }
        }
    }

    /// Behind the end mark: only zeros, and not many.
    pub fn end(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let mut total = 0;
        loop {
            let n = self.from.read(&mut buffer)?;
            if n == 0 {
                return Ok(());
            }
            total += n as u64;
            if total > PADDING_BYTES || buffer[..n].iter().any(|byte| *byte != 0) {
                return Err(broken("has something behind its end"));
            }
        }
    }

    fn header(&mut self) -> io::Result<Option<Header>> {
        let mut record = [0; RECORD];
        self.exact(&mut record)?;
        if record == [0; RECORD] {
            return Ok(None);
        }
        let header = Header::from_byte_slice(&record).clone();
        let sum = (0..).zip(record).map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(byte) }).sum();
        if header.cksum().ok() != Some(sum) {
            return Err(broken("holds a damaged tar header"));
        }
        Ok(Some(header))
    }

    fn member(&mut self, header: &Header, kind: EntryType, size: u64, ahead: Ahead) -> io::Result<Member> {
        let path = ahead.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let shown = || printable(&path);
        let kind = match kind {
            EntryType::Regular if path.ends_with(b"/") => Kind::Directory,
            EntryType::Regular => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink,
            EntryType::Link => Kind::Hardlink,
            EntryType::Char | EntryType::Block | EntryType::Fifo => Kind::Special,
            _ => return Err(broken(format!("holds an entry of an unknown kind: {}", shown()))),
        };
        let size = one_size(size, ahead.size).ok_or_else(|| broken(format!("names two sizes for {}", shown())))?;
        if size > 0 && kind != Kind::File {
            return Err(broken(format!("holds {} with content: {}", kind.words(), shown())));
        }
        let link = ahead.link.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
        let number =
            |value: io::Result<u64>| value.map_err(|_| broken(format!("holds a damaged tar header: {}", shown())));
        let member = Member {
            path: clean_path(&path)?,
            kind,
            size,
            mode: header.mode().unwrap_or(0o600) & 0o7777,
            uid: number(ahead.uid.map_or_else(|| header.uid(), Ok))?,
            gid: number(ahead.gid.map_or_else(|| header.gid(), Ok))?,
            mtime: number(header.mtime())?,
            link: match kind {
                Kind::Symlink | Kind::Hardlink => Some(printable(&link.unwrap_or_default())),
                _ => None,
            },
        };
        self.open(size);
        Ok(member)
    }

    fn open(&mut self, size: u64) {
        self.left = size;
        self.padding = size.next_multiple_of(RECORD as u64).saturating_sub(size);
    }

    fn extension(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > EXTENSION_BYTES {
            return Err(broken(format!("holds a tar header of {size} bytes")));
        }
        self.open(size);
        let mut content = Vec::new();
        self.read_to_end(&mut content)?;
        Ok(content)
    }

    fn long_name(&mut self, size: u64) -> io::Result<Vec<u8>> {
        let mut name = self.extension(size)?;
        if name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }

    fn pax(&mut self, size: u64, ahead: &mut Ahead) -> io::Result<()> {
        let records = self.extension(size)?;
        for record in PaxExtensions::new(&records) {
            let damaged = || broken("holds damaged PAX records");
            let record = record.map_err(|_| damaged())?;
            let number = || record.value().ok().and_then(|value| value.parse().ok()).ok_or_else(damaged);
            match record.key_bytes() {
                b"path" => ahead.path = Some(record.value_bytes().to_vec()),
                b"linkpath" => ahead.link = Some(record.value_bytes().to_vec()),
                b"size" => ahead.size = Some(number()?),
                b"uid" => ahead.uid = Some(number()?),
                b"gid" => ahead.gid = Some(number()?),
                key if key.starts_with(b"GNU.sparse") => return Err(broken("holds a sparse file")),
                _ => {}
            }
        }
        Ok(())
    }

    /// Records for every entry that follows; one that would change what they are is refused.
    fn global(&mut self, size: u64) -> io::Result<()> {
        let mut ahead = Ahead::default();
        self.pax(size, &mut ahead)?;
        if ahead.path.is_some() || ahead.link.is_some() || ahead.size.is_some() {
            return Err(broken("holds PAX records that rename every entry"));
        }
        Ok(())
    }

    fn skip_rest(&mut self) -> io::Result<()> {
        let mut buffer = [0; 1 << 13];
        while self.read(&mut buffer)? > 0 {}
        let padding = usize::try_from(self.padding).unwrap_or_default();
        self.exact(&mut buffer[..padding])?;
        self.padding = 0;
        Ok(())
    }

    fn exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.from.read_exact(buffer).map_err(cut_off)
    }
}

impl<R: Read> Read for Entries<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let n = self.from.read(&mut buffer[..most])?;
        if n == 0 {
            return Err(cut_off(io::ErrorKind::UnexpectedEof.into()));
        }
        self.left -= n as u64;
        Ok(n)
    }
}

fn cut_off(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { broken("is cut off in the middle of a tar") } else { error }
}

/// The size that header and PAX records agree on. A header cannot hold more than 8 GiB in octal: only then may it be
/// something else than the record.
fn one_size(header: u64, pax: Option<u64>) -> Option<u64> {
    match pax {
        None => Some(header),
        Some(pax) if pax == header || pax > OCTAL_MAX && matches!(header, 0 | OCTAL_MAX) => Some(pax),
        Some(_) => None,
    }
}
