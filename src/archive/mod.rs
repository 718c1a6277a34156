//! The archive: one gzipped tar with its own sums, written in constant memory and read as untrusted input.
//!
//! The only module that names `tar`, `flate2`, `libdeflater`, `sha2` and `age`. Knows nothing of Docker, of homes or of
//! commands; blocking, so that it runs on threads of its own.
//! ```text
//! Writer ─▶ Written ─▶ Published     create, members, finish; verify, publish
//! open ─▶ Reader ─▶ Contents         each member checked as it goes by; legacy archives behind the same surface
//! pack, unpack, block                gzip in blocks, on several threads
//! entries, member, listing, source   what may be in an archive, and what is refused
//! parcel                            small files, packed one by one: the support bundle
//! seal, key                          age: who may open it
//! ```

mod block;
mod entries;
mod fault;
mod key;
mod legacy;
mod listing;
mod manifest;
mod member;
mod name;
mod outcome;
mod pack;
mod parcel;
mod reader;
mod seal;
mod small;
mod source;
mod sum;
mod tarball;
mod target;
#[cfg(test)]
mod tests;
mod unpack;
mod walk;
mod watch;
mod writer;
mod written;

use tars_base::{error, exit};

pub use key::{Key, passphrase_of};
pub use manifest::{FORMAT, ImageRecord, Manifest, MountFate, MountKind, MountRecord};
pub use member::{Fate, Kind, Member, Tree, Visit, everything};
pub use name::Name;
pub use outcome::{
    ChromaRecord, CollectionRecord, ComponentOutcome, FilesRecord, Golden, KNOWN_DOCUMENTS, KnownDocument,
    ModelsRecord, Outcome, PostgresRecord, RedisRecord, Status,
};
pub use parcel::{Parcel, Sealed, packed, sweep_partials, unpack_each};
pub use reader::{Contents, Each, Format, Reader, Sidecar, open, verify, verify_each};
pub use seal::{KeyPair, Recipient, Seal, Secret, keygen};
pub use small::{Item, small_tar};
pub use sum::{Sum, Summing, sha256, sha256_of};
pub use tarball::Tarball;
pub use watch::Watch;
pub use writer::{Options, Writer};
pub use written::{Published, Written};
