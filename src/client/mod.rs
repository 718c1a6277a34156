//! HTTP clients for what the stack talks to: Chroma, Ollama, a container registry and our own API.
//!
//! `reqwest` is named here and nowhere else, so that time-outs, TLS roots, proxies and the words of an
//! error are decided once. Used by the operator's side and by `serve`. It knows nothing of Docker,
//! compose or the env file: whoever calls hands over an address. Nothing here prints.

pub mod address;
pub mod api;
pub mod chroma;
pub mod errand;
pub mod http;
pub mod ollama;
pub mod registry;
pub mod resolve;
pub mod words;

mod pull;

#[cfg(test)]
mod fake;

pub use address::Address;
pub use pull::PullProgress;
