//! `tars`: installs, checks, backs up and mends a self-hosted RAG stack.
pub mod check;
pub mod client;
pub mod docker;
pub mod error;
pub mod exit;
pub mod facts;
pub mod stack;
pub mod ui;
