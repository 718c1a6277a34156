//! Writing tar: headers for members, and a whole stream of them for a container.
//!
//! GNU headers, which every tar reads. The crate's builder makes them; the content goes past it, so that a member's
//! bytes are copied once only.

use super::fault::broken;
use super::member::{Kind, Member};
use std::io::{self, Read, Write};
use tar::{Builder, EntryType, Header};

/// The end mark: two empty records.
pub(super) const END: [u8; 1024] = [0; 1024];

/// Makes headers. The builder writes into memory, so that what it adds when it is dropped goes nowhere.
pub(super) struct Headers(Builder<Vec<u8>>);

impl Headers {
    pub fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// The bytes in front of a member's content; `path` is where it will be.
    pub fn of(&mut self, member: &Member, path: &str) -> io::Result<Vec<u8>> {
        let made = self.make(member, path);
        // Taken also after an error: half a header must not come before the next one.
        let bytes = std::mem::take(self.0.get_mut());
        made.map(|()| bytes)
    }

    fn make(&mut self, member: &Member, path: &str) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_mode(member.mode);
        header.set_uid(member.uid);
        header.set_gid(member.gid);
        header.set_mtime(member.mtime);
        header.set_size(member.size);
        match (member.kind, &member.link) {
            (Kind::File, _) => {
                header.set_entry_type(EntryType::Regular);
                self.0.append_data(&mut header, path, io::empty())?;
            }
            (Kind::Directory, _) => {
                header.set_entry_type(EntryType::Directory);
                self.0.append_data(&mut header, format!("{path}/"), io::empty())?;
            }
            (Kind::Symlink, Some(target)) => {
                header.set_entry_type(EntryType::Symlink);
                self.0.append_link(&mut header, path, target)?;
            }
            (kind, _) => return Err(broken(format!("cannot hold {}: {path}", kind.words()))),
        }
        Ok(())
    }
}

/// How many zeros fill a content up to a whole record.
pub(super) fn padding(size: u64) -> usize {
    usize::try_from(size.next_multiple_of(512) - size).unwrap_or_default()
}

/// A tar stream of members, as the engine's archive endpoint takes it.
pub struct Tarball<W> {
    to: W,
    headers: Headers,
}

impl<W: Write> Tarball<W> {
    /// An empty one.
    pub fn new(to: W) -> Self {
        Self { to, headers: Headers::new() }
    }

    /// Adds a member under another path, with its content.
    ///
    /// # Errors
    /// When the content is not as long as the member says, or it cannot be written.
    pub fn add(&mut self, member: &Member, path: &str, from: &mut dyn Read) -> io::Result<()> {
        self.to.write_all(&self.headers.of(member, path)?)?;
        let copied = io::copy(&mut from.take(member.size), &mut self.to)?;
        if copied != member.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.to.write_all(&END[..padding(member.size)])
    }

    /// Writes the end mark and hands back what is below.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.to.write_all(&END)?;
        self.to.flush()?;
        Ok(self.to)
    }
}
