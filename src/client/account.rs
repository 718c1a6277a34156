//! What `tars user` asks of the backend's container, and what that answers: one JSON value each way.
//!
//! The request is an argument of `tars serve --user` and holds no secret; a new password comes back on stdout alone.

use serde::{Deserialize, Serialize};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Add a user with a made password.
    Add {
        /// The name.
        name: String,
        /// As an administrator.
        admin: bool,
    },
    /// List all.
    List,
    /// Make a new password.
    Passwd {
        /// Whose.
        name: String,
    },
    /// Keep somebody out, or let them in again.
    Disable {
        /// Whom.
        name: String,
        /// Let in again.
        undo: bool,
    },
    /// Remove somebody with their conversations.
    Remove {
        /// Whom.
        name: String,
    },
    /// Name the administrators that a weak password lets in. Compared here, in a process of its own: nobody is signed in,
    /// and the API's own turns for passwords stay free.
    Weak {
        /// Try the password that the environment has (`TARS_ADMIN_PASSWORD`): it is known to be weak.
        own: bool,
        /// Try those that are tried first everywhere.
        common: bool,
    },
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The name.
    pub name: String,
    /// `admin` or `user`.
    pub role: String,
    /// Whether they are kept out.
    pub disabled: bool,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339; none before the first sign-in.
    pub signed_in_at: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// All users.
    Users(Vec<Account>),
    /// Administrators that a weak password lets in.
    Weak(Vec<String>),
    /// It was done to this one.
    Done {
        /// The user as they are now, or were.
        user: Account,
        /// The password that was made.
        password: Option<String>,
    },
    /// It was refused, with the HTTP status that the API would have given.
    Refused {
        /// 404: no such user; 409: it contradicts what is there; 422: a name that is none.
        status: u16,
        /// Why.
        detail: String,
    },
    /// It failed: the sentences of the chain.
    Failed(Vec<String>),
}
