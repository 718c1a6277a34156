//! `tars user`: the accounts of the API, without anybody's password: the way back in when the administrator's is lost.
//!
//! The backend's container does it (`tars serve --user`), since only there the database can be reached. A new password
//! is shown once, and stands nowhere else.

use crate::client::account::{Account, Answer, Request};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::operate::asking;
use crate::ui::{Page, Report};
use anyhow::Result;
use serde_json::{Value, json};

/// Flags of `tars user`.
#[derive(Debug, clap::Args)]
pub struct UserArgs {
    /// What to do
    #[command(subcommand)]
    pub what: UserVerb,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum UserVerb {
    /// Add a user; the password is made and shown once
    Add {
        /// Letters, digits and . _ @ -
        name: String,
        /// As an administrator
        #[arg(long)]
        admin: bool,
    },
    /// List all users
    List,
    /// Give a user a new password, shown once; all their sessions end
    Passwd {
        /// Whose
        name: String,
    },
    /// Keep a user out, and sign them out at once
    Disable {
        /// Whom
        name: String,
        /// Let them in again
        #[arg(long)]
        undo: bool,
    },
    /// Remove a user with their sessions, keys and conversations; documents stay
    Remove {
        /// Whom
        name: String,
    },
}

impl UserVerb {
    /// Whether it changes anything.
    #[must_use]
    pub fn changes_something(&self) -> bool {
        !matches!(self, Self::List)
    }

    fn request(&self) -> Request {
        match self {
            Self::Add { name, admin } => Request::Add { name: name.clone(), admin: *admin },
            Self::List => Request::List,
            Self::Passwd { name } => Request::Passwd { name: name.clone() },
            Self::Disable { name, undo } => Request::Disable { name: name.clone(), undo: *undo },
            Self::Remove { name } => Request::Remove { name: name.clone() },
        }
    }

    fn done(&self) -> &'static str {
        match self {
            Self::Add { .. } => "was added",
            Self::List => "is there",
            Self::Passwd { .. } => "has a new password; all sessions have ended",
            Self::Disable { undo: false, .. } => "is kept out and was signed out",
            Self::Disable { undo: true, .. } => "is let in again",
            Self::Remove { .. } => "was removed",
        }
    }
}

/// All users.
struct Users(Vec<Account>);

/// One user, and what was done.
struct Done {
    user: Account,
    password: Option<String>,
    words: &'static str,
}

/// Runs the verb.
///
/// # Errors
/// Exit 69 without a running backend or such a user, 64 for a name that is none, 1 when the backend refuses.
pub async fn run(context: &mut Context, args: &UserArgs) -> Result<Box<dyn Report>> {
    if let UserVerb::Remove { name } = &args.what {
        let question = format!("remove {name} with their sessions, keys and conversations?");
        if !context.ui.confirm(&question, true).await? {
            return Err(Failure::new(Exit::Failed, "nothing was removed").into());
        }
    }
    match asking::ask(context, "--user", &args.what.request()).await? {
        Answer::Users(users) => Ok(Box::new(Users(users))),
        Answer::Done { user, password } => {
            if let Some(password) = password.as_ref().filter(|_| !context.ui.options().json) {
                // As it is: a password that is hidden is of no use to anybody.
                context.ui.raw(format!("password: {password}\n").as_bytes())?;
            }
            Ok(Box::new(Done { user, password, words: args.what.done() }))
        }
        Answer::Refused { status, detail } => Err(refused(status, detail)),
        Answer::Weak(_) => Err(asking::failed(vec!["the backend answered another question".to_owned()])),
        Answer::Failed(chain) => Err(asking::failed(chain)),
    }
}

fn refused(status: u16, detail: String) -> anyhow::Error {
    let (exit, hint) = match status {
        404 => (Exit::Unavailable, "tars user list shows all"),
        422 => (Exit::Usage, "choose another name"),
        _ => (Exit::Failed, "tars user list shows all"),
    };
    Failure::new(exit, detail).hint(hint).into()
}

fn state(user: &Account) -> &'static str {
    if user.disabled { "kept out" } else { "" }
}

impl Report for Users {
    fn render(&self, page: &mut Page) {
        for user in &self.0 {
            let seen = user.signed_in_at.as_deref().map_or("never", |at| at.get(..10).unwrap_or(at));
            page.line(format!("{:<24} {:<6} last sign-in {seen:<11} {}", user.name, user.role, state(user)));
        }
    }

    fn data(&self) -> Value {
        json!({ "users": self.0 })
    }
}

impl Report for Done {
    fn render(&self, page: &mut Page) {
        page.line(format!("{} {}", self.user.name, self.words));
        if self.password.is_some() {
            page.line("The password above cannot be seen again.");
        }
    }

    fn data(&self) -> Value {
        json!({ "user": self.user, "password": self.password })
    }

    fn data_is_raw(&self) -> bool {
        self.password.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::exit_of;

    #[test]
    fn a_refusal_has_its_exit_code() {
        let exit = |status| exit_of(&refused(status, "no".to_owned()));
        assert_eq!([exit(404), exit(409), exit(422)], [Exit::Unavailable, Exit::Failed, Exit::Usage]);
    }

    #[test]
    fn no_request_holds_a_secret() {
        let request = serde_json::to_string(&UserVerb::Passwd { name: "anna".into() }.request()).unwrap();
        assert_eq!(request, r#"{"passwd":{"name":"anna"}}"#);
    }
}
