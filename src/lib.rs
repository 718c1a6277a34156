//! `tars`: installs, checks, backs up and mends a self-hosted RAG stack.

pub mod command;
pub mod error;
pub mod exit;
pub mod redact;
