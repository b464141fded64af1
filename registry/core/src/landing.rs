//! Where a push lands: the repository, brought to life with its namespace when the caller may create them.
//!
//! Runs inside of the transaction of the push, so a push that fails leaves nothing behind, and two pushes that
//! create the same repository at once end in one.

use std::sync::Arc;

use quay_db::tables::orgs::{self, TeamRole};
use quay_db::tables::perms;
use quay_db::tables::repos::{self, NewRepo, RepoKind, State, Visibility};
use quay_db::tables::users::{self, Kind, NewUser};
use quay_db::{RepoId, Tx, UserId};
use quay_oci::ErrorCode;

use crate::audit::Entry;
use crate::caller::Caller;
use crate::core::Core;
use crate::error::{Error, Refusal, Result};
use crate::perms::standing_at;
use crate::perms::{Allowed, Push, Target};
use crate::prototypes;
use crate::rules::Rules;

/// Name of the team of an organization's first owner.
pub(crate) const OWNERS: &str = "owners";

/// A push on its way to a repository.
pub(crate) struct Landing {
    rules: Arc<Rules>,
    caller: Caller,
    target: Target,
    /// For an organization that has to be founded.
    uuid: String,
    now_ms: i64,
}

/// Where it came down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Landed {
    pub(crate) repo: RepoId,
    pub(crate) namespace: UserId,
}

impl Core {
    /// Prepares a push to land.
    pub(crate) fn landing(&self, at: &Allowed<Push>) -> Result<Landing> {
        Ok(Landing {
            rules: self.rules(),
            caller: at.caller.clone(),
            target: at.place.clone(),
            uuid: self.uuid()?,
            now_ms: self.now_ms(),
        })
    }
}

impl Landing {
    /// The repository, which exists afterwards.
    pub(crate) async fn land(&self, tx: &mut Tx) -> Result<Landed> {
        if let Some(repo) = self.target.repo {
            // It may have been deleted since the right was proven.
            return match repos::get(tx, repo).await? {
                Some(repo) if repo.state == State::Normal => {
                    Ok(Landed { repo: repo.id, namespace: repo.namespace })
                }
                Some(_) | None => Err(Refusal::NameUnknown.into()),
            };
        }
        let standing = standing_at(tx, &self.rules, &self.caller, &self.target.name).await?;
        if let Some(repo) = standing.repo {
            // Somebody, most often another request of the same push, was faster.
            return if standing.rights.write {
                Ok(Landed { repo: repo.id, namespace: repo.namespace })
            } else {
                Err(Refusal::Denied.into())
            };
        }
        if !standing.rights.create {
            return Err(Refusal::Denied.into());
        }
        if self.target.name.repository().contains('/') && !self.rules.config.feature_extended_repository_names
        {
            return Err(Error::invalid(ErrorCode::NameInvalid, "Nested repositories are not supported."));
        }
        let namespace = match standing.namespace {
            Some(namespace) => namespace,
            None => self.found_namespace(tx).await?,
        };
        let visibility = if self.rules.private_on_push { Visibility::Private } else { Visibility::Public };
        let new =
            NewRepository { namespace, name: self.target.name.repository(), visibility, description: "" };
        let repo = new.create(tx, &self.caller, self.target.name.namespace(), self.now_ms).await?;
        let repo = repo.ok_or_else(|| Error::Conflict("Repository already exists".to_owned()))?;
        Ok(Landed { repo: repo.id, namespace })
    }

    async fn found_namespace(&self, tx: &mut Tx) -> Result<UserId> {
        let name = self.target.name.namespace();
        let person = self.caller.person().ok_or(Refusal::Denied)?;
        let founded = found_organization(
            tx,
            &self.rules,
            &self.caller,
            UserId(person.id),
            name,
            None,
            &self.uuid,
            self.now_ms,
        )
        .await?;
        founded.map(|org| org.id).ok_or_else(|| Error::Conflict("Cannot create organization".to_owned()))
    }
}

/// A repository to be made.
pub(crate) struct NewRepository<'a> {
    pub(crate) namespace: UserId,
    pub(crate) name: &'a str,
    pub(crate) visibility: Visibility,
    pub(crate) description: &'a str,
}

impl NewRepository<'_> {
    /// Makes it, with its creator as administrator; `None` when the name is taken.
    pub(crate) async fn create(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        namespace_name: &str,
        now_ms: i64,
    ) -> Result<Option<repos::Repo>> {
        let Self { namespace, name, visibility, description } = *self;
        let new = NewRepo { namespace, name, visibility, kind: RepoKind::Image, description, now_ms };
        let Some(repo) = repos::insert(tx, &new).await? else { return Ok(None) };
        if let Some(creator) = caller.user_id().map(UserId).filter(|creator| *creator != namespace) {
            perms::set_user(tx, repo.id, creator, perms::Role::Admin).await?;
        }
        prototypes::apply(tx, &repo, caller.user_id().map(UserId)).await?;
        Entry::by("create_repo", caller, now_ms)
            .on_repo(namespace, repo.id)
            .detail("repo", name)
            .detail("namespace", namespace_name)
            .record(tx)
            .await?;
        Ok(Some(repo))
    }
}

/// Makes an organization with its founder as owner; `None` when the name is taken.
#[expect(clippy::too_many_arguments, reason = "the columns of one row")]
pub(crate) async fn found_organization(
    tx: &mut Tx,
    rules: &Rules,
    caller: &Caller,
    founder: UserId,
    name: &str,
    email: Option<&str>,
    uuid: &str,
    now_ms: i64,
) -> Result<Option<users::User>> {
    let new = NewUser {
        kind: Kind::Organization,
        uuid,
        username: name,
        email,
        verified: true,
        password_hash: None,
        superuser: false,
        owner: None,
        tag_expiration_s: rules.default_window_s(),
        now_ms,
    };
    let Some(org) = users::insert(tx, &new).await? else { return Ok(None) };
    let team = orgs::create_team(tx, org.id, OWNERS, TeamRole::Admin, "", now_ms).await?;
    let team =
        team.ok_or_else(|| Error::internal("founding an organization failed: it has owners already"))?;
    orgs::add_member(tx, team.id, founder, now_ms).await?;
    Entry::by("org_create", caller, now_ms).on_namespace(org.id).detail("namespace", name).record(tx).await?;
    Ok(Some(org))
}
