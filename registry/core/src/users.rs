//! Accounts of people: signing up, the first one, the installation's own superuser, passwords.

use std::time::Duration;

use jiff::Timestamp;
use quay_db::Tx;
use quay_db::tables::orgs::{self, TeamRole};
use quay_db::tables::users::{self as rows, Kind, NewUser as NewRow};

use crate::account_change::{AccountChange, Route};
use crate::accounts::{self, Fault, Field};
use crate::audit::Entry;
use crate::auth::{ApiScopes, mint};
use crate::caller::Caller;
use crate::clock::timestamp;
use crate::core::Core;
use crate::entropy;
use crate::error::{Error, Missing, Result};
use crate::own_account::OwnChange;
use crate::perms::{Account, Allowed, Superuser};
use crate::secret::Secret;

/// Life of the token that goes with the first account, as upstream has it.
const FIRST_TOKEN_LIFETIME: Duration = Duration::from_secs(9_000);
/// Name of that token.
const FIRST_TOKEN_TITLE: &str = "automation";
/// Characters of a password that is generated.
const GENERATED_PASSWORD: usize = 32;
/// What is said of a name that somebody has, or that is kept for somebody.
const NAME_TAKEN: &str = "The username already exists";

/// An account of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Id of the account.
    pub id: i64,
    /// A name of the account that never changes.
    pub uuid: String,
    /// Its name.
    pub username: String,
    /// Its e-mail address.
    pub email: Option<String>,
    /// Whether the address was confirmed.
    pub verified: bool,
    /// Whether it may log in.
    pub enabled: bool,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it is a superuser.
    pub superuser: bool,
    /// How long its deleted tags can be restored, in seconds.
    pub tag_expiration_s: i64,
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Its name.
    pub username: String,
    /// Its e-mail address.
    pub email: Option<String>,
    /// Its password.
    pub password: Secret,
}

/// What everybody may know of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub username: String,
    /// Whether it is an organization.
    pub organization: bool,
}

/// An organization one belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Its name.
    pub organization: String,
    /// Whether one manages it.
    pub admin: bool,
    /// Whether one may create repositories in it.
    pub can_create: bool,
}

/// The first account.
#[derive(Debug, Clone)]
pub struct Initialized {
    /// The account.
    pub user: User,
    /// Its encrypted password, for clients of the registry protocol.
    pub client_key: Secret,
    /// A token for it, when one was asked for.
    pub access_token: Option<Secret>,
}

/// What came of [`Core::ensure_superuser`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnsuredSuperuser {
    /// The account was missing and is there now.
    Created,
    /// The account has another password now.
    PasswordChanged,
    /// Nothing had to be done.
    Unchanged,
}

impl Core {
    /// Signs a person up.
    pub async fn create_user(&self, caller: &Caller, new: NewUser) -> Result<User> {
        let rules = self.rules();
        if !rules.config.feature_user_creation || !rules.config.feature_direct_login {
            return Err(Missing::Route.into());
        }
        if rules.config.feature_invite_only_user_creation {
            return Err(Error::bad_request("Cannot create non-invited user"));
        }
        // Whoever takes a superuser's name would have a superuser's powers; the library is the superusers'.
        if rules.is_kept(&new.username) {
            return Err(Error::bad_request(NAME_TAKEN));
        }
        Ok(self.shown(&self.make_user(caller, new).await?))
    }

    /// What is wrong with an account that somebody wants to sign up for, as [`Core::account_faults`] tells it; names
    /// that are kept for somebody are taken.
    pub async fn sign_up_faults(&self, new: &NewUser) -> Result<Vec<Fault>> {
        let mut faults = self.account_faults(new).await?;
        if faults.iter().all(|fault| fault.field != Field::Username) && self.rules().is_kept(&new.username) {
            faults.insert(0, name_taken());
        }
        Ok(faults)
    }

    /// What is wrong with an account that is to be made, all of it at once, as far as that shows before: every rule,
    /// and whether the name is taken.
    pub async fn account_faults(&self, new: &NewUser) -> Result<Vec<Fault>> {
        let mut faults = accounts::faults(&new.username, &new.password, address(new));
        if faults.iter().all(|fault| fault.field != Field::Username) {
            let name = new.username.clone();
            if self.db().read(async move |c| rows::by_name(c, &name).await).await?.is_some() {
                faults.insert(0, name_taken());
            }
        }
        Ok(faults)
    }

