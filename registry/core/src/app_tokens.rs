//! Application tokens: passwords that a person makes for one program each, to log in as `$app`.
//!
//! They reach repositories only, never the account itself, and can be shown again by who is freshly signed in.

use std::net::IpAddr;

use jiff::Timestamp;
use quay_db::tables::tokens::{self as rows, NewToken, TokenKind};
use quay_db::tables::users;

use crate::audit::Entry;
use crate::auth::sealing::{self, Purpose};
use crate::auth::{ApiScopes, identity};
use crate::caller::{Caller, Ceiling, Credential, Subject};
use crate::clock::timestamp;
use crate::core::Core;
use crate::entropy;
use crate::error::{Error, Missing, Result};
use crate::own_account::whole;
use crate::perms::{Account, Allowed};
use crate::secret::Secret;

const LENGTH: usize = 60;
/// Tokens of one person.
const MOST: usize = 500;
const LONGEST_TITLE: usize = 255;

/// What such a token reaches: repositories, all that their owner may do with them.
const REACH: ApiScopes =
    ApiScopes::REPO_READ.with(ApiScopes::REPO_WRITE).with(ApiScopes::REPO_ADMIN).with(ApiScopes::REPO_CREATE);

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppToken {
    /// Its name in the API.
    pub uuid: String,
    /// What its owner calls it.
    pub title: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used.
    pub last_accessed: Option<Timestamp>,
    /// When it ends.
    pub expiration: Option<Timestamp>,
}

impl Core {
    /// One's own application tokens, oldest first.
    pub async fn app_tokens(&self, who: &Allowed<Account>) -> Result<Vec<AppToken>> {
        whole(who)?;
        let id = who.place.id;
        let found = self.db().read(async |c| rows::list(c, id, TokenKind::App).await).await?;
        Ok(found.into_iter().map(shown).collect())
    }

    /// One of them, with its secret.
    pub async fn app_token(&self, who: &Allowed<Account>, uuid: &str) -> Result<(AppToken, Secret)> {
        whole(who)?;
        let id = who.place.id;
        let found = self.db().read(async |c| rows::get(c, id, uuid).await).await?;
        let row = found.filter(|row| row.kind == TokenKind::App).ok_or(Missing::AccessToken)?;
        let sealed = row.sealed.as_deref().ok_or(Missing::AccessToken)?;
        let plain = self.sealing().open(Purpose::AppToken, &row.uuid, sealed)?;
        let secret = std::str::from_utf8(&plain)
            .map(Secret::new)
            .map_err(|_| Error::internal("opening an application token failed: it is not text"))?;
        Ok((shown(row), secret))
    }

    /// Makes an application token.
    pub async fn create_app_token(&self, who: &Allowed<Account>, title: &str) -> Result<(AppToken, Secret)> {
        whole(who)?;
        let title = title.trim().to_owned();
        if title.is_empty() || title.chars().count() > LONGEST_TITLE {
            return Err(Error::bad_request(format!(
                "a token needs a title of 1 to {LONGEST_TITLE} characters"
            )));
        }
        let (uuid, user, now_ms) = (self.uuid()?, who.place.id, self.now_ms());
        let secret = entropy::text(self.entropy(), entropy::UPPER_ALPHANUMERIC, LENGTH)?;
        let hash = sealing::token_hash(&secret);
        let sealed = self.sealing().seal(self.entropy(), Purpose::AppToken, &uuid, secret.as_bytes())?;
        let lifetime = self.config().app_specific_token_expiration.as_ref().map(quay_config::Period::seconds);
        let expires_ms = lifetime.map(|seconds| {
            now_ms.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000))
        });
        let entry = Entry::by("create_app_specific_token", &who.caller, now_ms)
            .on_namespace(user)
            .detail("app_specific_token_title", &*title)
            .detail("app_specific_token", &*uuid);
        let row = self
            .db()
            .write(async move |tx| -> Result<_> {
                if rows::list(tx, user, TokenKind::App).await?.len() >= MOST {
                    return Err(Error::bad_request(format!(
                        "nobody has more than {MOST} tokens; delete some"
                    )));
                }
                let new = NewToken {
                    uuid: &uuid,
                    user,
                    kind: TokenKind::App,
                    title: &title,
                    scope: "",
                    token_hash: &hash,
                    sealed: Some(&sealed),
                    expires_ms,
                    now_ms,
                };
                let row = rows::create(tx, &new).await?;
                entry.record(tx).await?;
                Ok(row)
            })
            .await?;
        Ok((shown(row), Secret::new(secret)))
    }

    /// Ends an application token, and every registry token drawn from it.
    pub async fn delete_app_token(&self, who: &Allowed<Account>, uuid: &str) -> Result<()> {
        whole(who)?;
        let (user, uuid) = (who.place.id, uuid.to_owned());
        let entry = Entry::by("revoke_app_specific_token", &who.caller, self.now_ms()).on_namespace(user);
        self.db()
            .write(async move |tx| -> Result<()> {
                let row = rows::get(tx, user, &uuid).await?.filter(|row| row.kind == TokenKind::App);
                let row = row.ok_or(Missing::AccessToken)?;
                rows::revoke(tx, user, &uuid).await?;
                entry
                    .detail("app_specific_token_title", row.title)
                    .detail("app_specific_token", uuid)
                    .record(tx)
                    .await?;
                Ok(())
            })
            .await
    }

    /// Proves an application token.
    pub(crate) async fn authenticate_app_token(&self, token: &str, from: IpAddr) -> Result<Caller> {
        const WRONG: Error = Error::BadCredentials("Invalid token");
        if !self.config().feature_app_specific_tokens {
            return Err(Error::BadCredentials("Application tokens are switched off in this registry"));
        }
        let (hash, now_ms) = (sealing::token_hash(token), self.now_ms());
        let found = self
            .db()
            .read(async |c| -> Result<_> {
                let Some(token) = rows::by_hash(c, &hash, now_ms).await? else { return Ok(None) };
                Ok(users::get(c, token.user).await?.map(|user| (token, user)))
            })
            .await?;
        let (token, user) = found.filter(|(token, _)| token.kind == TokenKind::App).ok_or(WRONG)?;
        if !user.enabled {
            return Err(Error::BadCredentials(
                "This user has been disabled. Please contact your administrator.",
            ));
        }
        self.note_use(&token, now_ms).await;
        Ok(Caller {
            subject: Subject::Person(identity(&user)),
            credential: Credential::AccessToken { uuid: token.uuid.as_str().into() },
            ceiling: Ceiling::Api(REACH),
            from,
        })
    }

    /// Remembers when a token was used, to the hour: a log-in must not wait for a write each time.
    async fn note_use(&self, token: &rows::Token, now_ms: i64) {
        const HOUR_MS: i64 = 3_600_000;
        if token.last_used_ms.is_some_and(|last| now_ms.saturating_sub(last) < HOUR_MS) {
            return;
        }
        let id = token.id;
        if let Err(error) = self.db().write(async move |tx| rows::touch(tx, id, now_ms).await).await {
            tracing::warn!(%error, "the use of an application token is not noted");
        }
    }
}

fn shown(row: rows::Token) -> AppToken {
    AppToken {
        uuid: row.uuid,
        title: row.title,
        created: timestamp(row.created_ms),
        last_accessed: row.last_used_ms.map(timestamp),
        expiration: row.expires_ms.map(timestamp),
    }
}
