//! What ingestion, retrieval and answering share, as one part of the app.

use crate::answer::vault::Vault;
use crate::config::Config;
use crate::documents::Desk;
use crate::retrieve::Searcher;

/// The second half of the backend.
pub(crate) struct Rag {
    /// Documents on their way in.
    pub desk: Desk,
    /// Questions on their way to passages.
    pub searcher: Searcher,
    /// Seals conversations.
    pub vault: Vault,
}

impl Rag {
    /// Prepares; looks at nothing.
    pub(crate) fn new(config: &Config) -> Self {
        Self { desk: Desk::new(config), searcher: Searcher::default(), vault: Vault::new(config) }
    }
}
