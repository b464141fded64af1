//! The harness of the black-box suites: starts `quay-registry`, talks to it as its clients do, and asks a cluster
//! what the operator made of a `QuayRegistry`.
//!
//! ```text
//! tests/tests/process  ── Site → Registry (one process per test) ── Client, Session, Helm, Skopeo, raw sockets
//! tests/tests/cluster  ── Case (one namespace per test) → Endpoint ── the same clients
//!                                    every secret and every log ──→ out/ ──→ scan-secrets
//! ```
//!
//! It must not know anything about either program that a user could not know: no import of their crates but
//! `quay-oci`, which makes and checks test data.

pub mod accounts;
pub mod api;
pub mod artifact;
pub mod browser;
pub mod chart;
pub mod client;
pub mod clients;
pub mod cluster;
pub mod crash;
pub mod image;
pub mod named;
pub mod out;
pub mod page;
pub mod raw;
pub mod registry;
pub mod secrets;
pub mod tls;
pub mod until;
