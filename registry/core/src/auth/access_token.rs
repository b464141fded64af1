//! Access tokens of the REST interface: 40 random characters, kept as a hash, with scopes that cap their owner.

use std::net::IpAddr;
use std::time::Duration;

use quay_db::tables::tokens::{self, NewToken, TokenKind};
use quay_db::tables::users;
use quay_db::{Tx, UserId};

use super::api_scopes::ApiScopes;
use super::basic::identity;
use super::sealing;
use crate::caller::{Caller, Ceiling, Credential, Subject};
use crate::clock::ms;
use crate::core::Core;
use crate::entropy;
use crate::error::{Error, Refusal, Result};
use crate::perms::{Account, Allowed};
use crate::secret::Secret;

const LENGTH: usize = 40;

/// A fresh token and what is stored of it.
pub(crate) struct Minted {
    pub(crate) token: Secret,
    hash: [u8; 32],
    uuid: String,
    title: String,
    scopes: ApiScopes,
    expires_ms: i64,
    now_ms: i64,
}

/// Draws a token; [`Minted::store`] makes it valid.
pub(crate) fn mint(core: &Core, title: &str, scopes: ApiScopes, lifetime: Duration) -> Result<Minted> {
    let token = entropy::text(core.entropy(), entropy::UPPER_ALPHANUMERIC, LENGTH)?;
    let now_ms = core.now_ms();
    Ok(Minted {
        hash: sealing::token_hash(&token),
        token: Secret::new(token),
        uuid: core.uuid()?,
        title: title.to_owned(),
        scopes,
        expires_ms: now_ms.saturating_add(ms(lifetime)),
        now_ms,
    })
}

impl Minted {
    /// Stores the token for a user.
    pub(crate) async fn store(&self, tx: &mut Tx, user: UserId) -> Result<()> {
        let new = NewToken {
            uuid: &self.uuid,
            user,
            kind: TokenKind::Access,
            title: &self.title,
            scope: &self.scopes.to_string(),
            token_hash: &self.hash,
            sealed: None,
            expires_ms: Some(self.expires_ms),
            now_ms: self.now_ms,
        };
        tokens::create(tx, &new).await?;
        Ok(())
    }
}

impl Core {
    /// Proves an access token.
    pub async fn authenticate_access_token(&self, token: &str, from: IpAddr) -> Result<Caller> {
        const WRONG: Error = Error::BadCredentials("Invalid access token");
        let (hash, now_ms) = (sealing::token_hash(token), self.now_ms());
        let found = self
            .db()
            .read(async |c| -> Result<_> {
                let Some(token) = tokens::by_hash(c, &hash, now_ms).await? else { return Ok(None) };
                Ok(users::get(c, token.user).await?.map(|user| (token, user)))
            })
            .await?;
        let Some((token, user)) = found.filter(|(token, _)| token.kind == TokenKind::Access) else {
            return Err(WRONG);
        };
        let scopes = ApiScopes::parse(&token.scope).ok_or(WRONG)?;
        if !user.enabled {
            return Err(Error::BadCredentials(
                "This user has been disabled. Please contact your administrator.",
            ));
        }
        Ok(Caller {
            subject: Subject::Person(identity(&user)),
            credential: Credential::AccessToken { uuid: token.uuid.as_str().into() },
            ceiling: Ceiling::Api(scopes),
            from,
        })
    }

    /// Makes an access token for one's own account; it is shown this once.
    pub async fn create_access_token(
        &self,
        who: &Allowed<Account>,
        title: &str,
        scopes: ApiScopes,
        lifetime: Duration,
    ) -> Result<Secret> {
        // A token never reaches farther than the credential that asked for it.
        let held = match &who.caller.ceiling {
            Ceiling::Everything => ApiScopes::ALL,
            Ceiling::Registry { .. } => ApiScopes::default(),
            Ceiling::Api(held) => *held,
        };
        if !held.contains(scopes) {
            return Err(Refusal::Denied.into());
        }
        let minted = mint(self, title, scopes, lifetime)?;
        let token = minted.token.clone();
        let user = who.place.id;
        self.db().write(async move |tx| minted.store(tx, user).await).await?;
        Ok(token)
    }
}
