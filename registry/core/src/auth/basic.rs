//! Name and password: people, robots and access tokens. Clients of the registry protocol may send an encrypted
//! password (`client_keys`) in the place of a person's own.
//!
//! A people's password costs tens of milliseconds and megabytes to verify, so that happens on the blocking pool,
//! a few at a time, and a success is remembered for some minutes under a keyed hash of name, password and stored
//! hash: a changed password is another hash, hence forgotten. Robot tokens are random and need no slow hash.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use moka::sync::Cache;
use quay_db::tables::users::{Kind, User};
use quay_db::tables::{robots, users};
use tokio::sync::Semaphore;

use super::password::{self, Match};
use super::sealing;
use crate::accounts;
use crate::caller::{Caller, Ceiling, Credential, Identity, Subject};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::secret::Secret;

const WRONG_PASSWORD: Error = Error::BadCredentials("Invalid Username or Password");
const UNENCRYPTED: Error = Error::BadCredentials(
    "Client login with unencrypted passwords is disabled. Please generate an encrypted password in the user admin \
     panel for use here, or use a robot account or an application token.",
);
const UNENCRYPTED_SCRIPT: Error = Error::BadCredentials(
    "Login with unencrypted passwords is disabled. Use an access token (Authorization: Bearer) instead.",
);
const WRONG_ROBOT: Error =
    Error::BadCredentials("Could not find robot with specified username and supplied password.");
const DISABLED: Error =
    Error::BadCredentials("This user has been disabled. Please contact your administrator.");

/// How long a success is remembered.
const REMEMBERED: Duration = Duration::from_secs(300);
/// Successes remembered at most.
const MOST_REMEMBERED: u64 = 10_000;
/// Log-ins that may wait for a processor.
const MOST_WAITING: usize = 64;

/// Verified in the place of a hash that is not there, so that unknown names take as long as known ones.
static DUMMY: LazyLock<String> = LazyLock::new(|| {
    password::hash(&crate::entropy::SystemEntropy, "nobody has this password").unwrap_or_default()
});

/// The slow side of passwords: how many at once, and the memory of successes.
pub(crate) struct Hashing {
    waiting: Semaphore,
    running: Semaphore,
    known: Cache<[u8; 32], ()>,
}

impl Hashing {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            waiting: Semaphore::new(MOST_WAITING),
            running: Semaphore::new((processors / 2).max(1)),
            known: Cache::builder().max_capacity(MOST_REMEMBERED).time_to_live(REMEMBERED).build(),
        }
    }

    /// Runs a slow function on the blocking pool when its turn comes; sheds when too many wait.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        slow: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(Error::Unavailable { retry_after: Duration::from_secs(1) });
        };
        let closed = |_| Error::internal("waiting for a processor failed: semaphore closed");
        let _turn = self.running.acquire().await.map_err(closed)?;
        tokio::task::spawn_blocking(slow)
            .await
            .map_err(|e| Error::internal(format!("hashing a password failed: {e}")))
    }
}

impl Core {
    /// Proves a name and password: a person (by name or e-mail), a robot (`namespace+name`), `$oauthtoken`, or `$app`.
    pub async fn authenticate_basic(
        &self,
        username: &str,
        password: &Secret,
        from: IpAddr,
    ) -> Result<Caller> {
        self.authenticate_pair(username, password, None, UNENCRYPTED_SCRIPT, from).await
    }

    /// The same for a client of the registry protocol, who may show an encrypted password instead.
    pub async fn authenticate_client(
        &self,
        username: &str,
        password: &Secret,
        from: IpAddr,
    ) -> Result<Caller> {
        let holder = self.holder_of_client_key(username, password).await?;
        self.authenticate_pair(username, password, holder, UNENCRYPTED, from).await
    }

    /// `holder` is the person whose encrypted password this is; `unencrypted` is said where no other kind will do.
    async fn authenticate_pair(
        &self,
        username: &str,
        password: &Secret,
        holder: Option<User>,
        unencrypted: Error,
        from: IpAddr,
    ) -> Result<Caller> {
        if let Some(special) = username.strip_prefix('$') {
            return match special {
                "oauthtoken" => self.authenticate_access_token(password.expose(), from).await,
                "app" => self.authenticate_app_token(password.expose(), from).await,
                _ => Err(Error::BadCredentials("Invalid token")),
            };
        }
        if username.contains('+') && !username.contains('@') {
            return self.authenticate_robot(username, password, from).await;
        }
        let user = match holder {
            Some(holder) if holder.enabled => holder,
            Some(_) => return Err(DISABLED),
            // Refused unseen: the answer tells nothing of a password that has been sent in the clear.
            None if self.rules().config.feature_require_encrypted_basic_auth => return Err(unencrypted),
            None => self.verify_person(username, password, from).await?,
        };
        Ok(Caller {
            credential: Credential::Password { generation: user.generation },
            subject: Subject::Person(identity(&user)),
            ceiling: Ceiling::Everything,
            from,
        })
    }

