//! Lists as people look at them: namespaces with their numbers, repositories sorted and searched, robots with what
//! they may do, and who can do what in an organization. A page costs the same few reads whatever is on it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use quay_db::UserId;
use quay_db::tables::orgs::{self, TeamRole};
use quay_db::tables::overview::{self as rows, Behind, Looker, Order, RepoPage};
use quay_db::tables::perms;
use quay_db::tables::users::{self, Kind};

use crate::auth::ApiScopes;
use crate::caller::Caller;
use crate::clock::timestamp;
use crate::core::Core;
use crate::error::{Error, Missing, Refusal, Result};
use crate::orgs::{Member, member, organization};
use crate::page::{Page, cut};
use crate::perms::{Account, Allowed, ManageNamespace, ViewNamespace};
use crate::repos::{Repository, shown};
use crate::robots::{RepositoryPermission, Robot};
use crate::sight::Sight;

/// Rows on a page at most.
const A_PAGE: u32 = 100;
/// Longest text that is searched for.
const LONGEST_SEARCH: usize = 255;

/// An organization or a person's own namespace, with its numbers, as one asker sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// An organization; a person's own namespace otherwise.
    pub organization: bool,
    /// Its e-mail address; for members only.
    pub email: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Whether the asker manages it.
    pub is_admin: bool,
    /// Whether the asker belongs to it.
    pub is_member: bool,
    /// Whether the asker may create repositories in it.
    pub can_create: bool,
    /// Repositories that the asker may pull from.
    pub repositories: u64,
    /// Teams; for members only, else 0.
    pub teams: u64,
    /// People in teams; for members only, else 0.
    pub members: u64,
    /// Robots; for members only, else 0.
    pub robots: u64,
    /// When it was last pushed to; for members only.
    pub modified: Option<Timestamp>,
    /// How long deleted tags can be restored, in seconds; 0 in lists.
    pub tag_expiration_s: i64,
}

/// Which namespaces.
#[derive(Debug, Clone, Copy, Default)]
pub struct NamespaceQuery<'a> {
    /// Names that contain this.
    pub search: Option<&'a str>,
    /// The last name of the page before.
    pub last: Option<&'a str>,
    /// How many, up to 100.
    pub limit: u32,
    /// Every organization there is; for superusers only, without effect for others.
    pub every: bool,
}

/// The order of repositories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RepositorySort {
    /// By namespace and name.
    #[default]
    Name,
    /// By the time of the last change.
    Modified,
}

/// Which repositories.
#[derive(Debug, Clone, Default)]
pub struct RepositoryQuery {
    /// Of this namespace only.
    pub namespace: Option<String>,
    /// Names, without the namespace, that contain this.
    pub search: Option<String>,
    /// In which order.
    pub sort: RepositorySort,
    /// The other way round.
    pub descending: bool,
    /// Only public ones, whoever asks.
    pub public_only: bool,
    /// [`RepositoryRows::next`] of the page before.
    pub after: Option<String>,
    /// How many, up to 100.
    pub limit: u32,
}

/// A repository in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryRow {
    /// The repository.
    pub repository: Repository,
    /// Whether the asker has given it a star.
    pub starred: bool,
}

/// A page of repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryRows {
    /// The repositories.
    pub rows: Vec<RepositoryRow>,
    /// Where the next page begins, when there is one.
    pub next: Option<String>,
}

/// A robot with what it may do.
#[derive(Debug, Clone)]
pub struct RobotRow {
    /// The robot.
    pub robot: Robot,
    /// Its teams; for those who manage the namespace.
    pub teams: Vec<String>,
    /// Its own permissions; for those who manage the namespace.
    pub repositories: Vec<RepositoryPermission>,
}

impl Core {
    /// Namespaces of a person by name, with their numbers: their own and the organizations they are in.
    pub async fn namespaces(
        &self,
        who: &Allowed<Account>,
        query: &NamespaceQuery<'_>,
    ) -> Result<Page<Namespace>> {
        let covered = who.caller.ceiling.reaches(ApiScopes::SUPER_USER);
        let every = query.every && covered && self.is_superuser(&who.place.name);
        let n = query.limit.clamp(1, A_PAGE);
        let (me, search) = (who.place.id, pattern(query.search)?);
        let last = query.last.map(str::to_owned);
        let found = self
            .db()
            .scan(async move |c| rows::namespaces(c, me, every, &search, last.as_deref(), n + 1).await)
            .await?;
        let owner_of_all = self.owns_everything(&who.caller);
        Ok(cut(found, n as usize).map(|row| namespace(row, me, owner_of_all, every)))
    }

