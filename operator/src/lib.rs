//! Turns a `QuayRegistry` into a running registry.
//!
//! ```text
//!  watch ─► queue ─► gather ──► resolve ──► build ──► apply ──────────► status
//!                    reads      pure        pure      writes, in waves   pure + one write
//!                    Snapshot   Plan        Prepared                     QuayRegistryStatus
//! ```
//!
//! Policy lives in the pure steps; the others only act. It never writes `spec`, never deletes data, and touches nothing
//! that it has not made.

pub mod apply;
pub mod backoff;
pub mod build;
pub mod child;
pub mod controller;
pub mod crd;
pub mod drift;
pub mod entropy;
pub mod events;
pub mod foreign;
pub mod gather;
pub mod leader;
pub mod metrics;
pub mod names;
pub mod ops;
pub mod pki;
pub mod plan;
pub mod quantity;
pub mod rbac;
pub mod resolve;
pub mod run;
pub mod settings;
pub mod snapshot;
pub mod status;
pub mod version;
