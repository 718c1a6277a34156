//! What changes the world, once: used by commands now and by fixes later.
//!
//! Each function first looks whether it is already so. What stops or switches anything writes the journal before;
//! what it makes for a run carries the run's label, so that a later run can sweep it.

pub mod apt;
pub mod asking;
pub mod backend_image;
pub mod backup;
pub mod child;
pub mod clean;
pub mod compose;
pub mod docs_dir;
pub mod engine;
pub mod generations;
pub mod gpu;
pub mod images;
pub mod journal;
pub mod keeping;
pub mod lifecycle;
pub mod lock;
pub mod lock_holder;
pub mod mend;
pub mod models;
pub mod nas;
pub mod packages;
pub mod prepare;
pub mod program;
pub mod recover;
pub mod restore;
pub mod runs;
pub mod settings;
pub mod sweep;
pub mod switch;
pub mod tree;
pub mod undo;
pub mod unit;
pub mod validated;
pub mod volumes;
pub mod wait;