    /// A password that nobody has thought of, for an account that somebody else is given.
    pub fn new_password(&self) -> Result<Secret> {
        Ok(Secret::new(entropy::text(self.entropy(), entropy::UPPER_ALPHANUMERIC, GENERATED_PASSWORD)?))
    }

    /// Makes an account for somebody else; with it comes its encrypted password.
    pub async fn create_user_as(&self, by: &Allowed<Superuser>, new: NewUser) -> Result<(User, Secret)> {
        let user = self.make_user(&by.caller, new).await?;
        Ok((self.shown(&user), self.seal_client_key(&user)?))
    }

    async fn make_user(&self, caller: &Caller, new: NewUser) -> Result<rows::User> {
        let row = self.prepare(&new).await?;
        let caller = caller.clone();
        self.db().write(async move |tx| row.insert(tx, &caller).await).await
    }

    /// Makes the very first account, where the installation allows that to whoever comes first.
    pub async fn initialize_first_user(
        &self,
        caller: &Caller,
        new: NewUser,
        access_token: bool,
    ) -> Result<Initialized> {
        if !self.rules().config.feature_user_initialize {
            return Err(Missing::Route.into());
        }
        let taken = || Error::bad_request("Cannot initialize user in a non-empty database");
        if self.db().read(async |c| rows::count(c, Kind::User).await).await? > 0 {
            return Err(taken());
        }
        let failed = |error: Error| match error {
            Error::Invalid { code, message } => {
                Error::invalid(code, format!("Failed to initialize user: {message}"))
            }
            other => other,
        };
        let row = self.prepare(&new).await.map_err(failed)?;
        let minted = match access_token {
            true => Some(mint(self, FIRST_TOKEN_TITLE, ApiScopes::ALL, FIRST_TOKEN_LIFETIME)?),
            false => None,
        };
        let token = minted.as_ref().map(|minted| minted.token.clone());
        let caller = caller.clone();
        let user = self
            .db()
            .write(async move |tx| -> Result<_> {
                // Asked again inside: of two who come first, one is.
                if rows::count(tx, Kind::User).await? > 0 {
                    return Err(taken());
                }
                let user = row.insert(tx, &caller).await.map_err(failed)?;
                if let Some(minted) = minted {
                    minted.store(tx, user.id).await?;
                }
                Ok(user)
            })
            .await?;
        self.ensure_library().await?;
        let client_key = self.seal_client_key(&user)?;
        Ok(Initialized { user: self.shown(&user), client_key, access_token: token })
    }

    /// Makes sure that the installation's own superuser exists with this password; the name is a superuser's from
    /// now on, whether the configuration lists it or not.
    pub async fn ensure_superuser(
        &self,
        username: &str,
        email: &str,
        password: &Secret,
    ) -> Result<EnsuredSuperuser> {
        let caller = Caller::anonymous(std::net::Ipv4Addr::LOCALHOST.into());
        let known = self.db().read(async |c| rows::by_name(c, username).await).await?;
        let outcome = match known {
            None => {
                let email = Some(email).filter(|email| !email.is_empty()).map(str::to_owned);
                let new = NewUser { username: username.to_owned(), email, password: password.clone() };
                self.make_user(&caller, new).await?;
                EnsuredSuperuser::Created
            }
            Some(user) if user.kind != Kind::User => {
                return Err(Error::Conflict(format!(
                    "making the superuser failed: {username} is the name of an organization or robot; choose another"
                )));
            }
            Some(user) if self.has_password(&user, password).await? => EnsuredSuperuser::Unchanged,
            Some(user) => {
                let change = AccountChange { password: Some(password.clone()), ..AccountChange::default() };
                let (change, core, id) = (self.prepare_change(&user, change).await?, self.clone(), user.id);
                self.db()
                    .write(async move |tx| change.apply(tx, &core, &caller, Route::Own, id).await)
                    .await?;
                EnsuredSuperuser::PasswordChanged
            }
        };
        self.set_founder(username);
        self.ensure_library().await?;
        Ok(outcome)
    }

