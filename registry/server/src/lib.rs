//! The registry server: every surface over one core.
//!
//! ```text
//! main ─ cli ─┬─ serve ─► given (config.yaml, certificate) · own_ca · superuser ─► Core
//!             │              └► listen (TLS, limits, drain) ─► http::router ─┬► v2     registry protocol
//!             │                                                             ├► api    /api/v1
//!             │                                                             ├► console  pages for people
//!             │                                                             └► health, metrics
//!             └─ config check
//! ```

pub mod api;
pub mod cli;
pub mod given;
pub mod health;
pub mod http;
pub mod listen;
pub mod metrics;
pub mod own_ca;
pub mod secret_file;
pub mod serve;
pub mod superuser;
pub mod tasks;
pub mod telemetry;
pub mod tls;
pub mod v2;

mod console;
mod folders;
mod follow;
mod own_keys;

/// The version of this registry.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
