//! What `tars validate` asks of the backend's container, and what that answers: one JSON value each way.
//!
//! The request is an argument of `tars serve --validate` and holds no secret; tokens come back on stdout alone.

use serde::{Deserialize, Serialize};

/// How the names of everything begin that a validation makes: users, collections, files, keys.
pub const PREFIX: &str = "tars-validate-";
/// How many tickets a validation gets.
pub const TICKETS: usize = 6;
/// The header whose token says under which name requests are counted.
pub const COUNTED_AS: &str = "x-tars-counted-as";

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Sweep what killed validations left, and make this one's user and tokens.
    Begin {
        /// This validation's own part of every name.
        mark: String,
    },
    /// Try these things, side by side.
    Try {
        /// This validation's own part of every name.
        mark: String,
        /// Which.
        things: Vec<Thing>,
    },
    /// Remove everything of this validation for good, and say what is left.
    End {
        /// This validation's own part of every name.
        mark: String,
    },
}

/// Something that only the backend's container can try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// Postgres: a table made, written and read, and rolled back.
    Postgres,
    /// Redis: a key written, read and deleted.
    Redis,
    /// Chroma: vectors written into a scratch collection.
    ChromaWrite,
    /// Chroma: the vectors of the scratch collection read back and found, the collection dropped.
    ChromaRead,
    /// Chroma: written, read back and dropped in one go.
    Chroma,
    /// One embedding.
    Embed,
    /// A few words of the chat model.
    Chat,
    /// Where the chat model runs, after it has spoken.
    Processor,
    /// Whether an administrator has a default password.
    Passwords,
    /// Whether Redis lets in who names no password.
    RedisOpen,
    /// Whether Postgres lets in who names a wrong password.
    PostgresOpen,
}

/// The means of a validation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// A good access token of a user without rights of an administrator.
    pub token: String,
    /// The same session's refresh token: no access token.
    pub refresh: String,
    /// The same, expired.
    pub expired: String,
    /// The same, signed with another key.
    pub foreign: String,
    /// Requests with one of them are counted apart: one for each check that needs many.
    pub tickets: Vec<String>,
}

/// What came of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// What.
    pub thing: Thing,
    /// What was seen, or why it failed: the causes, outermost first.
    pub outcome: Result<String, Vec<String>>,
    /// How long it took.
    pub took_ms: u64,
}

/// What a validation left behind although it removed everything; all zero when all is well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Users.
    pub users: i64,
    /// Documents, in the trash or not.
    pub documents: i64,
    /// Files whose places are known.
    pub places: i64,
    /// Collections.
    pub collections: i64,
    /// Vectors that still wait to be erased.
    pub vectors: i64,
}

impl Left {
    /// What is left, in words; `None` when nothing is.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let all = [
            (self.users, "user"),
            (self.documents, "document"),
            (self.places, "file"),
            (self.collections, "collection"),
            (self.vectors, "document's vectors"),
        ];
        let words: Vec<_> = all.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} × {what}")).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It may begin.
    Begun(Box<Pass>),
    /// What came of each thing, in their order.
    Tried(Vec<Tried>),
    /// What is left.
    Ended(Left),
    /// It failed: the causes, outermost first.
    Failed(Vec<String>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said() {
        assert_eq!(Left::default().words(), None);
        let left = Left { documents: 2, collections: 1, ..Left::default() };
        assert_eq!(left.words().unwrap(), "2 × document, 1 × collection");
    }

    #[test]
    fn an_outcome_survives_the_line() {
        let tried = Tried { thing: Thing::ChromaRead, outcome: Err(vec!["a".into(), "b".into()]), took_ms: 3 };
        let line = serde_json::to_string(&Answer::Tried(vec![tried.clone()])).unwrap();
        assert_eq!(serde_json::from_str::<Answer>(&line).unwrap(), Answer::Tried(vec![tried]));
    }
}
