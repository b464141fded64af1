//! Default permissions: what is given on every repository that is made in an organization.

use super::orgs::Member;
use super::perms::Role;
use super::users::Kind;
use crate::engine::{Conn, Row, Tx, params, statements};
use crate::{Error, TeamId, UserId};

/// Who gets a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delegate {
    /// A person or a robot.
    User(Member),
    /// A team of the organization.
    Team {
        /// Which.
        id: TeamId,
        /// Its name.
        name: String,
    },
}

/// A default permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prototype {
    /// Its name in the API.
    pub uuid: String,
    /// Only repositories that this one makes; None for everybody's.
    pub activator: Option<Member>,
    /// Who gets it.
    pub delegate: Delegate,
    /// What.
    pub role: Role,
}

/// A default permission to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewPrototype<'a> {
    /// Its name in the API.
    pub uuid: &'a str,
    /// Where.
    pub org: UserId,
    /// Only repositories that this one makes.
    pub activator: Option<UserId>,
    /// The person or robot that gets it.
    pub user: Option<UserId>,
    /// The team that gets it; exactly one of both.
    pub team: Option<TeamId>,
    /// What.
    pub role: Role,
    /// Now.
    pub now_ms: i64,
}

macro_rules! select {
    () => {
        "SELECT p.uuid, p.role, a.id, a.username, a.kind, u.id, u.username, u.kind, t.id, t.name \
         FROM prototypes p LEFT JOIN users a ON a.id = p.activator_id LEFT JOIN users u ON u.id = p.user_id \
         LEFT JOIN teams t ON t.id = p.team_id "
    };
}

statements! {
    INSERT = "INSERT INTO prototypes (uuid, org_id, activator_id, user_id, team_id, role, created_ms)
              VALUES ($1, $2, $3, $4, $5, $6, $7)";
    LIST = concat!(select!(), "WHERE p.org_id = $1 ORDER BY p.id");
    GET = concat!(select!(), "WHERE p.uuid = $2 AND p.org_id = $1");
    COUNT = "SELECT count(*) FROM prototypes WHERE org_id = $1";
    SET_ROLE = "UPDATE prototypes SET role = $3 WHERE uuid = $2 AND org_id = $1";
    DELETE = "DELETE FROM prototypes WHERE uuid = $2 AND org_id = $1";
}

fn prototype(row: &Row<'_>) -> Result<Prototype, Error> {
    let member = |at: usize| -> Result<Option<Member>, Error> {
        let (id, username, kind): (Option<UserId>, Option<String>, Option<Kind>) =
            (row.get(at)?, row.get(at + 1)?, row.get(at + 2)?);
        Ok(id.zip(username).zip(kind).map(|((id, username), kind)| Member { id, username, kind }))
    };
    let delegate = match member(5)? {
        Some(user) => Delegate::User(user),
        None => Delegate::Team { id: row.get(8)?, name: row.get(9)? },
    };
    Ok(Prototype { uuid: row.get(0)?, role: row.get(1)?, activator: member(2)?, delegate })
}

/// Makes one.
pub async fn insert(tx: &mut Tx, new: &NewPrototype<'_>) -> Result<(), Error> {
    let NewPrototype { uuid, org, activator, user, team, role, now_ms } = *new;
    tx.exec(INSERT, params![uuid, org, activator, user, team, role, now_ms]).await.map(drop)
}

/// All of an organization, oldest first.
pub async fn list(c: &mut Conn, org: UserId) -> Result<Vec<Prototype>, Error> {
    c.all(LIST, params![org], prototype).await
}

/// One of an organization.
pub async fn get(c: &mut Conn, org: UserId, uuid: &str) -> Result<Option<Prototype>, Error> {
    c.opt(GET, params![org, uuid], prototype).await
}

/// How many an organization has.
pub async fn count(c: &mut Conn, org: UserId) -> Result<i64, Error> {
    c.one(COUNT, params![org], crate::engine::first).await
}

/// Changes what is given.
pub async fn set_role(tx: &mut Tx, org: UserId, uuid: &str, role: Role) -> Result<bool, Error> {
    tx.hit(SET_ROLE, params![org, uuid, role]).await
}

/// Removes one; permissions that came from it stay.
pub async fn delete(tx: &mut Tx, org: UserId, uuid: &str) -> Result<bool, Error> {
    tx.hit(DELETE, params![org, uuid]).await
}
