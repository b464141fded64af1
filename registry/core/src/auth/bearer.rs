//! Registry tokens as presented: signature and lifetime first, then whether subject and credential still stand.
//!
//! A token proves who asked for it, with which credential in which generation; its scopes are a ceiling. What the
//! subject may do is looked up at every request, so a permission that was taken away is gone at once.

use std::net::IpAddr;
use std::sync::Arc;

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use moka::sync::Cache;
use quay_db::tables::users::{self, Kind};
use quay_db::tables::{robots, tokens};
use quay_db::{Conn, UserId};
use serde::{Deserialize, Serialize};

use super::basic::identity;
use super::sealing;
use crate::caller::{Caller, Ceiling, Credential, RepositoryGrant, Subject};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::token::{ISSUER, LEEWAY_S};

/// Longer tokens are not ours: we never make them.
const LONGEST: usize = 32 * 1024;
/// Memory for verified tokens.
const REMEMBERED_BYTES: u64 = 16 << 20;
/// Longer tokens are verified each time: they are rare, and strangers can have them made.
const LONGEST_REMEMBERED: usize = 4 * 1024;

const MALFORMED: Error = Error::BadCredentials("Invalid bearer token format");
const UNKNOWN_KEY: Error = Error::BadCredentials("Unknown service key");
const EXPIRED: Error = Error::BadCredentials("The bearer token has expired or is not valid yet");
const FOREIGN: Error = Error::BadCredentials("The bearer token was issued for another registry");
const REVOKED: Error = Error::BadCredentials("The credential behind the bearer token is no longer valid");

/// What a registry token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: String,
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) exp: i64,
    pub(crate) jti: String,
    pub(crate) access: Vec<AccessClaim>,
    /// What the token was drawn from.
    pub(crate) cred: CredentialClaim,
}

/// One repository the token reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessClaim {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) actions: Vec<String>,
}

/// The credential behind a token, and its generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum CredentialClaim {
    Anonymous,
    Password { id: i64, uuid: String, generation: i64 },
    Robot { id: i64, uuid: String, generation: i64 },
    AccessToken { id: i64, uuid: String, token: String },
}

/// Tokens whose signature was found good.
pub(crate) struct VerifiedTokens(Cache<[u8; 32], Arc<Verified>>);

struct Verified {
    claims: Claims,
    grants: Arc<[RepositoryGrant]>,
    catalog: bool,
    /// What remembering it costs, about: claims and grants hold every name, as text and parsed.
    weight: u32,
}

impl VerifiedTokens {
    pub(crate) fn new() -> Self {
        let life = std::time::Duration::from_secs(crate::token::LIFETIME_S);
        let weigher = |_: &[u8; 32], verified: &Arc<Verified>| verified.weight;
        Self(Cache::builder().weigher(weigher).max_capacity(REMEMBERED_BYTES).time_to_live(life).build())
    }
}

impl Core {
    /// Proves a registry token. `ours` judges the audience: the names this registry answers to.
    pub async fn authenticate_bearer(
        &self,
        token: &str,
        from: IpAddr,
        ours: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Caller> {
        let verified = self.verify_token(token).await?;
        let claims = &verified.claims;
        let now_s = self.now_ms() / 1000;
        if now_s >= claims.exp.saturating_add(LEEWAY_S) || now_s.saturating_add(LEEWAY_S) < claims.nbf {
            return Err(EXPIRED);
        }
        if claims.iss != ISSUER || !ours(&claims.aud) {
            return Err(FOREIGN);
        }
        let now_ms = self.now_ms();
        let (subject, credential) =
            self.db().read(async |c| standing_credential(c, &claims.cred, now_ms).await).await?;
        Ok(Caller {
            subject,
            credential,
            ceiling: Ceiling::Registry { repositories: verified.grants.clone(), catalog: verified.catalog },
            from,
        })
    }

    async fn verify_token(&self, token: &str) -> Result<Arc<Verified>> {
        if token.len() > LONGEST {
            return Err(MALFORMED);
        }
        let mark = sealing::token_hash(token);
        if let Some(known) = self.verified_tokens().0.get(&mark) {
            return Ok(known);
        }
        let header = decode_header(token).map_err(|_| MALFORMED)?;
        let kid = header.kid.ok_or(Error::BadCredentials("Missing kid header"))?;
        let key = self.verifying_key(&kid).await?.ok_or(UNKNOWN_KEY)?;
        let mut validation = Validation::new(Algorithm::ES256);
        // Times and audience are checked by the caller of this function, at every request and by our own clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        let claims = decode::<Claims>(token, &key.verify, &validation).map_err(|_| MALFORMED)?.claims;
        let grants = claims.access.iter().filter_map(grant).collect();
        let weight = u32::try_from(token.len() * 2 + 512).unwrap_or(u32::MAX);
        let catalog =
            claims.access.iter().any(|access| access.kind == "registry" && access.name == "catalog");
        let verified = Arc::new(Verified { claims, grants, catalog, weight });
        if token.len() <= LONGEST_REMEMBERED {
            self.verified_tokens().0.insert(mark, verified.clone());
        }
        Ok(verified)
    }
}

fn grant(access: &AccessClaim) -> Option<RepositoryGrant> {
    let has = |action: &str| access.actions.iter().any(|a| a == action);
    Some(RepositoryGrant {
        name: access.name.parse().ok().filter(|_| access.kind == "repository")?,
        pull: has("pull"),
        push: has("push"),
        delete: has("delete"),
        administer: has("*"),
    })
}

/// The subject and credential of a token, provided that they still stand as they did when it was drawn.
async fn standing_credential(
    c: &mut Conn,
    claim: &CredentialClaim,
    now_ms: i64,
) -> Result<(Subject, Credential)> {
    let (CredentialClaim::Password { id, uuid, .. }
    | CredentialClaim::Robot { id, uuid, .. }
    | CredentialClaim::AccessToken { id, uuid, .. }) = claim
    else {
        return Ok((Subject::Anonymous, Credential::None));
    };
    let user =
        users::get(c, UserId(*id)).await?.filter(|user| user.enabled && user.uuid == *uuid).ok_or(REVOKED)?;
    match claim {
        CredentialClaim::Password { generation, .. }
            if user.kind == Kind::User && user.generation == *generation =>
        {
            Ok((Subject::Person(identity(&user)), Credential::Password { generation: *generation }))
        }
        CredentialClaim::Robot { generation, .. } if user.kind == Kind::Robot => {
            let robot = robots::get(c, &user.username).await?.ok_or(REVOKED)?;
            let owner = users::get(c, robot.owner).await?.ok_or(REVOKED)?;
            if robot.generation != *generation || !robot.enabled || !owner.enabled {
                return Err(REVOKED);
            }
            Ok((Subject::Robot(identity(&user)), Credential::Robot { generation: *generation }))
        }
        CredentialClaim::AccessToken { token, .. } if user.kind == Kind::User => {
            let held = tokens::get(c, user.id, token).await?.ok_or(REVOKED)?;
            if held.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
                return Err(REVOKED);
            }
            Ok((Subject::Person(identity(&user)), Credential::AccessToken { uuid: token.as_str().into() }))
        }
        CredentialClaim::Password { .. }
        | CredentialClaim::Robot { .. }
        | CredentialClaim::AccessToken { .. }
        | CredentialClaim::Anonymous => Err(REVOKED),
    }
}
