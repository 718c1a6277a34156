//! What stands between the operator's secrets and every place `tars` writes words.
//!
//! Three layers look at the same text and their findings are joined: *known values* (`known`) in
//! any encoding, *structure* (`structure`: what a key, a flag or a URL says is secret), and
//! *patterns* (`pattern`: what looks like a token, a key block or a hash). A finding becomes
//! `[REDACTED:kind#n]`; the same secret has the same `n` everywhere in a run. The rest of the text
//! is copied byte for byte. This module knows nothing of Docker, archives or terminals.
//!
//! ```
//! use tars_redact::Redactor;
//! let redactor = Redactor::builder().value("TARS_REDIS_PASSWORD", "correct-horse-7").build();
//! assert_eq!(redactor.text("auth with correct-horse-7 failed"), "auth with [REDACTED:password#1] failed");
//! ```

mod anchors;
mod decode;
mod engine;
mod finder;
mod hash;
mod known;
mod letters;
mod look;
mod marker;
mod name;
mod number;
mod obfuscate;
mod pattern;
pub mod rules;
mod sight;
mod span;
mod stream;
mod structure;
#[cfg(test)]
mod tests;
mod value;
mod write;

use std::borrow::Cow;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

pub use number::Counts;
pub use sight::{KnownValues, Sighting};
pub use span::Rule;
pub use stream::{Clean, Stream};

use anchors::Anchors;
use known::Value;
use number::Numbers;

/// The engine with its known values: cheap to clone, shared by every part of a run.
#[derive(Clone, Debug)]
pub struct Redactor {
    inner: Arc<Inner>,
}

struct Inner {
    anchors: Anchors,
    numbers: Arc<Numbers>,
    counts: Arc<Mutex<Counts>>,
    values: Vec<Value>,
    obfuscate: bool,
}

impl std::fmt::Debug for Inner {
    /// Never the values.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Redactor({} known values)", self.values.len())
    }
}

/// Collects what must never be written.
#[derive(Clone, Default)]
pub struct Builder {
    values: Vec<Value>,
    /// Host and user names: only hidden when obfuscating.
    names: Vec<Value>,
    obfuscate: bool,
    numbers: Arc<Numbers>,
    counts: Arc<Mutex<Counts>>,
}

impl Redactor {
    /// Starts with no known values; structure and patterns always work.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A whole text without its secrets; borrowed when there was none.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match stream::whole(self, text.as_bytes()) {
            None => Cow::Borrowed(text),
            Some(clean) => Cow::Owned(String::from_utf8_lossy(&clean).into_owned()),
        }
    }

    /// A reader whose bytes have been through the engine, in constant memory.
    pub fn clean<R: Read>(&self, reader: R) -> Clean<R> {
        Clean::new(self.clone(), reader)
    }

    /// The same engine fed by hand, for text that must appear as it comes (`logs --follow`).
    #[must_use]
    pub fn stream(&self) -> Stream {
        Stream::new(self.clone())
    }

    /// The known values alone, to be searched for in files that are kept as they are.
    ///
    /// ```
    /// # use tars_redact::Redactor;
    /// let known = Redactor::builder().value("TARS_REDIS_PASSWORD", "correct-horse-7").build().known_values();
    /// let seen = known.seen_in(&b"requirepass correct-horse-7\n"[..])?;
    /// assert_eq!((seen[0].name.as_str(), seen[0].kind, seen[0].at), ("TARS_REDIS_PASSWORD", "password", 12));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn known_values(&self) -> KnownValues {
        KnownValues::new(&self.inner.values, &self.inner.numbers)
    }

    /// What was replaced so far, by all clones together.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts an engine that continues this one: the same secret keeps its number, the counts go on.
    /// For what is learned in the middle of a run; give all values again.
    #[must_use]
    pub fn continued(&self) -> Builder {
        let (numbers, counts) = (self.inner.numbers.clone(), self.inner.counts.clone());
        Builder { obfuscate: self.inner.obfuscate, numbers, counts, ..Builder::default() }
    }

    fn count(&self, counts: &Counts) {
        self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner).merge(counts);
    }
}

impl Default for Redactor {
    fn default() -> Self {
        Builder::default().build()
    }
}

impl Builder {
    /// A value to hide; `name` (an env key, or a kind such as `password`) only chooses the word in
    /// the replacement. Empty, very short and common values are hidden by structure only.
    #[must_use]
    pub fn value(mut self, name: &str, secret: &str) -> Self {
        let value = |secret: &str| Value {
            name: name.into(),
            kind: name::kind_of(name.as_bytes()),
            secret: secret.as_bytes().to_vec(),
        };
        self.values.push(value(secret));
        // Each of several may stand alone.
        if secret.contains(',') && name::is_plural(name.as_bytes()) {
            self.values.extend(secret.split(',').map(|word| value(word.trim())));
        }
        self
    }

    /// Every secret among the settings of an env file: by the name of its key, or because the value
    /// itself is one (a token, a URL with a password).
    #[must_use]
    pub fn env<'a>(mut self, entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let plain = Redactor::default();
        for (key, value) in entries {
            if is_secret_key(key) && !look::is_path(value.as_bytes()) {
                self = self.value(key, value);
            }
            let line = format!("{key}={value}");
            for span in engine::scan(&plain, line.as_bytes()) {
                if span.start > key.len() && span.end - span.start >= 6 {
                    self = self.value(key, &line[span.start..span.end].replace("%40", "@"));
                    self = self.value(key, &line[span.start..span.end]);
                }
            }
        }
        self
    }

    /// A host name to hide when obfuscating (this machine's, the NAS').
    #[must_use]
    pub fn host(mut self, name: &str) -> Self {
        self.names.push(Value { name: "host".into(), kind: "host", secret: name.as_bytes().to_vec() });
        self
    }

    /// A user name to hide when obfuscating.
    #[must_use]
    pub fn user(mut self, name: &str) -> Self {
        self.names.push(Value { name: "user".into(), kind: "user", secret: name.as_bytes().to_vec() });
        self
    }

    /// Also replaces host names, user names, public addresses and e-mail addresses.
    #[must_use]
    pub fn obfuscate(mut self, obfuscate: bool) -> Self {
        self.obfuscate = obfuscate;
        self
    }

    /// The engine.
    #[must_use]
    pub fn build(mut self) -> Redactor {
        let values = self.values.clone();
        if self.obfuscate {
            self.values.append(&mut self.names);
        }
        let Self { numbers, counts, .. } = self;
        let anchors = anchors::anchors(known::patterns(&self.values, &numbers));
        let inner = Inner { anchors, numbers, counts, values, obfuscate: self.obfuscate };
        Redactor { inner: Arc::new(inner) }
    }
}

/// Whether a setting of this name holds a secret: the rule that env table, doctor and engine share.
///
/// ```
/// use tars_redact::is_secret_key;
/// assert!(is_secret_key("TARS_JWT_SECRET") && is_secret_key("smtp.pass") && is_secret_key("apiKey"));
/// assert!(!is_secret_key("PASSWORD_FILE") && !is_secret_key("JWT_ALGORITHM") && !is_secret_key("max_tokens"));
/// ```
#[must_use]
pub fn is_secret_key(name: &str) -> bool {
    name::grade(name.as_bytes()) == name::Grade::Strong
}
