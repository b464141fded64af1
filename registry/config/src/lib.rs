//! Quay's `config.yaml` as types: defaults, validation, which keys need a restart, and the operator's merge.
//!
//! No I/O: text goes in, a [`Config`] or *all* [`Problems`] at once come out. Both binaries use it, so that the operator
//! refuses a bundle by the very rules the registry would refuse it by.
//!
//! ```text
//!   config.yaml ──► raw (keys as written) ──► config (one reader per key) ──► fields (checks across keys) ──► Loaded
//!                        │                        ▲
//!                        └── unknown keys ──► warnings, kept in `Config.other`
//! ```

pub mod config;
pub mod exit_code;
mod fields;
mod keys;
mod merge;
mod problem;
mod raw;
mod secret;
mod upstream;
mod yaml;

pub use config::{Config, Other};
pub use fields::{
    access::AuthenticationType,
    artifacts::ArtifactTypes,
    database::Database,
    host::Scheme,
    redis::Redis,
    storage::{Storage, StorageLocation},
    time_machine::Period,
};
pub use keys::{
    Change, Key, Reload, changes, live_hash_input, reload_class, restart_hash_input, restart_keys,
};
pub use merge::merge;
pub use problem::{Problem, Problems};
pub use secret::Secret;

/// A configuration that can be run, and what its author should know about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values in force.
    pub config: Config,
    /// Keys without effect and combinations that are probably not meant.
    pub warnings: Vec<Problem>,
}

/// Reads `config.yaml`; everything that is wrong with it is told at once.
pub fn load(yaml: &str) -> Result<Loaded, Problems> {
    let document = raw::parse(yaml)?;
    let (config, mut reading) = Config::read(document);
    fields::check(&config, &mut reading);
    if reading.problems.is_empty() {
        Ok(Loaded { config, warnings: reading.warnings })
    } else {
        Err(Problems(reading.problems))
    }
}
