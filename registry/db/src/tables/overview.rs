//! Lists as people look at them: namespaces with their numbers, repositories sorted and searched, robots with what
//! they may do, and who has permissions in an organization. One page costs the same few statements whatever is on it.

use super::orgs::{self, Member, TeamRole};
use super::perms::Role;
use super::repos::{self, Repo, visible};
use super::robots::{self, Robot};
use super::users::Kind;
use crate::engine::{Conn, Row, params, statements};
use crate::{Error, UserId};

/// A namespace with its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// User or organization.
    pub kind: Kind,
    /// Its e-mail address.
    pub email: Option<String>,
    /// When it was made.
    pub created_ms: i64,
    /// The highest role of whoever asks in its teams.
    pub role: Option<TeamRole>,
    /// Repositories that whoever asks may read.
    pub repositories: i64,
    /// Teams.
    pub teams: i64,
    /// People in teams.
    pub members: i64,
    /// Robots.
    pub robots: i64,
    /// When anything in it was last pushed to.
    pub modified_ms: Option<i64>,
}

/// Who is looking at repositories.
#[derive(Clone, Copy, Debug)]
pub struct Looker {
    /// The account; None for nobody.
    pub me: Option<UserId>,
    /// Whether all repositories may be read.
    pub everything: bool,
}

/// Which repositories, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By namespace and name.
    Name,
    /// By the time of the last push.
    Modified,
}

/// Where a page of repositories begins: behind this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behind<'a> {
    /// In a list by name.
    Name {
        /// Its namespace.
        namespace: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// In a list by time.
    Modified {
        /// Its time.
        ms: i64,
        /// Its id.
        id: i64,
    },
}

/// A page of repositories.
#[derive(Clone, Debug)]
pub struct RepoPage<'a> {
    /// Of this namespace only.
    pub namespace: Option<UserId>,
    /// Names that contain this; `%`, `_` and `\` are escaped by `\`.
    pub search: &'a str,
    /// In which order.
    pub order: Order,
    /// The other way round.
    pub descending: bool,
    /// Where it begins.
    pub behind: Option<Behind<'a>>,
    /// How many.
    pub limit: u32,
}

/// A repository, and whether whoever asks has given it a star.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StarredRepo {
    /// The repository.
    pub repo: Repo,
    /// Whether there is a star.
    pub starred: bool,
}

/// A permission in an organization, given to somebody directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// To whom.
    pub user: Member,
    /// On which of its repositories.
    pub repo: String,
    /// Whether everybody may read that.
    pub public: bool,
    /// What.
    pub role: Role,
}

macro_rules! numbers {
    () => {
        concat!(
            "SELECT u.id, u.username, u.kind, u.email, u.created_ms, \
         (SELECT max(t.role) FROM team_members m JOIN teams t ON t.id = m.team_id \
          WHERE m.user_id = $1 AND t.org_id = u.id), \
         (CASE WHEN $2 = 1 OR EXISTS (SELECT 1 FROM team_members m JOIN teams t ON t.id = m.team_id \
                                      WHERE m.user_id = $1 AND t.org_id = u.id AND t.role = 2) \
          THEN (SELECT count(*) FROM repositories r WHERE r.namespace_id = u.id AND r.state < 3) \
          ELSE (SELECT count(*) FROM repositories r WHERE r.namespace_id = u.id AND r.state < 3 AND ",
            visible!(),
            ") END), \
         (SELECT count(*) FROM teams t WHERE t.org_id = u.id), \
         (SELECT count(DISTINCT m.user_id) FROM teams t JOIN team_members m ON m.team_id = t.id \
          JOIN users p ON p.id = m.user_id WHERE t.org_id = u.id AND p.kind = 0), \
         (SELECT count(*) FROM users b WHERE b.owner_id = u.id), \
         (SELECT max(r.modified_ms) FROM repositories r WHERE r.namespace_id = u.id AND r.state < 3) \
         FROM users u "
        )
    };
}

macro_rules! repositories {
    ($where:literal) => {
        concat!(
            "SELECT ",
            repos::columns!(),
            ", EXISTS (SELECT 1 FROM stars s WHERE s.user_id = $1 AND s.repo_id = r.id) \
             FROM repositories r JOIN users u ON u.id = r.namespace_id \
             WHERE r.state < 3 AND ($2 = 1 OR ",
            visible!(),
            ") AND r.name LIKE '%' || $3 || '%' ESCAPE '\\' AND ",
            $where,
            " LIMIT $4"
        )
    };
}

