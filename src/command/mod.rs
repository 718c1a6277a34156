//! One file per verb. A verb composes what `operate` can do and returns a report; verbs do not call each other.

pub mod backup;
pub mod clean;
pub mod doctor;
pub mod install;
pub mod logs;
pub mod model;
pub mod nas;
pub mod redact;
pub mod reindex;
pub mod restart;
pub mod restore;
pub mod running;
mod since;
pub mod start;
pub mod status;
pub mod stop;
pub mod support_bundle;
pub mod uninstall;
pub mod user;
pub mod validate;
