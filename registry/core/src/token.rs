//! The token service: trades a proven caller and scopes for a short-lived registry token.
//!
//! What is granted is the part of what was asked that the caller may do now; the rest is dropped silently, because
//! clients ask for more than they need. A repository that does not exist yet but could be created by the caller is
//! granted pull as well as push: clients look before they push, and would stop at a token without pull.

mod scope;

use jsonwebtoken::{Algorithm, Header, encode};
use serde::Serialize;

use crate::auth::AccessClaim;
use crate::auth::{Claims, CredentialClaim};
use crate::caller::{Caller, Credential, Subject};
use crate::clock::timestamp;
use crate::core::Core;
use crate::error::{Error, Refusal, Result};
use crate::perms::rights::{Rights, Verdict, decide};
use crate::perms::{Wanted, covers};
use crate::secret::Secret;
use scope::ScopeRequest;

/// Issuer of every token.
pub(crate) const ISSUER: &str = "quay";
/// Life of a token in seconds.
pub(crate) const LIFETIME_S: u64 = 300;
/// Clock skew that is put up with, in seconds.
pub(crate) const LEEWAY_S: i64 = 30;
/// Tokens are valid from this many seconds before they were made: other clocks may be behind.
const BACKDATED_S: i64 = 60;

/// A registry token and what it grants.
#[derive(Debug, Clone)]
pub struct Token {
    /// What the client presents as `Bearer`.
    pub token: Secret,
    /// Life in seconds.
    pub expires_in: u64,
    /// When it was made.
    pub issued_at: jiff::Timestamp,
    /// What was granted, in the order asked; entries without actions were refused.
    pub access: Vec<Access>,
}

/// What a token grants on one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Always `repository`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The name as the client asked for it.
    pub name: String,
    /// `push`, `pull`, `*`, `delete`: what was granted.
    pub actions: Vec<&'static str>,
}

impl Core {
    /// Issues a token to a caller for a service, one of the names this registry answers to.
    pub async fn issue_token(&self, caller: &Caller, service: &str, scopes: &[String]) -> Result<Token> {
        let requests = scope::parse(service, scopes, |name| self.resolve(name))?;
        if caller.is_anonymous() && (requests.is_empty() || !self.rules().anonymous_access) {
            return Err(Refusal::Challenge { scope: None }.into());
        }
        let mut access = Vec::with_capacity(requests.len());
        let mut claims = Vec::with_capacity(requests.len());
        for request in requests {
            let rights = self.standing(caller, &request.name).await?.rights;
            let actions = granted(&request, rights, caller);
            if !actions.is_empty() {
                claims.push(AccessClaim {
                    kind: "repository".to_owned(),
                    name: request.name.as_str().to_owned(),
                    actions: actions.iter().map(|action| (*action).to_owned()).collect(),
                });
            }
            access.push(Access { kind: "repository", name: request.asked, actions });
        }
        if scope::wants_catalog(scopes) && !caller.is_anonymous() {
            let (kind, name) = ("registry".to_owned(), "catalog".to_owned());
            claims.push(AccessClaim { kind, name, actions: vec!["*".to_owned()] });
        }
        self.sign_token(caller, service, claims, access)
    }

    fn sign_token(
        &self,
        caller: &Caller,
        service: &str,
        claims: Vec<AccessClaim>,
        access: Vec<Access>,
    ) -> Result<Token> {
        let now_ms = self.now_ms();
        let now_s = now_ms / 1000;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: service.to_owned(),
            sub: caller.name().unwrap_or("(anonymous)").to_owned(),
            iat: now_s,
            nbf: now_s - BACKDATED_S,
            exp: now_s + LIFETIME_S.cast_signed(),
            jti: self.uuid()?,
            access: claims,
            cred: credential_claim(caller)?,
        };
        let key = self.signing_key()?;
        let header = Header { kid: Some(key.kid.as_ref().to_owned()), ..Header::new(Algorithm::ES256) };
        let token = encode(&header, &claims, &key.sign)
            .map_err(|e| Error::internal(format!("signing a token failed: {e}")))?;
        Ok(Token { token: Secret::new(token), expires_in: LIFETIME_S, issued_at: timestamp(now_ms), access })
    }
}

/// The part of a request that is granted, in Quay's order.
fn granted(request: &ScopeRequest, rights: Rights, caller: &Caller) -> Vec<&'static str> {
    let may = |wanted: Wanted| {
        let covered = covers(&caller.ceiling, wanted, &request.name);
        let verdict = decide(wanted, rights, caller.is_anonymous(), covered);
        // A repository that is still to be created is nothing to administer or delete from.
        let creatable = matches!(wanted, Wanted::Pull | Wanted::Push) && verdict == Verdict::NameUnknown;
        verdict == Verdict::Allowed || creatable
    };
    let asked = [
        ("push", request.push, Wanted::Push),
        ("pull", request.pull, Wanted::Pull),
        ("*", request.administer, Wanted::Administer),
        ("delete", request.delete, Wanted::Delete),
    ];
    let mut actions: Vec<_> = asked
        .into_iter()
        .filter(|(_, asked, wanted)| *asked && may(*wanted))
        .map(|(word, ..)| word)
        .collect();
    // What could be created is granted whole, as far as the credential reaches: a client that means to push looks
    // first, with one token for both.
    if !rights.exists && !actions.is_empty() {
        actions = vec![("push", Wanted::Push), ("pull", Wanted::Pull)]
            .into_iter()
            .filter_map(|(word, wanted)| may(wanted).then_some(word))
            .collect();
    }
    actions
}

fn credential_claim(caller: &Caller) -> Result<CredentialClaim> {
    let (Some(identity), credential) = (caller.identity(), &caller.credential) else {
        return Ok(CredentialClaim::Anonymous);
    };
    let (id, uuid) = (identity.id, identity.uuid.as_ref().to_owned());
    match (credential, &caller.subject) {
        (Credential::Password { generation }, _) => {
            Ok(CredentialClaim::Password { id, uuid, generation: *generation })
        }
        (Credential::Robot { generation }, _) => {
            Ok(CredentialClaim::Robot { id, uuid, generation: *generation })
        }
        (Credential::AccessToken { uuid: token }, _) => {
            Ok(CredentialClaim::AccessToken { id, uuid, token: token.as_ref().to_owned() })
        }
        (Credential::None, Subject::Anonymous) => Ok(CredentialClaim::Anonymous),
        (Credential::None, Subject::Person(_) | Subject::Robot(_)) => {
            Err(Error::internal("issuing a token failed: the caller shows no credential"))
        }
    }
}
