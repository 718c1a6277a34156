//! The tray: what collectors put their findings into. Only a [`Clean`] reader becomes a member.
//!
//! On the way stand, in this order: control characters go, documents' names become `doc#n.ext`, in logs also what could
//! be a question, an answer or a document's text, and then the redactor. Members are held in memory; collectors bound
//! what they bring.

use super::names::Names;
use super::text;
use crate::redact::{Clean, Redactor};
use serde::Serialize;
use serde_json::Value;
use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a member is, for the limit: of logs the oldest lines go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Lines that begin with their time, oldest first.
    Log,
    /// Everything else.
    Look,
}

/// One file of the bundle.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its path below the bundle's directory.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Its text, without secrets.
    pub text: Vec<u8>,
    /// How many lines were left out for the bundle's size, oldest first.
    pub cut_lines: usize,
}

impl Member {
    fn new<R: Read>(path: &str, kind: Kind, mut clean: Clean<R>) -> std::io::Result<Self> {
        let mut text = Vec::new();
        clean.read_to_end(&mut text)?;
        Ok(Self { path: path.to_owned(), kind, text, cut_lines: 0 })
    }

    /// How many secrets, names and texts were replaced in it.
    #[must_use]
    pub fn replaced(&self) -> usize {
        ["[REDACTED", text::HIDDEN, "doc#"].iter().map(|mark| memchr::memmem::find_iter(&self.text, mark).count()).sum()
    }

    /// Its text for a page.
    #[must_use]
    pub fn words(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }
}

/// Something that could not be seen, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is about: a collector, or a member.
    pub about: String,
    /// Why.
    pub why: String,
}

/// Something that happened here, for "what changed".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Happening {
    /// When, RFC 3339 or as its source wrote it; sorts by time.
    pub at: String,
    /// What.
    pub what: String,
}

/// Where collectors put what they found.
pub struct Tray {
    redactor: Redactor,
    names: Names,
    members: Mutex<Vec<Member>>,
    notes: Mutex<Vec<Note>>,
    happenings: Mutex<Vec<Happening>>,
}

impl Tray {
    /// An empty one; `names` are the documents' that must not be told.
    #[must_use]
    pub fn new(redactor: Redactor, names: Names) -> Self {
        let (members, notes, happenings) = Default::default();
        Self { redactor, names, members, notes, happenings }
    }

    /// A text as it is.
    pub fn text(&self, path: &str, text: &str) {
        self.put(path, Kind::Look, &text::plain(text));
    }

    /// A service's log: each line begins with its time.
    pub fn log(&self, path: &str, service: &str, text: &str) {
        self.put(path, Kind::Log, &text::of_log(service, &text::plain(text)));
    }

    /// A log of the system: secrets and names go, the words stay.
    pub fn system_log(&self, path: &str, text: &str) {
        self.put(path, Kind::Log, &text::plain(text));
    }

    /// A document; it is still one after its secrets are gone.
    pub fn json(&self, path: &str, value: &Value) {
        let printed = format!("{value:#}\n");
        let named = self.names.hide(&printed);
        let clean = self.redactor.text(&named);
        if serde_json::from_str::<Value>(&clean).is_ok() {
            return self.put_named(path, Kind::Look, &clean);
        }
        // A replacement broke its form: then string by string, with the key in front, as a setting is read.
        let mut value = value.clone();
        self.clean_strings("", &mut value);
        self.put_named(path, Kind::Look, &format!("{value:#}\n"));
    }

    /// Says what could not be seen.
    pub fn note(&self, about: &str, why: &str) {
        let why = self.words(why);
        lock(&self.notes).push(Note { about: about.to_owned(), why });
    }

    /// Says what happened.
    pub fn happened(&self, at: &str, what: &str) {
        let what = self.words(what);
        lock(&self.happenings).push(Happening { at: at.to_owned(), what });
    }

    /// A short text without secrets and names.
    #[must_use]
    pub fn words(&self, text: &str) -> String {
        self.redactor.text(&self.names.hide(&text::plain(text))).into_owned()
    }

    /// A text of our own with members' paths in it, in which document names were replaced before.
    #[must_use]
    pub fn own(&self, path: &str, text: &str) -> Member {
        let member = Member::new(path, Kind::Look, self.redactor.clean(text.as_bytes()));
        member.unwrap_or_else(|_| unreachable!("memory can be read"))
    }

    /// Everything that came, by path; a later member of the same path wins.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        let mut members = lock(&self.members).clone();
        members.sort_by(|a, b| a.path.cmp(&b.path));
        members.reverse();
        members.dedup_by(|a, b| a.path == b.path);
        members.reverse();
        members
    }

    /// The member of that path.
    #[must_use]
    pub fn member(&self, path: &str) -> Option<Member> {
        lock(&self.members).iter().rev().find(|member| member.path == path).cloned()
    }

    /// What could not be seen.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        let mut notes = lock(&self.notes).clone();
        notes.sort_by(|a, b| a.about.cmp(&b.about));
        notes
    }

    /// What happened, newest first.
    #[must_use]
    pub fn happenings(&self) -> Vec<Happening> {
        let mut all = lock(&self.happenings).clone();
        all.sort();
        all.dedup();
        all.reverse();
        all
    }

    /// The engine, for its counts and for the proof.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// How many different documents' names were replaced.
    #[must_use]
    pub fn names_hidden(&self) -> usize {
        self.names.hidden()
    }

    /// A member that did not go through anything: what a broken collector would bring.
    #[cfg(test)]
    pub(super) fn smuggle(&self, path: &str, text: &str) {
        let member = Member { path: path.to_owned(), kind: Kind::Look, text: text.into(), cut_lines: 0 };
        lock(&self.members).push(member);
    }

    fn put(&self, path: &str, kind: Kind, text: &str) {
        self.put_named(path, kind, &self.names.hide(text));
    }

    fn put_named(&self, path: &str, kind: Kind, text: &str) {
        match Member::new(path, kind, self.redactor.clean(text.as_bytes())) {
            Ok(member) => lock(&self.members).push(member),
            Err(error) => self.note(path, &format!("could not be read: {error}")),
        }
    }

    fn clean_strings(&self, key: &str, value: &mut Value) {
        match value {
            Value::String(text) => {
                let head = format!("{key}=");
                let cleaned = self.words(&format!("{head}{text}"));
                *text = cleaned.strip_prefix(&head).map_or_else(|| self.words(text), str::to_owned);
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean_strings(key, item)),
            Value::Object(fields) => fields.iter_mut().for_each(|(key, field)| self.clean_strings(key, field)),
            _ => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
