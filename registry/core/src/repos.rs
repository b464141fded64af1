//! Repositories: making, listing, showing and deleting them, and who has which permission on them.

use jiff::Timestamp;
use quay_db::tables::orgs;
use quay_db::tables::perms::{self, Role};
use quay_db::tables::repos::{self as rows, State};
use quay_db::tables::users::{self, Kind};
use quay_db::{TeamId, Tx, UserId};
use quay_oci::{ErrorCode, RepositoryName};

pub use quay_db::tables::repos::Visibility;

use crate::audit::Entry;
use crate::caller::Caller;
use crate::clock::timestamp;
use crate::core::Core;
use crate::error::{Error, Missing, Refusal, Result};
use crate::landing::NewRepository;
use crate::page::{Page, cut};
use crate::perms::{Administer, Allowed, CreateRepository, Pull, Push, Rights};
use crate::sight::Sight;

/// Repositories on one page at most.
const A_PAGE: u32 = 100;
/// Longest description.
const LONGEST_DESCRIPTION: usize = 64 << 10;

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its id.
    pub id: i64,
    /// Its namespace.
    pub namespace: String,
    /// Its name within the namespace.
    pub name: String,
    /// Who may read it without a permission.
    pub visibility: Visibility,
    /// What it is for.
    pub description: String,
    /// What can be done with it, in Quay's words.
    pub state: &'static str,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
}

/// A repository and what the asker may do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryView {
    /// The repository.
    pub repository: Repository,
    /// May push to it.
    pub can_write: bool,
    /// May administer it.
    pub can_admin: bool,
    /// Whether its namespace is an organization.
    pub is_organization: bool,
    /// How long its deleted tags can be restored, in seconds.
    pub tag_expiration_s: i64,
}

/// A role on a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepositoryRole {
    /// May pull.
    Read,
    /// May push.
    Write,
    /// May do everything.
    Admin,
}

/// Who has a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grantee {
    /// A person or a robot, by name.
    User(String),
    /// A team of the repository's organization, by name.
    Team(String),
}

/// A permission on a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who has it.
    pub grantee: Grantee,
    /// Whether that is a robot.
    pub robot: bool,
    /// What it allows.
    pub role: RepositoryRole,
}

impl Core {
    /// Makes a repository.
    pub async fn create_repository(
        &self,
        at: &Allowed<CreateRepository>,
        name: &RepositoryName,
        visibility: Visibility,
        description: &str,
    ) -> Result<Repository> {
        if name.namespace() != at.namespace() {
            return Err(Refusal::Denied.into());
        }
        if name.repository().contains('/') && !self.config().feature_extended_repository_names {
            return Err(Error::invalid(ErrorCode::NameInvalid, "Nested repositories are not supported."));
        }
        check_description(description)?;
        let (caller, namespace, now_ms) = (at.caller.clone(), at.place.id, self.now_ms());
        let (name, description) = (name.clone(), description.to_owned());
        let repo = self
            .db()
            .write(async move |tx| -> Result<_> {
                let new = NewRepository {
                    namespace,
                    name: name.repository(),
                    visibility,
                    description: &description,
                };
                let made = new.create(tx, &caller, name.namespace(), now_ms).await?;
                made.ok_or_else(|| Error::Conflict("Repository already exists".to_owned()))
            })
            .await?;
        Ok(shown(repo))
    }

    /// A repository and what the asker may do with it.
    pub async fn repository(&self, at: &Allowed<Pull>) -> Result<RepositoryView> {
        let (id, namespace) = (at.repo(), at.place.namespace);
        let (repo, owner) = self
            .db()
            .read(async |c| -> Result<_> {
                let repo = rows::get(c, id).await?.ok_or(Missing::Repository)?;
                Ok((repo, users::get(c, namespace).await?.ok_or(Missing::Repository)?))
            })
            .await?;
        let Rights { write, administer, .. } = at.place.rights;
        Ok(RepositoryView {
            repository: shown(repo),
            can_write: write,
            can_admin: administer,
            is_organization: owner.kind == Kind::Organization,
            tag_expiration_s: owner.tag_expiration_s,
        })
    }

