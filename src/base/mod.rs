//! What every part may know: errors with hints, and the exit codes.

pub mod error;
pub mod exit;
