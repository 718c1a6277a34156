//! Every exit code of `tars`, in one place.
//!
//! The README's table and `tests/` are held against [`Exit::ALL`]; no other module names a number.

use serde::Serialize;

/// How a run ended, as the calling shell, cron or systemd sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "u8")]
pub enum Exit {
    /// All that was asked for is done.
    Done,
    /// It failed; for `doctor` a check fails, for `validate` and `install` the verdict is NO-GO.
    Failed,
    /// Some of it is done, and the report names what is not.
    Partly,
    /// The command line is wrong.
    Usage,
    /// Something the command needs is not there: no engine, no stack, no such file.
    Unavailable,
    /// Another run holds the lock.
    Busy,
    /// The user may not do this.
    NotPermitted,
    /// Interrupted by Ctrl-C or SIGTERM.
    Interrupted,
}

impl Exit {
    /// Every code with the sentence that the README prints for it.
    pub const ALL: [(Exit, &'static str); 8] = [
        (Exit::Done, "done"),
        (Exit::Failed, "failed (doctor: a check fails; install, validate: NO-GO)"),
        (Exit::Partly, "partly done: the report names what is missing"),
        (Exit::Usage, "wrong usage"),
        (Exit::Unavailable, "something needed is not there (no engine, no stack, no such file)"),
        (Exit::Busy, "another run holds the lock"),
        (Exit::NotPermitted, "not permitted; the message holds the command that is"),
        (Exit::Interrupted, "interrupted (Ctrl-C, SIGTERM)"),
    ];

    /// The number the process exits with (sysexits.h where it has one for the case).
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Partly => 2,
            Exit::Usage => 64,
            Exit::Unavailable => 69,
            Exit::Busy => 75,
            Exit::NotPermitted => 77,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> u8 {
        exit.code()
    }
}
