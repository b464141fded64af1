//! A change of a person's account as a whole: checked before, then done in one transaction or not at all.

use quay_db::tables::sessions;
use quay_db::tables::users::{self as rows, Kind, User as Row};
use quay_db::{Tx, UserId};

use crate::accounts::{self, Fault, Field};
use crate::audit::Entry;
use crate::caller::Caller;
use crate::core::Core;
use crate::error::{Missing, Result};
use crate::invoicing::InvoicingChange;
use crate::orgs::TagWindow;
use crate::own_account::AboutMe;
use crate::renaming;
use crate::secret::Secret;

/// The way on which a change comes: it tells what the audit log calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// A person's to their own account.
    Own,
    /// A superuser's to any account, their own too.
    Superuser,
}

/// What is to be changed about somebody's account; `None` leaves what is there.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// Another password: every session and every token drawn from the old one end.
    pub password: Option<Secret>,
    /// Another e-mail address.
    pub email: Option<String>,
    /// Whether the account may be used at all.
    pub enabled: Option<bool>,
    /// Another name, where the installation allows that.
    pub username: Option<String>,
}

impl Core {
    /// Checks what can be checked before, and hashes the password.
    pub(crate) async fn prepare_change(&self, user: &Row, change: AccountChange) -> Result<PreparedChange> {
        let AccountChange { password, email, enabled, username } = change;
        password.as_ref().map_or(Ok(()), |password| accounts::check_password(password.expose()))?;
        let email = email.as_deref().map(accounts::kept_email);
        email.as_deref().map_or(Ok(()), accounts::check_email)?;
        let username = username.filter(|new| *new != user.username);
        username.as_deref().map_or(Ok(()), |new| self.check_renaming(&user.username, new))?;
        let password_hash = match password {
            Some(password) => Some(self.hash_password(&password).await?),
            None => None,
        };
        Ok(PreparedChange { password_hash, email, enabled, username, ..PreparedChange::default() })
    }

    /// What is wrong with another name and another address, both at once, as far as that shows before: every rule, and
    /// whether somebody has them.
    pub(crate) async fn faults_of_change(&self, user: &Row, change: &AccountChange) -> Result<Vec<Fault>> {
        let mut faults = Vec::new();
        if let Some(new) = change.username.as_deref().filter(|new| *new != user.username) {
            let wrong = match self.check_renaming(&user.username, new) {
                Ok(()) => {
                    let found = self.db().read(async |c| rows::by_name(c, new).await).await?;
                    found.map(|_| renaming::taken())
                }
                Err(error) => Some(error),
            };
            faults.extend(wrong.map(|error| Fault { field: Field::Username, message: error.message() }));
        }
        if let Some(email) = change.email.as_deref().map(accounts::kept_email) {
            let wrong = match accounts::check_email(&email) {
                Ok(()) => {
                    let found = self.db().read(async |c| rows::by_email(c, &email).await).await?;
                    found.filter(|other| other.id != user.id).map(|_| accounts::email_taken(&email))
                }
                Err(error) => Some(error),
            };
            faults.extend(wrong.map(|error| Fault { field: Field::Email, message: error.message() }));
        }
        Ok(faults)
    }
}

/// A change that was checked and is ready to be stored.
#[derive(Default)]
pub(crate) struct PreparedChange {
    password_hash: Option<String>,
    email: Option<String>,
    enabled: Option<bool>,
    username: Option<String>,
    /// How long deleted tags of the person's own namespace can be restored.
    window: Option<TagWindow>,
    /// Where the invoices go.
    invoicing: Option<InvoicingChange>,
    /// What the person says of themself.
    about: Option<AboutMe>,
}

impl PreparedChange {
    /// The same with what only the person themself changes, checked too.
    pub(crate) fn with(
        self,
        window: Option<TagWindow>,
        invoicing: Option<InvoicingChange>,
        about: Option<AboutMe>,
    ) -> Self {
        Self { window, invoicing, about, ..self }
    }

    /// Stores every part of it; whatever fails leaves the rest to be undone with the transaction.
    pub(crate) async fn apply(
        self,
        tx: &mut Tx,
        core: &Core,
        by: &Caller,
        route: Route,
        id: UserId,
    ) -> Result<Row> {
        let before = rows::get(tx, id).await?.filter(|user| user.kind == Kind::User).ok_or(Missing::User)?;
        let entry = |kind| {
            let entry = Entry::by(kind, by, core.now_ms()).on_namespace(id);
            match route {
                Route::Own => entry,
                Route::Superuser => entry.detail("username", &*before.username),
            }
        };
        if let Some(hash) = &self.password_hash {
            rows::set_password(tx, id, Some(hash)).await?;
            sessions::delete_of_user(tx, id).await?;
            let kind = match route {
                Route::Own => "account_change_password",
                Route::Superuser => "user_change_password",
            };
            entry(kind).record(tx).await?;
        }
        if let Some(email) = &self.email {
            if !rows::set_email(tx, id, Some(email), true).await? {
                return Err(accounts::email_taken(email));
            }
            let old = before.email.clone().unwrap_or_default();
            entry("user_change_email").detail("old_email", old).detail("email", &**email).record(tx).await?;
        }
        if let Some(enabled) = self.enabled.filter(|enabled| *enabled != before.enabled) {
            rows::set_enabled(tx, id, enabled).await?;
            if !enabled {
                // Sessions and what was drawn from the password stay void when the account is enabled again.
                rows::bump_generation(tx, id).await?;
                sessions::delete_of_user(tx, id).await?;
            }
            entry(if enabled { "user_enable" } else { "user_disable" }).record(tx).await?;
        }
        if let Some(window) = self.window {
            let entry = entry("change_namespace_tag_expiration").detail("namespace", &*before.username);
            window.apply(tx, id, entry).await?;
        }
        if let Some(invoicing) = self.invoicing {
            invoicing.apply(tx, id, entry("user_change_invoicing")).await?;
        }
        if let Some(about) = self.about {
            about.apply(tx, id, entry("user_change_metadata")).await?;
        }
        if let Some(new) = &self.username {
            core.rename_in(tx, &before, new).await?;
            let named = entry("user_change_name").detail("old_username", &*before.username);
            named.detail("new_username", &**new).record(tx).await?;
        }
        Ok(rows::get(tx, id).await?.ok_or(Missing::User)?)
    }
}
