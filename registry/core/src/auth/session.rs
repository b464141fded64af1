//! Sessions of browsers: a random cookie whose hash is a row, and a CSRF token computed from the cookie.
//!
//! Signing in always makes a new cookie, so a cookie planted before is worth nothing. A changed credential
//! generation (password change, sign-out) ends every session of the account.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use quay_db::tables::sessions;
use quay_db::tables::users::{self, Kind};

use super::basic::identity;
use super::sealing;
use crate::audit::Entry;
use crate::caller::{Caller, Ceiling, Credential, Subject};
use crate::clock::{ms, timestamp};
use crate::core::Core;
use crate::entropy;
use crate::error::{Missing, Result};
use crate::perms::{Account, Allowed};
use crate::secret::Secret;
use crate::users::User;

/// A fresh session.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// What the browser keeps.
    pub cookie: Secret,
    /// Who signed in.
    pub user: User,
}

/// A session that stands.
#[derive(Debug, Clone)]
pub struct Session {
    /// Who it belongs to.
    pub caller: Caller,
    /// When the password was last shown.
    pub signed_in_at: Timestamp,
}

impl Core {
    /// A cookie for a visitor; it becomes worth something only by [`Core::sign_in`], which replaces it.
    pub fn new_cookie(&self) -> Result<Secret> {
        Ok(Secret::new(hex::encode(entropy::bytes::<32>(self.entropy())?)))
    }

    /// The CSRF token that forms of this cookie's holder must bring.
    pub fn csrf_token(&self, cookie: &str) -> String {
        self.sealing().csrf(cookie)
    }

    /// Whether a presented CSRF token is the cookie's own.
    pub fn csrf_valid(&self, cookie: &str, presented: &str) -> bool {
        sealing::same(self.csrf_token(cookie).as_bytes(), presented.as_bytes())
    }

    /// Signs a person in and makes the session.
    pub async fn sign_in(&self, username: &str, password: &Secret, from: IpAddr) -> Result<SignedIn> {
        if !self.rules().config.feature_direct_login {
            return Err(Missing::Route.into());
        }
        let user = self.verify_person(username, password, from).await?;
        let cookie = self.new_cookie()?;
        let hash = sealing::token_hash(cookie.expose());
        let now_ms = self.now_ms();
        let session = sessions::Session {
            user: user.id,
            csrf: Vec::new(),
            generation: user.generation,
            created_ms: now_ms,
            expires_ms: now_ms.saturating_add(ms(self.session_lifetime())),
            seen_ms: now_ms,
        };
        let entry = Entry::by_user("login_success", &user, from, now_ms)
            .on_namespace(user.id)
            .detail("type", "quayauth")
            .detail("username", &*user.username);
        self.db()
            .write(async move |tx| -> Result<()> {
                sessions::insert(tx, &hash, &session).await?;
                users::touch(tx, session.user, now_ms).await?;
                entry.record(tx).await?;
                Ok(())
            })
            .await?;
        Ok(SignedIn { cookie, user: self.shown(&user) })
    }

    /// The session of a cookie; `None` when there is none (any more).
    pub async fn session(&self, cookie: &str, from: IpAddr) -> Result<Option<Session>> {
        let (hash, now_ms) = (sealing::token_hash(cookie), self.now_ms());
        let found = self
            .db()
            .read(async |c| -> Result<_> {
                let Some(session) = sessions::get(c, &hash, now_ms).await? else { return Ok(None) };
                Ok(users::get(c, session.user).await?.map(|user| (session, user)))
            })
            .await?;
        let standing = |(session, user): &(sessions::Session, users::User)| {
            user.enabled && user.kind == Kind::User && user.generation == session.generation
        };
        Ok(found.filter(standing).map(|(session, user)| Session {
            caller: Caller {
                subject: Subject::Person(identity(&user)),
                credential: Credential::Password { generation: user.generation },
                ceiling: Ceiling::Everything,
                from,
            },
            signed_in_at: timestamp(session.created_ms),
        }))
    }

    /// Checks the password of a signed-in person again, before something sensitive; the session's cookie is then
    /// as fresh as a new one.
    pub async fn verify_fresh(&self, who: &Allowed<Account>, password: &Secret) -> Result<SignedIn> {
        self.sign_in(&who.place.name, password, who.caller.from).await
    }

    /// Ends the one session of a cookie, which another has taken the place of.
    pub async fn end_session(&self, cookie: &str) -> Result<()> {
        let hash = sealing::token_hash(cookie);
        self.db().write(async move |tx| sessions::delete(tx, &hash).await).await?;
        Ok(())
    }

    /// Ends every session of the account, as Quay does.
    pub async fn sign_out(&self, who: &Allowed<Account>) -> Result<()> {
        let id = who.place.id;
        self.db()
            .write(async move |tx| -> Result<()> {
                sessions::delete_of_user(tx, id).await?;
                Ok(())
            })
            .await
    }

    fn session_lifetime(&self) -> Duration {
        Duration::from_secs(self.rules().config.session_timeout.seconds())
    }
}