    /// Repositories that the caller may pull: of one namespace or of all, the public ones only or all of them.
    /// `last` is the last name of the page before: within its namespace when one is given, else `namespace/name`.
    pub async fn repositories(
        &self,
        caller: &Caller,
        namespace: Option<&str>,
        public_only: bool,
        n: u32,
        last: Option<&str>,
    ) -> Result<Page<Repository>> {
        let rules = self.rules();
        let n = n.clamp(1, A_PAGE);
        if caller.is_anonymous() && !rules.anonymous_access {
            return Ok(Page::empty());
        }
        let sight = if public_only { Sight::Public } else { self.sight(caller) };
        let found = match namespace {
            None => {
                let after = last.map(|last| {
                    let (namespace, name) = last.split_once('/').unwrap_or((last, ""));
                    (namespace.to_owned(), name.to_owned())
                });
                self.in_sight(caller, sight, after, n + 1).await?
            }
            Some(namespace) => {
                let (namespace, last) = (namespace.to_owned(), last.map(str::to_owned));
                self.db()
                    .scan(async move |c| -> Result<_> {
                        let Some(owner) = users::by_name(c, &namespace).await? else { return Ok(Vec::new()) };
                        let last = last.as_deref();
                        Ok(match sight {
                            Sight::Everything => rows::list(c, owner.id, last, n + 1).await?,
                            Sight::Of(me) => rows::list_visible_in(c, me, owner.id, last, n + 1).await?,
                            Sight::Named(_) | Sight::Public => {
                                rows::list_public_in(c, owner.id, last, n + 1).await?
                            }
                        })
                    })
                    .await?
            }
        };
        Ok(cut(found, n as usize).map(shown))
    }

    /// Changes who may read a repository without a permission.
    pub async fn set_visibility(&self, at: &Allowed<Administer>, visibility: Visibility) -> Result<()> {
        let id = at.repo();
        let word = if visibility == Visibility::Public { "public" } else { "private" };
        let entry = self.deed("change_repo_visibility", at).detail("visibility", word);
        self.db()
            .write(async move |tx| -> Result<()> {
                rows::set_visibility(tx, id, visibility).await?;
                entry.record(tx).await?;
                Ok(())
            })
            .await
    }

    /// Changes what a repository is for.
    pub async fn set_description(&self, at: &Allowed<Push>, description: &str) -> Result<()> {
        check_description(description)?;
        let id = at.place.repo.ok_or(Missing::Repository)?;
        let entry = Entry::by("set_repo_description", &at.caller, self.now_ms())
            .detail("repo", at.place.name.repository())
            .detail("namespace", at.place.name.namespace());
        let description = description.to_owned();
        self.db()
            .write(async move |tx| -> Result<()> {
                let repo = rows::get(tx, id).await?.ok_or(Missing::Repository)?;
                rows::set_description(tx, id, &description).await?;
                entry.on_repo(repo.namespace, id).record(tx).await?;
                Ok(())
            })
            .await
    }

    /// Deletes a repository: for every reader at once; its bytes go later.
    pub async fn delete_repository(&self, at: &Allowed<Administer>) -> Result<()> {
        let (id, uuid, now_ms) = (at.repo(), self.uuid()?, self.now_ms());
        let entry = self.deed("delete_repo", at);
        self.db()
            .write(async move |tx| -> Result<()> {
                if !rows::retire(tx, id, &uuid, now_ms).await? {
                    return Err(Missing::Repository.into());
                }
                entry.record(tx).await?;
                Ok(())
            })
            .await
    }

    /// Who has a permission on a repository.
    pub async fn grants(&self, at: &Allowed<Administer>) -> Result<Vec<Grant>> {
        let id = at.repo();
        let (people, teams) = self
            .db()
            .read(async |c| -> Result<_> { Ok((perms::users(c, id).await?, perms::teams(c, id).await?)) })
            .await?;
        let people = people.into_iter().map(|grant| Grant {
            robot: grant.user.kind == Kind::Robot,
            grantee: Grantee::User(grant.user.username),
            role: grant.role.into(),
        });
        let teams = teams.into_iter().map(|grant| Grant {
            grantee: Grantee::Team(grant.name),
            robot: false,
            role: grant.role.into(),
        });
        Ok(people.chain(teams).collect())
    }

    /// Gives or changes a permission.
    pub async fn grant(&self, at: &Allowed<Administer>, to: &Grantee, role: RepositoryRole) -> Result<()> {
        let (id, namespace, to) = (at.repo(), at.place.namespace, to.clone());
        let entry = to.tell(self.deed("change_repo_permission", at)).detail("role", role.as_str());
        self.db()
            .write(async move |tx| -> Result<()> {
                match to.find(tx, namespace).await? {
                    Found::User(user) => perms::set_user(tx, id, user, role.into()).await?,
                    Found::Team(team) => perms::set_team(tx, id, team, role.into()).await?,
                }
                entry.record(tx).await?;
                Ok(())
            })
            .await
    }

