//! What superusers do with accounts and organizations of others: see, change, disable, rename and delete them, and
//! take them over. No superuser is changed by another: the configuration alone makes and ends them.

use quay_db::tables::orgs::{self, TeamRole};
use quay_db::tables::users::{self as rows, Kind, User as Row};
use quay_db::{Tx, UserId};

use crate::account_change::{AccountChange, Route};
use crate::accounts::Fault;
use crate::audit::Entry;
use crate::conversion::become_organization;
use crate::core::Core;
use crate::error::{Error, Missing, Result};
use crate::landing::OWNERS;
use crate::overview::pattern;
use crate::own_account::{only_owner_of, retire_person};
use crate::page::{Page, cut};
use crate::perms::{Allowed, Superuser};
use crate::users::User;

/// Rows on a page at most.
const A_PAGE: u32 = 100;

/// An organization in the list of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationRow {
    /// Its name.
    pub name: String,
    /// How to reach it.
    pub email: Option<String>,
}

impl Core {
    /// Every person, by name, beginning after `last`; those who are disabled too, if wanted.
    pub async fn list_users(
        &self,
        _: &Allowed<Superuser>,
        disabled_too: bool,
        n: u32,
        last: Option<&str>,
    ) -> Result<Page<User>> {
        let n = n.clamp(1, A_PAGE);
        let found = self.db().read(async |c| rows::people(c, disabled_too, last, n + 1).await).await?;
        Ok(cut(found, n as usize).map(|user| self.shown(&user)))
    }

    /// People by name, beginning after `last`, whose name contains a text.
    pub async fn search_users(
        &self,
        _: &Allowed<Superuser>,
        search: &str,
        n: u32,
        last: Option<&str>,
    ) -> Result<Page<User>> {
        let (n, search) = (n.clamp(1, A_PAGE), pattern(Some(search))?);
        let last = last.map(str::to_owned);
        let found = self
            .db()
            .scan(async move |c| rows::search_people(c, &search, last.as_deref(), n + 1).await)
            .await?;
        Ok(cut(found, n as usize).map(|user| self.shown(&user)))
    }

    /// The account of a person.
    pub async fn account_of(&self, _: &Allowed<Superuser>, username: &str) -> Result<User> {
        let found = self.db().read(async |c| person(c, username).await).await?;
        Ok(self.shown(&found))
    }

    /// What is wrong with another name and another address for a person, both at once, as far as that shows before.
    pub async fn change_faults(
        &self,
        _: &Allowed<Superuser>,
        username: &str,
        change: &AccountChange,
    ) -> Result<Vec<Fault>> {
        let user = self.db().read(async |c| person(c, username).await).await?;
        self.faults_of_change(&user, change).await
    }

    /// Changes the account of a person.
    pub async fn change_account(
        &self,
        by: &Allowed<Superuser>,
        username: &str,
        change: AccountChange,
    ) -> Result<User> {
        let user = self.db().read(async |c| person(c, username).await).await?;
        let own = by.caller.user_id() == Some(user.id.0);
        if !own && self.is_superuser(username) {
            return Err(Error::bad_request("Cannot update a superuser"));
        }
        if own && change.enabled == Some(false) {
            return Err(Error::bad_request("Cannot disable your own account"));
        }
        let change = self.prepare_change(&user, change).await?;
        let (core, by) = (self.clone(), by.caller.clone());
        let route = Route::Superuser;
        let user =
            self.db().write(async move |tx| change.apply(tx, &core, &by, route, user.id).await).await?;
        Ok(self.shown(&user))
    }

    /// Deletes the account of a person with everything in its namespace.
    pub async fn delete_account_of(&self, by: &Allowed<Superuser>, username: &str) -> Result<()> {
        if self.is_superuser(username) {
            return Err(Error::bad_request("Cannot delete a superuser"));
        }
        let (uuid, now_ms) = (self.uuid()?, self.now_ms());
        let entry = self.entry("user_delete", by).detail("username", username);
        let username = username.to_owned();
        self.db()
            .write(async move |tx| -> Result<()> {
                let user = person(tx, &username).await?;
                if let Some(organization) = only_owner_of(tx, user.id).await? {
                    return Err(Error::bad_request(format!(
                        "{username} is the only owner of the organization {organization}: take it over or delete it first"
                    )));
                }
                retire_person(tx, user.id, &uuid, now_ms).await?;
                entry.on_namespace(user.id).record(tx).await?;
                Ok(())
            })
            .await
    }

