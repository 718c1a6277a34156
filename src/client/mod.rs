//! HTTP clients for what the stack talks to: Chroma, Ollama, a container registry and our own API.
//!
//! `reqwest` is named here and nowhere else, so that time-outs, TLS roots, proxies and the words of an
//! error are decided once. Used by the operator's side and by `serve`. It knows nothing of Docker,
//! compose or the env file: whoever calls hands over an address. Nothing here prints.

pub mod account;
pub mod address;
pub mod api;
pub mod chat;
pub mod chroma;
pub mod collection;
pub mod embed;
pub mod errand;
pub mod examine;
pub mod http;
pub mod index;
pub mod ollama;
pub mod raw;
pub mod registry;
pub mod resolve;
pub mod told;
pub mod tunnel;
pub mod validate;
pub mod words;

mod lines;
mod pull;

#[cfg(test)]
mod fake;

use tars_base::{error, exit};

pub use address::Address;
pub use pull::PullProgress;
