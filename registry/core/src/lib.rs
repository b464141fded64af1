//! What a registry does: who may do what, and every operation on content and accounts.
//!
//! ```text
//!   Caller (auth) ──► Allowed<Action> (perms) ──► operation on Core ──► rows (quay-db), bytes (quay-blobs)
//! ```
//!
//! Operations take proofs of permission, return domain types, and fail with [`Error`], whose variants are outcomes.
//! This crate knows no HTTP and holds no SQL; time and randomness are handed in.

mod accounts;
mod audit;
pub mod auth;
pub mod body;
mod caller;
mod clock;
mod core;
mod entropy;
mod error;
mod gc;
mod housekeeping;
mod landing;
mod lists;
mod orgs;
mod page;
pub mod perms;
mod policy;
mod pull;
mod pulls;
mod push;
mod repos;
mod robots;
mod room;
mod rules;
mod secret;
mod sight;
#[cfg(test)]
mod spec;
mod tags;
mod token;
mod uploads;
mod users;

pub use audit::{LogEntry, LogPosition, LogScope};
pub use auth::{ApiScopes, Session, SignedIn};
pub use body::{Body, BodyError};
pub use caller::Caller;
pub use clock::{Clock, ManualClock, SystemClock};
pub use core::{Core, DEFAULT_HEADROOM, Durability, Health, Settings};
pub use entropy::{Entropy, SystemEntropy};
pub use error::{Error, Missing, Refusal, Result, Scope};
pub use gc::Collected;
pub use housekeeping::Housekept;
pub use lists::Referrers;
pub use orgs::{Member, Organization, Team};
pub use page::Page;
pub use perms::Allowed;
pub use pull::{BlobBody, BlobRead, BlobStat, StoredManifest};
pub use push::PutManifest;
pub use quay_db::tables::orgs::TeamRole;
pub use repos::{Grant, Grantee, Repository, RepositoryRole, RepositoryView, Visibility};
pub use robots::{Robot, RobotPermission};
pub use secret::Secret;
pub use tags::{TagEntry, TagQuery};
pub use token::{Access, Token};
pub use uploads::{UploadId, UploadStatus};
pub use users::{EnsuredSuperuser, Initialized, Membership, NewUser, Profile, User};