    /// Takes a permission away.
    pub async fn revoke(&self, at: &Allowed<Administer>, from: &Grantee) -> Result<()> {
        let (id, namespace, from) = (at.repo(), at.place.namespace, from.clone());
        let entry = from.tell(self.deed("delete_repo_permission", at));
        self.db()
            .write(async move |tx| -> Result<()> {
                let gone = match from.find(tx, namespace).await? {
                    Found::User(user) => perms::remove_user(tx, id, user).await?,
                    Found::Team(team) => perms::remove_team(tx, id, team).await?,
                };
                if !gone {
                    return Err(Missing::Permission.into());
                }
                entry.record(tx).await?;
                Ok(())
            })
            .await
    }

    /// Every role that somebody has on a repository: given to them, to their teams, or by owning its namespace.
    pub async fn transitive_roles(
        &self,
        at: &Allowed<Administer>,
        username: &str,
    ) -> Result<Vec<RepositoryRole>> {
        let (id, namespace) = (at.repo(), at.place.namespace);
        self.db()
            .read(async |c| -> Result<_> {
                let user = users::by_name(c, username).await?.ok_or(Missing::User)?;
                let grants = perms::grants(c, id, namespace, user.id).await?;
                let owns = user.id == namespace || grants.org == Some(orgs::TeamRole::Admin);
                let mut roles: Vec<RepositoryRole> =
                    [grants.user, grants.team].into_iter().flatten().map(RepositoryRole::from).collect();
                roles.extend(owns.then_some(RepositoryRole::Admin));
                roles.sort_unstable();
                roles.dedup();
                Ok(roles)
            })
            .await
    }

    fn deed(&self, kind: &'static str, at: &Allowed<Administer>) -> Entry {
        Entry::by(kind, &at.caller, self.now_ms())
            .on_repo(at.place.namespace, at.repo())
            .detail("repo", at.place.name.repository())
            .detail("namespace", at.place.name.namespace())
    }
}

/// The row behind a [`Grantee`].
pub(crate) enum Found {
    User(UserId),
    Team(TeamId),
}

impl Grantee {
    pub(crate) fn tell(&self, entry: Entry) -> Entry {
        match self {
            Self::User(name) => entry.detail("username", &**name),
            Self::Team(name) => entry.detail("team", &**name),
        }
    }

    /// The row behind the name. Robots get permissions only within their own namespace.
    pub(crate) async fn find(&self, tx: &mut Tx, namespace: UserId) -> Result<Found> {
        match self {
            Self::Team(name) => {
                Ok(Found::Team(orgs::team(tx, namespace, name).await?.ok_or(Missing::Team)?.id))
            }
            Self::User(name) => {
                let user = users::by_name(tx, name).await?.ok_or(Missing::User)?;
                match user.kind {
                    Kind::User => Ok(Found::User(user.id)),
                    Kind::Robot if user.owner == Some(namespace) => Ok(Found::User(user.id)),
                    Kind::Robot => Err(Error::bad_request("This robot belongs to another namespace")),
                    Kind::Organization => Err(Missing::User.into()),
                }
            }
        }
    }
}

impl RepositoryRole {
    /// The role in Quay's words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl From<Role> for RepositoryRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Read => Self::Read,
            Role::Write => Self::Write,
            Role::Admin => Self::Admin,
        }
    }
}

impl From<RepositoryRole> for Role {
    fn from(role: RepositoryRole) -> Self {
        match role {
            RepositoryRole::Read => Self::Read,
            RepositoryRole::Write => Self::Write,
            RepositoryRole::Admin => Self::Admin,
        }
    }
}

fn check_description(description: &str) -> Result<()> {
    if description.len() > LONGEST_DESCRIPTION {
        return Err(Error::bad_request(format!("The description has more than {LONGEST_DESCRIPTION} bytes")));
    }
    Ok(())
}

pub(crate) fn shown(repo: rows::Repo) -> Repository {
    Repository {
        id: repo.id.0,
        namespace: repo.namespace_name,
        name: repo.name,
        visibility: repo.visibility,
        description: repo.description,
        state: match repo.state {
            State::Normal => "NORMAL",
            State::ReadOnly => "READ_ONLY",
            State::Mirror => "MIRROR",
            State::Deleted => "MARKED_FOR_DELETION",
        },
        created: timestamp(repo.created_ms),
        modified: timestamp(repo.modified_ms),
    }
}