    /// The account that this name and password belong to.
    pub(crate) async fn verify_person(
        &self,
        username: &str,
        password: &Secret,
        from: IpAddr,
    ) -> Result<User> {
        if username.is_empty() || username.len() > 255 || !accounts::is_hashable(password.expose()) {
            return Err(WRONG_PASSWORD);
        }
        let user = self.person_named(username).await?;
        // Name and address of one account are one counter.
        let account = user.as_ref().map_or_else(|| username.to_lowercase(), |user| format!("#{}", user.id));
        let attempt = self.lockout().attempt(&account, from, self.now_ms()).await?;
        let stored = user.as_ref().and_then(|user| user.password_hash.clone());
        let (known, stored) = match stored {
            Some(stored) => (true, stored),
            None => (false, DUMMY.clone()),
        };
        let outcome = self.compare(username, password, &stored).await?;
        match (user, outcome) {
            (Some(user), Match::Yes | Match::YesButOld) if known => {
                attempt.succeeded();
                if !user.enabled {
                    return Err(DISABLED);
                }
                if outcome == Match::YesButOld {
                    self.renew_hash(&user, password, stored).await?;
                }
                Ok(user)
            }
            _ => {
                attempt.failed(self.now_ms());
                Err(WRONG_PASSWORD)
            }
        }
    }

    pub(crate) async fn person_named(&self, username: &str) -> Result<Option<User>> {
        let user = self
            .db()
            .read(async |c| match users::by_name(c, username).await? {
                None if username.contains('@') => users::by_email(c, username).await,
                found => Ok(found),
            })
            .await?;
        Ok(user.filter(|user| user.kind == Kind::User))
    }

    async fn compare(&self, username: &str, password: &Secret, stored: &str) -> Result<Match> {
        let hashing = self.hashing();
        let mark = self.sealing().password_mark(username, password.expose(), stored);
        if hashing.known.contains_key(&mark) {
            return Ok(Match::Yes);
        }
        let (presented, stored) = (password.clone(), stored.to_owned());
        let outcome = hashing.run(move || password::verify(presented.expose(), &stored)).await?;
        if outcome == Match::Yes {
            hashing.known.insert(mark, ());
        }
        Ok(outcome)
    }

    /// Replaces an old kind of hash by today's; somebody else's change in between wins.
    async fn renew_hash(&self, user: &User, password: &Secret, old: String) -> Result<()> {
        let new = self.hash_password(password).await?;
        let id = user.id;
        self.db().write(async move |tx| users::upgrade_password_hash(tx, id, &old, &new).await).await?;
        Ok(())
    }

    /// Hashes a new password on the blocking pool.
    pub(crate) async fn hash_password(&self, password: &Secret) -> Result<String> {
        let (entropy, password) = (self.entropy_arc(), password.clone());
        self.hashing().run(move || password::hash(&*entropy, password.expose())).await?
    }

    async fn authenticate_robot(&self, username: &str, password: &Secret, from: IpAddr) -> Result<Caller> {
        if self.rules().config.robots_disallow {
            return Err(Error::BadCredentials(
                "Robot accounts have been disabled. Please contact your administrator.",
            ));
        }
        let hash = sealing::token_hash(password.expose());
        let found = self
            .db()
            .read(async |c| -> Result<_> {
                let Some(robot) = robots::by_token(c, &hash).await? else { return Ok(None) };
                let owner = users::get(c, robot.owner).await?;
                let account = users::get(c, robot.user).await?;
                Ok(owner.zip(account).map(|(owner, account)| (robot, owner, account)))
            })
            .await?;
        let Some((robot, owner, account)) = found else { return Err(WRONG_ROBOT) };
        // The look-up was by the token's hash; the name must be the token's own.
        if !sealing::same(robot.username.as_bytes(), username.as_bytes()) {
            return Err(WRONG_ROBOT);
        }
        if !robot.enabled || !owner.enabled {
            return Err(DISABLED);
        }
        Ok(Caller {
            subject: Subject::Robot(identity(&account)),
            credential: Credential::Robot { generation: robot.generation },
            ceiling: Ceiling::Everything,
            from,
        })
    }
}

/// An account's identity.
pub(crate) fn identity(user: &User) -> Identity {
    Identity { id: user.id.0, uuid: Arc::from(&*user.uuid), name: Arc::from(&*user.username) }
}
