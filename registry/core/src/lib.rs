//! What a registry does: who may do what, and every operation on content and accounts.
//!
//! ```text
//!   Caller (auth) ──► Allowed<Action> (perms) ──► operation on Core ──► rows (quay-db), bytes (quay-blobs)
//! ```
//!
//! Operations take proofs of permission, return domain types, and fail with [`Error`], whose variants are outcomes.
//! This crate knows no HTTP and holds no SQL; time and randomness are handed in.

mod account_change;
pub mod accounts;
mod app_tokens;
mod attached;
mod audit;
pub mod auth;
pub mod body;
mod caller;
mod charts;
mod client_keys;
mod clock;
mod conversion;
mod core;
mod entities;
mod entropy;
mod error;
mod gc;
mod hiding;
mod housekeeping;
mod invoicing;
mod labels;
mod landing;
mod library;
mod lists;
mod manifest_detail;
mod orgs;
mod overview;
mod own_account;
mod page;
pub mod perms;
mod policy;
mod prototypes;
mod pull;
mod pulls;
mod push;
mod renaming;
mod repos;
mod robots;
mod room;
mod rules;
mod secret;
mod sight;
#[cfg(test)]
mod spec;
mod stars;
mod superusers;
mod tag_changes;
mod tag_rows;
mod tags;
mod token;
mod uploads;
mod users;

pub use account_change::AccountChange;
pub use app_tokens::AppToken;
pub use attached::{Attached, ChildRow, Via};
pub use audit::{LogCount, LogEntry, LogPosition, LogQuery, LogScope};
pub use auth::{ApiScopes, Session, SignedIn};
pub use body::{Body, BodyError};
pub use caller::Caller;
pub use charts::{Chart, Dependency, Maintainer};
pub use clock::{Clock, ManualClock, SystemClock};
pub use core::{Core, DEFAULT_HEADROOM, Durability, Health, Settings};
pub use entities::{Entity, EntityKind, EntityQuery};
pub use entropy::{Entropy, SystemEntropy};
pub use error::{Error, Missing, Refusal, Result, Scope};
pub use gc::Collected;
pub use housekeeping::Housekept;
pub use invoicing::{Invoicing, InvoicingChange};
pub use labels::{Label, LabelSource};
pub use lists::Referrers;
pub use manifest_detail::{Layer, ManifestDetail};
pub use orgs::{Member, Organization, Team};
pub use overview::{
    Namespace, NamespaceQuery, RepositoryQuery, RepositoryRow, RepositoryRows, RepositorySort, RobotRow,
};
pub use own_account::{AboutMe, OwnChange};
pub use page::Page;
pub use perms::Allowed;
pub use prototypes::DefaultPermission;
pub use pull::{BlobBody, BlobRead, BlobStat, StoredManifest};
pub use push::PutManifest;
pub use quay_db::tables::orgs::TeamRole;
pub use quay_oci::ArtifactKind;
pub use repos::{Grant, Grantee, Repository, RepositoryRole, RepositoryView, Visibility};
pub use robots::{RepositoryPermission, Robot};
pub use secret::Secret;
pub use superusers::OrganizationRow;
pub use tag_changes::{BadPosition, ChangePosition, TagChange, TagChanged, TagChangesQuery};
pub use tag_rows::{Signature, TagRow, TagRowQuery, TagRows, TagSort, TagTarget};
pub use tags::{TagEntry, TagQuery};
pub use token::{Access, Token};
pub use uploads::{UploadId, UploadStatus};
pub use users::{EnsuredSuperuser, Initialized, Membership, NewUser, Profile, User};
