//! Rows of the registry: an embedded SQLite database behind a small port, ready for a second engine.
//!
//! ```text
//!  core ── db.read(async |c| …) ──► readers ─┐
//!       ── db.write(async |t| …) ─► writer ──┤  tables/*  (all SQL text)  ──►  engine (Value, Row, Conn)
//!                                  one COMMIT for a batch of closures           └─ engine/sqlite
//! ```
//!
//! A closure may await nothing but functions of [`tables`], which await nothing but their connection: on SQLite
//! it is therefore always ready, on a database server it would wait for the wire.
//! This crate knows rows and their invariants; it must not know permissions, HTTP, or where bytes lie.

mod engine;
mod error;
mod folder;
mod ids;
mod migrate;
mod readers;
mod store;
pub mod tables;
mod writer;

pub use engine::{Conn, Tx};
pub use error::Error;
pub use ids::{AuditId, BlobId, LabelId, ManifestId, RepoId, TagId, TeamId, TokenId, UserId};
pub use store::{Db, Durability, Options, Stats};