    async fn has_password(&self, user: &rows::User, password: &Secret) -> Result<bool> {
        let Some(stored) = user.password_hash.clone() else { return Ok(false) };
        let password = password.clone();
        let verify = move || crate::auth::password::verify(password.expose(), &stored);
        Ok(self.hashing().run(verify).await? != crate::auth::password::Match::No)
    }

    /// One's own account.
    pub async fn user(&self, who: &Allowed<Account>) -> Result<User> {
        let id = who.place.id;
        let user = self.db().read(async |c| rows::get(c, id).await).await?.ok_or(Missing::User)?;
        Ok(self.shown(&user))
    }

    /// What everybody may know of an account.
    pub async fn profile(&self, username: &str) -> Result<Profile> {
        let found = self.db().read(async |c| rows::by_name(c, username).await).await?;
        let user = found.filter(|user| user.kind != Kind::Robot).ok_or(Missing::User)?;
        Ok(Profile { organization: user.kind == Kind::Organization, username: user.username })
    }

    /// The organizations one belongs to.
    pub async fn my_organizations(&self, who: &Allowed<Account>) -> Result<Vec<Membership>> {
        let id = who.place.id;
        let found = self.db().read(async |c| orgs::of_user(c, id).await).await?;
        let membership = |found: orgs::OrgOfUser| Membership {
            organization: found.org.username,
            admin: found.role == TeamRole::Admin,
            can_create: found.role >= TeamRole::Creator,
        };
        Ok(found.into_iter().map(membership).collect())
    }

    /// Changes one's own password: every session and every token drawn from the old one end.
    pub async fn change_password(&self, who: &Allowed<Account>, new: &Secret) -> Result<()> {
        let change = AccountChange { password: Some(new.clone()), ..AccountChange::default() };
        self.change_own_account(who, OwnChange { account: change, ..OwnChange::default() }).await?;
        Ok(())
    }

    /// Checks a new account and hashes its password.
    async fn prepare(&self, new: &NewUser) -> Result<PreparedUser> {
        let email = address(new);
        if let Some(fault) = accounts::faults(&new.username, &new.password, email).into_iter().next() {
            return Err(Error::bad_request(fault.message));
        }
        Ok(PreparedUser {
            uuid: self.uuid()?,
            username: new.username.clone(),
            email: email.map(str::to_lowercase),
            password_hash: self.hash_password(&new.password).await?,
            window_s: self.rules().default_window_s(),
            now_ms: self.now_ms(),
        })
    }

    /// An account as it is shown.
    pub(crate) fn shown(&self, row: &rows::User) -> User {
        User {
            id: row.id.0,
            uuid: row.uuid.clone(),
            username: row.username.clone(),
            email: row.email.clone(),
            verified: row.verified,
            enabled: row.enabled,
            created: timestamp(row.created_ms),
            superuser: self.is_superuser(&row.username),
            tag_expiration_s: row.tag_expiration_s,
        }
    }
}

fn name_taken() -> Fault {
    Fault { field: Field::Username, message: NAME_TAKEN.to_owned() }
}

/// The e-mail address of an account to be made, when one is given.
fn address(new: &NewUser) -> Option<&str> {
    new.email.as_deref().map(str::trim).filter(|email| !email.is_empty())
}

/// An account that was checked and is ready to be stored.
struct PreparedUser {
    uuid: String,
    username: String,
    email: Option<String>,
    password_hash: String,
    window_s: i64,
    now_ms: i64,
}

impl PreparedUser {
    async fn insert(&self, tx: &mut Tx, caller: &Caller) -> Result<rows::User> {
        let new = NewRow {
            kind: Kind::User,
            uuid: &self.uuid,
            username: &self.username,
            email: self.email.as_deref(),
            verified: true,
            password_hash: Some(&self.password_hash),
            superuser: false,
            owner: None,
            tag_expiration_s: self.window_s,
            now_ms: self.now_ms,
        };
        let Some(user) = rows::insert(tx, &new).await? else {
            return Err(match rows::by_name(tx, &self.username).await? {
                Some(_) => Error::bad_request(NAME_TAKEN),
                None => accounts::email_taken(self.email.as_deref().unwrap_or_default()),
            });
        };
        Entry::by("user_create", caller, self.now_ms)
            .on_namespace(user.id)
            .detail("username", &*user.username)
            .record(tx)
            .await?;
        Ok(user)
    }
}