    /// A namespace as the caller sees it: everybody may know that it exists.
    pub async fn namespace(&self, caller: &Caller, name: &str) -> Result<Namespace> {
        if caller.is_anonymous() && !self.rules().anonymous_access {
            return Err(Refusal::Challenge { scope: None }.into());
        }
        let (home, rights) = self.namespace_standing(caller, name).await?.ok_or(Missing::Organization)?;
        let reading = ApiScopes::ORG_ADMIN
            .with(ApiScopes::REPO_READ)
            .with(ApiScopes::USER_READ)
            .with(ApiScopes::USER_ADMIN);
        let belongs = rights.belongs && caller.ceiling.reaches(reading);
        let (id, looker) = (home.id, self.looker(caller));
        let (row, owner) = self
            .db()
            .scan(async move |c| -> Result<_> {
                let row = rows::one(c, looker, id).await?.ok_or(Missing::Organization)?;
                Ok((row, users::get(c, id).await?.ok_or(Missing::Organization)?))
            })
            .await?;
        let me = caller.user_id().map_or(UserId(0), UserId);
        let full = namespace(row, me, false, belongs);
        Ok(Namespace {
            is_admin: home.manages,
            is_member: belongs,
            can_create: rights.create && caller.ceiling.reaches(ApiScopes::REPO_CREATE),
            email: full.email.filter(|_| belongs),
            teams: if belongs { full.teams } else { 0 },
            members: if belongs { full.members } else { 0 },
            robots: if belongs { full.robots } else { 0 },
            modified: full.modified.filter(|_| belongs),
            tag_expiration_s: owner.tag_expiration_s,
            ..full
        })
    }

    /// Repositories that the caller may pull from, sorted, searched, in pages.
    pub async fn repository_rows(&self, caller: &Caller, query: &RepositoryQuery) -> Result<RepositoryRows> {
        if caller.is_anonymous() && !self.rules().anonymous_access {
            return Ok(RepositoryRows { rows: Vec::new(), next: None });
        }
        let looker = match query.public_only {
            true => Looker { me: None, everything: false },
            false => self.looker(caller),
        };
        let n = query.limit.clamp(1, A_PAGE);
        let place = query.after.as_deref().map(|text| Place::read(text, query.sort)).transpose()?;
        let search = pattern(query.search.as_deref())?;
        let RepositoryQuery { namespace, sort, descending, .. } = query.clone();
        let found = self
            .db()
            .scan(async move |c| -> Result<_> {
                let namespace = match namespace {
                    Some(name) => match users::by_name(c, &name).await? {
                        Some(owner) if owner.kind != Kind::Robot => Some(owner.id),
                        _ => return Ok(Vec::new()),
                    },
                    None => None,
                };
                let page = RepoPage {
                    namespace,
                    search: &search,
                    order: match sort {
                        RepositorySort::Name => Order::Name,
                        RepositorySort::Modified => Order::Modified,
                    },
                    descending,
                    behind: place.as_ref().map(Place::behind),
                    limit: n + 1,
                };
                Ok(rows::repositories(c, looker, &page).await?)
            })
            .await?;
        let page = cut(found, n as usize).map(repository_row);
        let next = page.items.last().filter(|_| page.more).map(|last| Place::of(last, sort).written());
        Ok(RepositoryRows { rows: page.items, next })
    }

