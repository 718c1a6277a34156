//! One file per verb; verbs do not call each other.

pub mod redact;