statements! {
    // Sorted: no more than somebody's own memberships.
    MINE = concat!(numbers!(), "WHERE (u.id = $1 OR u.id IN
              (SELECT t.org_id FROM team_members m JOIN teams t ON t.id = m.team_id WHERE m.user_id = $1))
              AND u.username > $3 AND u.username LIKE '%' || $4 || '%' ESCAPE '\\' AND u.retired_ms IS NULL
              ORDER BY u.username LIMIT $5");
    EVERY = concat!(numbers!(), "WHERE u.kind = 1
              AND u.username > $3 AND u.username LIKE '%' || $4 || '%' ESCAPE '\\' AND u.retired_ms IS NULL
              ORDER BY u.username LIMIT $5");
    ONE = concat!(numbers!(), "WHERE u.id = $3");
    IN_BY_NAME = repositories!("r.namespace_id = $5 AND r.name > $6 ORDER BY r.name");
    IN_BY_NAME_DOWN = repositories!("r.namespace_id = $5 AND r.name < $6 ORDER BY r.name DESC");
    IN_BY_TIME = repositories!("r.namespace_id = $5 AND (r.modified_ms, r.id) > ($6, $7)
              ORDER BY r.modified_ms, r.id");
    IN_BY_TIME_DOWN = repositories!("r.namespace_id = $5 AND (r.modified_ms, r.id) < ($6, $7)
              ORDER BY r.modified_ms DESC, r.id DESC");
    BY_NAME = repositories!("(u.username, r.name) > ($5, $6) AND u.username >= $5 ORDER BY u.username, r.name");
    BY_NAME_DOWN = repositories!("(u.username, r.name) < ($5, $6) AND u.username <= $5
              ORDER BY u.username DESC, r.name DESC");
    BY_TIME = repositories!("(r.modified_ms, r.id) > ($5, $6) ORDER BY r.modified_ms, r.id");
    BY_TIME_DOWN = repositories!("(r.modified_ms, r.id) < ($5, $6) ORDER BY r.modified_ms DESC, r.id DESC");
    STARRED = concat!("SELECT ", repos::columns!(), ", 1
              FROM stars s JOIN repositories r ON r.id = s.repo_id JOIN users u ON u.id = r.namespace_id
              WHERE s.user_id = $1 AND r.state < 3 AND ($2 = 1 OR ", visible!(), ")
              ORDER BY u.username, r.name");
    ROBOTS = concat!("SELECT ", robots::columns!(), " FROM users u JOIN robots r ON r.user_id = u.id
              WHERE u.owner_id = $1 AND u.username > $2 AND u.username LIKE '%+%' || $3 || '%' ESCAPE '\\'
              ORDER BY u.username LIMIT $4");
    ROBOT_TEAMS = "SELECT u.id, u.username, u.kind, t.name
              FROM users u JOIN team_members m ON m.user_id = u.id JOIN teams t ON t.id = m.team_id
              WHERE u.owner_id = $1 AND u.username >= $2 AND u.username <= $3 ORDER BY u.username, t.name";
    ROBOT_GRANTS = "SELECT u.id, u.username, u.kind, r.name, r.visibility, g.role
              FROM users u JOIN user_grants g ON g.user_id = u.id JOIN repositories r ON r.id = g.repo_id
              WHERE u.owner_id = $1 AND u.username >= $2 AND u.username <= $3 AND r.state < 3
              ORDER BY u.username, r.name";
    GIVEN = "SELECT u.id, u.username, u.kind, r.name, r.visibility, g.role
              FROM repositories r JOIN user_grants g ON g.repo_id = r.id JOIN users u ON u.id = g.user_id
              WHERE r.namespace_id = $1 AND r.state < 3 ORDER BY u.username, r.name";
}

fn namespace(row: &Row<'_>) -> Result<Namespace, Error> {
    Ok(Namespace {
        id: row.get(0)?,
        name: row.get(1)?,
        kind: row.get(2)?,
        email: row.get(3)?,
        created_ms: row.get(4)?,
        role: row.get(5)?,
        repositories: row.get(6)?,
        teams: row.get(7)?,
        members: row.get(8)?,
        robots: row.get(9)?,
        modified_ms: row.get(10)?,
    })
}

fn starred(row: &Row<'_>) -> Result<StarredRepo, Error> {
    Ok(StarredRepo { repo: repos::repo(row)?, starred: row.get(11)? })
}

fn given(row: &Row<'_>) -> Result<Given, Error> {
    Ok(Given {
        user: orgs::member(row)?,
        repo: row.get(3)?,
        public: row.get::<i64>(4)? == 1,
        role: row.get(5)?,
    })
}

fn in_team(row: &Row<'_>) -> Result<(UserId, String), Error> {
    Ok((row.get(0)?, row.get(3)?))
}

/// What a text of a stranger's stands for between two `%` of a LIKE pattern.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Namespaces by name: one's own and the organizations one is in, or every organization. A scan.
pub async fn namespaces(
    c: &mut Conn,
    me: UserId,
    every: bool,
    search: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Namespace>, Error> {
    let sql = if every { EVERY } else { MINE };
    c.all(sql, params![me, every, after.unwrap_or(""), search, limit], namespace).await
}

/// One namespace with its numbers. A scan.
pub async fn one(c: &mut Conn, who: Looker, id: UserId) -> Result<Option<Namespace>, Error> {
    c.opt(ONE, params![who.me.unwrap_or(UserId(0)), who.everything, id], namespace).await
}

/// A page of the repositories that somebody may read. A scan.
pub async fn repositories(c: &mut Conn, who: Looker, page: &RepoPage<'_>) -> Result<Vec<StarredRepo>, Error> {
    let RepoPage { namespace, search, order, descending, behind, limit } = page;
    let me = who.me.unwrap_or(UserId(0));
    let (everything, limit, down) = (who.everything, *limit, *descending);
    // No name has a character of this height or above.
    let (first, last) = ("", "\u{7f}");
    match (order, namespace) {
        (Order::Name, of) => {
            let edge = if down { last } else { first };
            let (namespace, name) = match behind {
                Some(Behind::Name { namespace, name }) => (*namespace, *name),
                _ => (edge, edge),
            };
            match of {
                Some(of) => {
                    let sql = if down { IN_BY_NAME_DOWN } else { IN_BY_NAME };
                    c.all(sql, params![me, everything, *search, limit, *of, name], starred).await
                }
                None => {
                    let sql = if down { BY_NAME_DOWN } else { BY_NAME };
                    c.all(sql, params![me, everything, *search, limit, namespace, name], starred).await
                }
            }
        }
        (Order::Modified, of) => {
            let edge = if down { i64::MAX } else { i64::MIN };
            let (ms, id) = match behind {
                Some(Behind::Modified { ms, id }) => (*ms, *id),
                _ => (edge, edge),
            };
            match of {
                Some(of) => {
                    let sql = if down { IN_BY_TIME_DOWN } else { IN_BY_TIME };
                    c.all(sql, params![me, everything, *search, limit, *of, ms, id], starred).await
                }
                None => {
                    let sql = if down { BY_TIME_DOWN } else { BY_TIME };
                    c.all(sql, params![me, everything, *search, limit, ms, id], starred).await
                }
            }
        }
    }
}

/// The repositories to which somebody gave a star, so far as they may be read, by name.
pub async fn starred_by(c: &mut Conn, me: UserId, everything: bool) -> Result<Vec<StarredRepo>, Error> {
    c.all(STARRED, params![me, everything], starred).await
}

/// Robots of a namespace by name, whose own name contains a text.
pub async fn robots(
    c: &mut Conn,
    owner: UserId,
    search: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Robot>, Error> {
    c.all(ROBOTS, params![owner, after.unwrap_or(""), search, limit], robots::robot).await
}

/// Teams of the robots of a namespace from one name to another: (robot, team).
pub async fn robot_teams(
    c: &mut Conn,
    owner: UserId,
    from: &str,
    to: &str,
) -> Result<Vec<(UserId, String)>, Error> {
    c.all(ROBOT_TEAMS, params![owner, from, to], in_team).await
}

/// Permissions of the robots of a namespace from one name to another.
pub async fn robot_grants(c: &mut Conn, owner: UserId, from: &str, to: &str) -> Result<Vec<Given>, Error> {
    c.all(ROBOT_GRANTS, params![owner, from, to], given).await
}

/// Permissions on repositories of a namespace that were given directly, by the name of who has them.
pub async fn given_in(c: &mut Conn, namespace: UserId) -> Result<Vec<Given>, Error> {
    c.all(GIVEN, params![namespace], given).await
}