    /// Robots of a namespace by name, whose short name contains a text, with what they may do.
    pub async fn robot_rows(
        &self,
        at: &Allowed<ViewNamespace>,
        search: Option<&str>,
        with_tokens: bool,
        n: u32,
        last: Option<&str>,
    ) -> Result<Page<RobotRow>> {
        let (owner, manages, n) = (at.place.id, at.place.manages, n.clamp(1, A_PAGE));
        let (search, last) = (pattern(search)?, last.map(str::to_owned));
        let (found, teams, grants) = self
            .db()
            .scan(async move |c| -> Result<_> {
                let found = rows::robots(c, owner, &search, last.as_deref(), n + 1).await?;
                let (Some(first), Some(last), true) = (found.first(), found.last(), manages) else {
                    return Ok((found, Vec::new(), Vec::new()));
                };
                let (from, to) = (first.username.clone(), last.username.clone());
                let teams = rows::robot_teams(c, owner, &from, &to).await?;
                Ok((found, teams, rows::robot_grants(c, owner, &from, &to).await?))
            })
            .await?;
        let mut teams_of: BTreeMap<UserId, Vec<String>> = BTreeMap::new();
        for (robot, team) in teams {
            teams_of.entry(robot).or_default().push(team);
        }
        let mut grants_of: BTreeMap<UserId, Vec<RepositoryPermission>> = BTreeMap::new();
        for given in grants {
            grants_of.entry(given.user.id).or_default().push(RepositoryPermission {
                repository: given.repo,
                namespace: at.namespace().to_owned(),
                public: given.public,
                role: given.role.into(),
            });
        }
        let page = cut(found, n as usize);
        let mut items = Vec::with_capacity(page.items.len());
        for row in page.items {
            let id = row.user;
            items.push(RobotRow {
                robot: self.shown_robot(row, with_tokens && manages)?,
                teams: teams_of.remove(&id).unwrap_or_default(),
                repositories: grants_of.remove(&id).unwrap_or_default(),
            });
        }
        Ok(Page { items, more: page.more })
    }

    /// Everybody in an organization's teams, with the repositories on which they have permissions of their own.
    pub async fn organization_members(&self, at: &Allowed<ManageNamespace>) -> Result<Vec<Member>> {
        let id = organization(at)?;
        let (members, given) = self
            .db()
            .scan(async move |c| -> Result<_> {
                Ok((orgs::org_members(c, id).await?, rows::given_in(c, id).await?))
            })
            .await?;
        let mut own = by_holder(given);
        let member = |found: orgs::OrgMember| Member {
            teams: found.teams,
            repositories: own
                .remove(&found.user.id)
                .map(|(_, repositories)| repositories)
                .unwrap_or_default(),
            ..member(found.user)
        };
        Ok(members.into_iter().map(member).collect())
    }

