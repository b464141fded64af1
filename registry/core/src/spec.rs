//! What the core promises, told with a real database and a real disk in a folder of each test's own.

mod accounts;
mod artifacts;
mod auth;
mod ceilings;
mod charts;
mod client_keys;
mod conversion;
mod crash;
mod entities;
mod gc;
mod labels;
mod library;
mod manifests;
mod overview;
mod own_account;
mod prototypes;
mod renaming;
mod repositories;
mod superusers;
mod tag_changes;
mod tag_rows;
mod tokens;
mod uploads;
mod who_gets_what;
pub(crate) mod world;