    /// Every organization, by name, beginning after `last`.
    pub async fn list_organizations(
        &self,
        _: &Allowed<Superuser>,
        n: u32,
        last: Option<&str>,
    ) -> Result<Page<OrganizationRow>> {
        let n = n.clamp(1, A_PAGE);
        let found =
            self.db().read(async |c| rows::list(c, Some(Kind::Organization), last, n + 1).await).await?;
        Ok(cut(found, n as usize).map(shown))
    }

    /// Gives an organization another name; its robots go along.
    pub async fn rename_organization(
        &self,
        by: &Allowed<Superuser>,
        name: &str,
        new: &str,
    ) -> Result<OrganizationRow> {
        if self.rules().is_kept(name) {
            return Err(Error::bad_request(format!(
                "{name} cannot be renamed: the configuration of this registry names the organization"
            )));
        }
        self.check_new_name(new)?;
        let entry = self.entry("org_change_name", by);
        let (core, name, new) = (self.clone(), name.to_owned(), new.to_owned());
        let org = self
            .db()
            .write(async move |tx| -> Result<Row> {
                let org = organization(tx, &name).await?;
                core.rename_in(tx, &org, &new).await?;
                let entry = entry.on_namespace(org.id).detail("old_name", name).detail("new_name", &*new);
                entry.record(tx).await?;
                organization(tx, &new).await
            })
            .await?;
        Ok(shown(org))
    }

    /// Deletes an organization with everything in it.
    pub async fn delete_organization_of(&self, by: &Allowed<Superuser>, name: &str) -> Result<()> {
        let id = self.db().read(async |c| organization(c, name).await).await?.id;
        self.retire_organization(&by.caller, id, name).await
    }

    /// Makes the superuser an owner of an organization; a person's account becomes an organization by that.
    pub async fn take_ownership(&self, by: &Allowed<Superuser>, namespace: &str) -> Result<()> {
        if self.is_superuser(namespace) {
            return Err(Error::bad_request("Cannot take ownership of the account of a superuser"));
        }
        let me = by.caller.person().map(|me| UserId(me.id)).ok_or(Missing::User)?;
        let (now_ms, name) = (self.now_ms(), namespace.to_owned());
        let entry = self.entry("take_ownership", by).detail("namespace", namespace);
        self.db()
            .write(async move |tx| -> Result<()> {
                let found = rows::by_name(tx, &name).await?.ok_or(Missing::Organization)?;
                let kind = match found.kind {
                    Kind::Robot => return Err(Missing::Organization.into()),
                    Kind::Organization => {
                        join_owners(tx, found.id, me, now_ms).await?;
                        "org"
                    }
                    Kind::User => {
                        if let Some(organization) = only_owner_of(tx, found.id).await? {
                            return Err(Error::bad_request(format!(
                                "{name} is the only owner of the organization {organization}: take that over first"
                            )));
                        }
                        become_organization(tx, found.id, me, now_ms).await?;
                        "user"
                    }
                };
                entry.on_namespace(found.id).detail("entity_type", kind).record(tx).await?;
                Ok(())
            })
            .await
    }

    fn entry(&self, kind: &'static str, by: &Allowed<Superuser>) -> Entry {
        Entry::by(kind, &by.caller, self.now_ms())
    }
}

/// The person of this name.
async fn person(c: &mut quay_db::Conn, username: &str) -> Result<Row> {
    let found = rows::by_name(c, username).await?;
    Ok(found.filter(|user| user.kind == Kind::User).ok_or(Missing::User)?)
}

/// The organization of this name.
async fn organization(c: &mut quay_db::Conn, name: &str) -> Result<Row> {
    let found = rows::by_name(c, name).await?;
    Ok(found.filter(|org| org.kind == Kind::Organization).ok_or(Missing::Organization)?)
}

/// Puts somebody among those who manage an organization.
async fn join_owners(tx: &mut Tx, org: UserId, who: UserId, now_ms: i64) -> Result<()> {
    let teams = orgs::teams(tx, org).await?;
    let mut managing = teams.into_iter().map(|found| found.team).filter(|team| team.role == TeamRole::Admin);
    let first = managing.next();
    let team = match managing.find(|team| team.name == OWNERS).or(first) {
        Some(team) => team,
        None => orgs::create_team(tx, org, OWNERS, TeamRole::Admin, "", now_ms).await?.ok_or_else(|| {
            Error::bad_request(format!("The team {OWNERS} does not manage the organization"))
        })?,
    };
    orgs::add_member(tx, team.id, who, now_ms).await?;
    Ok(())
}

fn shown(row: Row) -> OrganizationRow {
    OrganizationRow { name: row.username, email: row.email }
}