    /// People who have permissions on repositories of an organization and are in none of its teams.
    pub async fn collaborators(&self, at: &Allowed<ManageNamespace>) -> Result<Vec<Member>> {
        let id = organization(at)?;
        let (members, given) = self
            .db()
            .scan(async move |c| -> Result<_> {
                Ok((orgs::org_members(c, id).await?, rows::given_in(c, id).await?))
            })
            .await?;
        let inside: BTreeSet<UserId> = members.into_iter().map(|found| found.user.id).collect();
        let mut found: Vec<Member> = by_holder(given)
            .into_iter()
            .filter(|(id, (who, _))| !inside.contains(id) && who.kind == Kind::User)
            .map(|(_, (who, repositories))| Member { repositories, ..member(who) })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The repositories on which a team has a permission.
    pub async fn team_permissions(
        &self,
        at: &Allowed<ManageNamespace>,
        team: &str,
    ) -> Result<Vec<RepositoryPermission>> {
        let id = organization(at)?;
        let found = self
            .db()
            .read(async |c| -> Result<_> {
                let team = orgs::team(c, id, team).await?.ok_or(Missing::Team)?;
                Ok(perms::of_team(c, team.id).await?)
            })
            .await?;
        Ok(found.into_iter().map(RepositoryPermission::from).collect())
    }

    /// Who looks at lists.
    pub(crate) fn looker(&self, caller: &Caller) -> Looker {
        match self.sight(caller) {
            Sight::Everything => Looker { me: caller.user_id().map(UserId), everything: true },
            Sight::Of(me) => Looker { me: Some(me), everything: false },
            Sight::Named(_) | Sight::Public => Looker { me: None, everything: false },
        }
    }

    fn owns_everything(&self, caller: &Caller) -> bool {
        let rules = self.rules();
        rules.superusers_full_access
            && caller
                .person()
                .is_some_and(|me| rules.is_superuser(&me.name) && !rules.reads_everything(&me.name))
    }
}

fn by_holder(given: Vec<rows::Given>) -> BTreeMap<UserId, (orgs::Member, Vec<String>)> {
    let mut by: BTreeMap<UserId, (orgs::Member, Vec<String>)> = BTreeMap::new();
    for rows::Given { user, repo, .. } in given {
        by.entry(user.id).or_insert_with(|| (user, Vec::new())).1.push(repo);
    }
    by
}

fn namespace(row: rows::Namespace, me: UserId, owner_of_all: bool, inside: bool) -> Namespace {
    let own = row.kind == Kind::User && row.id == me;
    let is_admin = own || owner_of_all || row.role == Some(TeamRole::Admin);
    let number = |n: i64| n.cast_unsigned();
    let is_member = is_admin || row.role.is_some();
    let told = is_member || inside;
    Namespace {
        name: row.name,
        organization: row.kind == Kind::Organization,
        email: row.email.filter(|_| told),
        created: timestamp(row.created_ms),
        is_admin,
        is_member,
        can_create: is_admin || row.role >= Some(TeamRole::Creator),
        repositories: number(row.repositories),
        teams: number(row.teams),
        members: number(row.members),
        robots: number(row.robots),
        modified: row.modified_ms.map(timestamp).filter(|_| told),
        tag_expiration_s: 0,
    }
}

pub(crate) fn repository_row(row: rows::StarredRepo) -> RepositoryRow {
    RepositoryRow { repository: shown(row.repo), starred: row.starred }
}

/// A text to search for, as a part of a pattern. Names have no capital letters.
pub(crate) fn pattern(search: Option<&str>) -> Result<String> {
    let text = search.unwrap_or_default().trim().to_lowercase();
    if text.len() > LONGEST_SEARCH {
        return Err(Error::bad_request(format!(
            "the text to search for is longer than {LONGEST_SEARCH} bytes"
        )));
    }
    Ok(rows::escaped(&text))
}

/// A place in a list of repositories, which clients get as a text without a meaning to them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Name { namespace: String, name: String },
    Modified { ms: i64, id: i64 },
}

impl Place {
    fn of(row: &RepositoryRow, sort: RepositorySort) -> Self {
        let Repository { id, namespace, name, modified, .. } = &row.repository;
        match sort {
            RepositorySort::Name => Self::Name { namespace: namespace.clone(), name: name.clone() },
            RepositorySort::Modified => Self::Modified { ms: modified.as_millisecond(), id: *id },
        }
    }

    fn written(&self) -> String {
        match self {
            Self::Name { namespace, name } => format!("{namespace}/{name}"),
            Self::Modified { ms, id } => format!("{ms}-{id}"),
        }
    }

    fn read(text: &str, sort: RepositorySort) -> Result<Self> {
        let place = match sort {
            RepositorySort::Name => text.split_once('/').map(|(namespace, name)| Self::Name {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            }),
            RepositorySort::Modified => text
                .split_once('-')
                .and_then(|(ms, id)| Some(Self::Modified { ms: ms.parse().ok()?, id: id.parse().ok()? })),
        };
        place.ok_or_else(|| Error::bad_request("the place of the next page is not valid: begin anew"))
    }

    fn behind(&self) -> Behind<'_> {
        match self {
            Self::Name { namespace, name } => Behind::Name { namespace, name },
            Self::Modified { ms, id } => Behind::Modified { ms: *ms, id: *id },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_only_for_its_own_order() {
        let name = Place::Name { namespace: "charts".to_owned(), name: "a/b-1".to_owned() };
        assert_eq!(Place::read(&name.written(), RepositorySort::Name).unwrap(), name);
        let time = Place::Modified { ms: 1_800_000_000_000, id: 7 };
        assert_eq!(Place::read(&time.written(), RepositorySort::Modified).unwrap(), time);
        assert!(Place::read(&time.written(), RepositorySort::Name).is_err());
        assert!(Place::read(&name.written(), RepositorySort::Modified).is_err());
    }

    #[test]
    fn what_is_searched_for_has_no_wildcards() {
        assert_eq!(pattern(Some(" A%_\\b ")).unwrap(), "a\\%\\_\\\\b");
        assert_eq!(pattern(None).unwrap(), "");
        assert!(pattern(Some(&"x".repeat(256))).is_err());
    }
}
