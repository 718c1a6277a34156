//! Documents on their way in: from an upload or the documents folder to chunks in Postgres and vectors in Chroma.
//!
//! Postgres is the truth. A *place* is where a file lies, a *job* says that it is to be read, a *document* is a content
//! with its chunks; whatever stands in one of Chroma's collections without a chunk here is never seen. So each step is
//! one transaction and a killed process leaves nothing half done:
//!
//! - `intake`: a place and its job; `reader`: takes jobs, reads, cuts, writes all chunks in one transaction
//! - `vectors`: embeds what has no vectors yet, in every generation of the index, and erases what is left over;
//!   `memory`: what it remembers between rounds; `pace`: how much the embedder gets at once
//! - `embedder`: a model with what must be known of it
//! - `errand`: what the operator asks for; `generation`: which index serves
//! - `beneath`, `scan`, `walk`, `watch`: the documents folder; `trash`: thirty days of second thoughts;
//!   `sweep`: files of uploads that nothing belongs to any more
//!
//! Texts are searchable by words as soon as they are read; vectors follow when the embedder is there.

pub(crate) mod beneath;
pub(crate) mod embedder;
pub(crate) mod errand;
pub(crate) mod generation;
pub(crate) mod intake;
mod memory;
mod pace;
mod reader;
pub(crate) mod scan;
pub(crate) mod sweep;
pub(crate) mod trash;
pub(crate) mod vectors;
mod walk;
mod watch;
mod write;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, RwLock, watch as channel};

use crate::app::App;
use crate::config::Config;
use crate::patience::Patience;
use crate::reading::Extractor;
use embedder::Embedder;

/// Files that were sent; kept in the `documents` volume.
pub(crate) const UPLOADS: i16 = 1;
/// The documents folder, which is only read.
pub(crate) const FOLDER: i16 = 2;

/// The index that answers.
#[derive(Debug)]
pub(crate) struct Serving {
    /// Its collection's id in Chroma.
    pub collection: String,
    /// The model that made its vectors and so must make a question's.
    pub embedder: Arc<Embedder>,
}

/// What the steps share.
pub(crate) struct Desk {
    /// Where uploads are kept.
    pub uploads: PathBuf,
    /// The documents folder.
    pub folder: PathBuf,
    /// For looks at single files of the documents folder; the scan has its own.
    pub looks: Patience,
    scans: Patience,
    /// Held while a large file is read.
    large: tokio::sync::Mutex<()>,
    /// Held while an upload's file and its place come to be, and alone by whoever removes such files.
    pub keeping: RwLock<()>,
    extractor: Extractor,
    to_read: Notify,
    to_embed: Notify,
    to_scan: Notify,
    /// Counts what was finished: whoever waits for something looks again after each change.
    finished: channel::Sender<u64>,
    serving: Mutex<Option<Arc<Serving>>>,
    /// Why the index takes no vectors now, in words for people.
    trouble: Mutex<Option<String>>,
    /// Somebody could not ask Chroma.
    doubted: AtomicBool,
}

impl Desk {
    /// Prepares; looks at nothing.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            uploads: config.uploads_dir.clone(),
            folder: config.documents_dir.clone(),
            looks: Patience::default(),
            scans: Patience::default(),
            large: tokio::sync::Mutex::default(),
            keeping: RwLock::default(),
            extractor: Extractor::of_this_binary(),
            to_read: Notify::new(),
            to_embed: Notify::new(),
            to_scan: Notify::new(),
            finished: channel::Sender::new(0),
            serving: Mutex::default(),
            trouble: Mutex::default(),
            doubted: AtomicBool::new(false),
        }
    }

    /// The index that serves; `None` before Ollama and Chroma could be asked for the first time.
    pub(crate) fn serving(&self) -> Option<Arc<Serving>> {
        self.serving.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Why new vectors cannot be made at the moment.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Something changed that the index has to follow.
    pub(crate) fn wake_index(&self) {
        self.to_embed.notify_one();
    }

    /// The index could not be asked: its collection may have gone.
    pub(crate) fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
        self.wake_index();
    }

    fn take_doubt(&self) -> bool {
        self.doubted.swap(false, Ordering::Relaxed)
    }

    /// Look at the documents folder now.
    pub(crate) fn wake_scan(&self) {
        self.to_scan.notify_one();
    }

    fn set_serving(&self, serving: Serving) {
        *self.serving.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Arc::new(serving));
    }

    fn set_trouble(&self, why: Option<String>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *trouble != why {
            if let Some(why) = &why {
                tracing::warn!(why, "new texts are found by words only");
            } else {
                tracing::info!("texts get their vectors again");
            }
            *trouble = why;
        }
    }

    fn finish(&self) {
        self.finished.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// Starts the work beside the requests.
pub(crate) fn start(app: &App) {
    reader::start(app);
    vectors::start(app);
    watch::start(app);
    trash::start(app);
}
