//! Default permissions of an organization: what is given on every repository that is made in it, by whom and to whom.

use quay_db::tables::orgs::{self, Member};
use quay_db::tables::prototypes::{self as rows, Delegate, NewPrototype};
use quay_db::tables::users::{self, Kind};
use quay_db::tables::{perms, repos};
use quay_db::{Conn, Tx, UserId};

use crate::audit::Entry;
use crate::core::Core;
use crate::error::{Error, Missing, Result};
use crate::orgs::organization;
use crate::perms::{Allowed, ManageNamespace};
use crate::repos::{Found, Grantee, RepositoryRole};

/// Default permissions of one organization.
const MOST: i64 = 1000;

/// A default permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultPermission {
    /// Its name in the API.
    pub id: String,
    /// Only on repositories that this person or robot makes; `None` for everybody's.
    pub activator: Option<String>,
    /// Who gets it.
    pub delegate: Grantee,
    /// What it allows.
    pub role: RepositoryRole,
}

impl Core {
    /// The default permissions of an organization.
    pub async fn default_permissions(&self, at: &Allowed<ManageNamespace>) -> Result<Vec<DefaultPermission>> {
        let id = organization(at)?;
        let found = self.db().read(async |c| rows::list(c, id).await).await?;
        Ok(found.into_iter().map(shown).collect())
    }

    /// Whether a default permission can be on what this person or robot makes, and if not, why.
    pub async fn check_activator(&self, at: &Allowed<ManageNamespace>, name: &str) -> Result<()> {
        let org = organization(at)?;
        self.db().read(async |c| actor(c, org, name).await).await?;
        Ok(())
    }

    /// Makes a default permission, on what anybody or only the activator makes from now on.
    pub async fn create_default_permission(
        &self,
        at: &Allowed<ManageNamespace>,
        activator: Option<&str>,
        delegate: &Grantee,
        role: RepositoryRole,
    ) -> Result<DefaultPermission> {
        let (org, uuid, now_ms) = (organization(at)?, self.uuid()?, self.now_ms());
        let entry =
            delegate.tell(self.deed_in("create_prototype_permission", at)).detail("role", role.as_str());
        let entry = match activator {
            Some(name) => entry.detail("activating_username", name),
            None => entry,
        };
        let (activator, delegate) = (activator.map(str::to_owned), delegate.clone());
        self.db()
            .write(async move |tx| -> Result<_> {
                if rows::count(tx, org).await? >= MOST {
                    return Err(Error::bad_request(format!(
                        "an organization has at most {MOST} default permissions; delete some"
                    )));
                }
                let activator = match &activator {
                    Some(name) => Some(actor(tx, org, name).await?),
                    None => None,
                };
                let (user, team) = match delegate.find(tx, org).await? {
                    Found::User(user) => (Some(user), None),
                    Found::Team(team) => (None, Some(team)),
                };
                let new = NewPrototype { uuid: &uuid, org, activator, user, team, role: role.into(), now_ms };
                rows::insert(tx, &new).await?;
                entry.record(tx).await?;
                let made = rows::get(tx, org, &uuid).await?;
                Ok(shown(made.ok_or(Missing::Permission)?))
            })
            .await
    }

    /// Changes what a default permission allows.
    pub async fn change_default_permission(
        &self,
        at: &Allowed<ManageNamespace>,
        id: &str,
        role: RepositoryRole,
    ) -> Result<DefaultPermission> {
        let org = organization(at)?;
        let entry = self.deed_in("modify_prototype_permission", at).detail("role", role.as_str());
        let id = id.to_owned();
        self.db()
            .write(async move |tx| -> Result<_> {
                rows::set_role(tx, org, &id, role.into()).await?;
                let changed = shown(rows::get(tx, org, &id).await?.ok_or(Missing::Permission)?);
                changed.delegate.tell(entry).record(tx).await?;
                Ok(changed)
            })
            .await
    }

    /// Deletes a default permission; what was given by it stays.
    pub async fn delete_default_permission(&self, at: &Allowed<ManageNamespace>, id: &str) -> Result<()> {
        let org = organization(at)?;
        let entry = self.deed_in("delete_prototype_permission", at);
        let id = id.to_owned();
        self.db()
            .write(async move |tx| -> Result<()> {
                let gone = shown(rows::get(tx, org, &id).await?.ok_or(Missing::Permission)?);
                rows::delete(tx, org, &id).await?;
                gone.delegate.tell(entry).record(tx).await?;
                Ok(())
            })
            .await
    }

    fn deed_in(&self, kind: &'static str, at: &Allowed<ManageNamespace>) -> Entry {
        Entry::by(kind, &at.caller, self.now_ms())
            .on_namespace(at.place.id)
            .detail("namespace", at.namespace())
    }
}

/// Gives what the default permissions of the organization say on a repository that `creator` has just made.
pub(crate) async fn apply(tx: &mut Tx, repo: &repos::Repo, creator: Option<UserId>) -> Result<()> {
    for prototype in rows::list(tx, repo.namespace).await? {
        let meant = prototype.activator.as_ref().is_none_or(|activator| Some(activator.id) == creator);
        match prototype.delegate {
            _ if !meant => {}
            // Whoever made it administers it already.
            Delegate::User(user) if Some(user.id) == creator => {}
            Delegate::User(user) => raise_user(tx, repo, user.id, prototype.role).await?,
            Delegate::Team { id, .. } => raise_team(tx, repo, id, prototype.role).await?,
        }
    }
    Ok(())
}

/// Of several default permissions for one, the highest counts.
async fn raise_user(tx: &mut Tx, repo: &repos::Repo, user: UserId, role: perms::Role) -> Result<()> {
    let held = perms::grants(tx, repo.id, repo.namespace, user).await?.user;
    if held < Some(role) {
        perms::set_user(tx, repo.id, user, role).await?;
    }
    Ok(())
}

async fn raise_team(tx: &mut Tx, repo: &repos::Repo, team: quay_db::TeamId, role: perms::Role) -> Result<()> {
    let held = perms::teams(tx, repo.id).await?.into_iter().find(|grant| grant.team == team);
    if held.map(|grant| grant.role) < Some(role) {
        perms::set_team(tx, repo.id, team, role).await?;
    }
    Ok(())
}

/// Somebody who can make repositories in an organization: a person, or one of its robots.
async fn actor(c: &mut Conn, org: UserId, name: &str) -> Result<UserId> {
    let user = users::by_name(c, name).await?.ok_or(Missing::User)?;
    match user.kind {
        Kind::User if orgs::role(c, org, user.id).await?.is_some() => Ok(user.id),
        Kind::User => Err(Error::bad_request(format!("{name} is in no team of this organization"))),
        Kind::Robot if user.owner == Some(org) => Ok(user.id),
        Kind::Robot => Err(Error::bad_request("This robot belongs to another namespace")),
        Kind::Organization => Err(Missing::User.into()),
    }
}

fn shown(row: rows::Prototype) -> DefaultPermission {
    DefaultPermission {
        id: row.uuid,
        activator: row.activator.map(|Member { username, .. }| username),
        delegate: match row.delegate {
            Delegate::User(user) => Grantee::User(user.username),
            Delegate::Team { name, .. } => Grantee::Team(name),
        },
        role: row.role.into(),
    }
}
