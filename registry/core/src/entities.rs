//! Names that begin like this: what a field for people, robots, teams and organizations offers while somebody types.
//!
//! Names of accounts are public one by one. The list of them is not: nobody gets completions without logging in,
//! and robots and teams are named to those who belong to their namespace.

use quay_db::UserId;
use quay_db::tables::orgs;
use quay_db::tables::robots;
use quay_db::tables::users::{self, Kind};

use crate::caller::Caller;
use crate::core::Core;
use crate::error::{Error, Refusal, Result};
use crate::perms::{Allowed, ViewNamespace};

/// Of each kind at most.
const MOST: u32 = 10;
const LONGEST_PREFIX: usize = 255;
/// No name has a character of this height or above.
const ABOVE: char = '\u{7f}';

/// What is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct EntityQuery<'a> {
    /// How the names begin; for robots of the namespace, their short names.
    pub prefix: &'a str,
    /// The namespace in which something is to be given to them.
    pub namespace: Option<&'a str>,
    /// Teams of that organization as well.
    pub teams: bool,
    /// Organizations as well.
    pub organizations: bool,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityKind {
    /// A person.
    Person,
    /// A robot of the namespace.
    Robot,
    /// A team of the namespace.
    Team,
    /// An organization.
    Organization,
}

/// A name that begins like what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// The name.
    pub name: String,
    /// What it names.
    pub kind: EntityKind,
    /// Whether it belongs to the organization that was asked about; `None` where the caller may not know.
    pub in_organization: Option<bool>,
}

impl Core {
    /// Teams, people, robots and organizations whose names begin like this, ten of each at most.
    pub async fn entities(&self, caller: &Caller, query: &EntityQuery<'_>) -> Result<Vec<Entity>> {
        let prefix = query.prefix.trim().to_lowercase();
        if prefix.is_empty() || prefix.len() > LONGEST_PREFIX {
            return Err(Error::bad_request(format!(
                "a name to look for has 1 to {LONGEST_PREFIX} characters"
            )));
        }
        if caller.is_anonymous() && !self.rules().anonymous_access {
            return Err(Refusal::Challenge { scope: None }.into());
        }
        let inside = match query.namespace.filter(|_| !caller.is_anonymous()) {
            Some(namespace) => self.inside(caller, namespace).await?,
            None => None,
        };
        let range = match caller.is_anonymous() {
            true => Range { from: prefix.clone(), to: format!("{prefix}\u{1}") },
            false => Range { from: prefix.clone(), to: format!("{prefix}{ABOVE}") },
        };
        let teams = query.teams && inside.as_ref().is_some_and(|at| at.place.organization);
        let (organizations, home) = (query.organizations, inside.map(|at| at.place));
        self.db()
            .read(async |c| -> Result<_> {
                let mut found = Vec::new();
                if let (Some(home), true) = (&home, teams) {
                    let teams = orgs::teams_between(c, home.id, &range.from, &range.to, MOST).await?;
                    found.extend(
                        teams.into_iter().map(|team| entity(team.name, EntityKind::Team, Some(true))),
                    );
                }
                let organization = home.as_ref().filter(|home| home.organization).map(|home| home.id);
                for person in users::between(c, Kind::User, &range.from, &range.to, MOST).await? {
                    let member = is_member(c, organization, person.id).await?;
                    found.push(entity(person.username, EntityKind::Person, member));
                }
                if let Some(home) = &home {
                    let own = Range::of_robots(&home.name, &prefix);
                    for robot in robots::between(c, home.id, &own.from, &own.to, MOST).await? {
                        let member = home.organization.then_some(true);
                        found.push(entity(robot.username, EntityKind::Robot, member));
                    }
                }
                if organizations {
                    let orgs = users::between(c, Kind::Organization, &range.from, &range.to, MOST).await?;
                    let named = |org: users::User| entity(org.username, EntityKind::Organization, None);
                    found.extend(orgs.into_iter().map(named));
                }
                Ok(found)
            })
            .await
    }

    /// The namespace, for somebody who belongs to it.
    async fn inside(&self, caller: &Caller, namespace: &str) -> Result<Option<Allowed<ViewNamespace>>> {
        match self.allow_in(caller, namespace).await {
            Ok(at) => Ok(Some(at)),
            Err(Error::Refused(_) | Error::NotFound(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

/// Names from one, included, to another, excluded.
struct Range {
    from: String,
    to: String,
}

impl Range {
    /// Full names of robots, by the beginning of the short name or of the full one.
    fn of_robots(namespace: &str, prefix: &str) -> Self {
        let own = format!("{namespace}+");
        let from = if prefix.starts_with(&own) { prefix.to_owned() } else { format!("{own}{prefix}") };
        Self { to: format!("{from}{ABOVE}"), from }
    }
}

async fn is_member(
    c: &mut quay_db::Conn,
    organization: Option<UserId>,
    person: UserId,
) -> Result<Option<bool>> {
    match organization {
        Some(organization) => Ok(Some(orgs::role(c, organization, person).await?.is_some())),
        None => Ok(None),
    }
}

fn entity(name: String, kind: EntityKind, in_organization: Option<bool>) -> Entity {
    Entity { name, kind, in_organization }
}
