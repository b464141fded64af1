//! Who is asking: every way to prove it, and the keys behind.
//!
//! ```text
//!   Basic ──► account password · robot token · access token ─┐
//!   Bearer ─► registry token (signature, then what holds now) ├─► Caller
//!   cookie ─► session ───────────────────────────────────────┘
//! ```

mod access_token;
mod api_scopes;
mod basic;
mod bearer;
pub(crate) mod keys;
pub(crate) mod lockout;
pub(crate) mod password;
pub(crate) mod sealing;
mod session;

pub(crate) use access_token::mint;
pub use api_scopes::ApiScopes;
pub(crate) use basic::{Hashing, identity};
pub(crate) use bearer::{AccessClaim, Claims, CredentialClaim, VerifiedTokens};
pub use session::{Session, SignedIn};
