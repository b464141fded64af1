//! Teams of organizations, who is in them, and what role that gives in the organization.

use super::users::{self, Kind, User};
use crate::engine::{Conn, Row, Tx, coded, first, params, statements};
use crate::{Error, TeamId, UserId};

coded! {
    /// What a team may do in its organization; a later one includes the earlier.
    pub enum TeamRole {
        /// Only what permissions of the team give.
        Member = 0,
        /// May make repositories.
        Creator = 1,
        /// May do everything.
        Admin = 2,
    }
}

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// Its organization.
    pub org: UserId,
    /// Its name.
    pub name: String,
    /// Its role in the organization.
    pub role: TeamRole,
    /// What it is for.
    pub description: String,
    /// When it was made.
    pub created_ms: i64,
}

/// A team with its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamSummary {
    /// The team.
    pub team: Team,
    /// How many are in it.
    pub members: i64,
    /// How many repositories it has a permission on.
    pub repositories: i64,
}

/// Somebody in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub id: UserId,
    /// Their name.
    pub username: String,
    /// What they are.
    pub kind: Kind,
}

/// Somebody in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgMember {
    /// Who.
    pub user: Member,
    /// The teams they are in, by name.
    pub teams: Vec<String>,
}

/// An organization that a user is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgOfUser {
    /// The organization.
    pub org: User,
    /// The highest role there.
    pub role: TeamRole,
}

macro_rules! admin_count {
    () => {
        "SELECT count(DISTINCT u.id)
         FROM teams t JOIN team_members m ON m.team_id = t.id JOIN users u ON u.id = m.user_id
         WHERE t.org_id = $1 AND t.role = 2 AND u.kind = 0 AND u.enabled = $2"
    };
}
macro_rules! team_columns {
    () => {
        "t.id, t.org_id, t.name, t.role, t.description, t.created_ms"
    };
}

statements! {
    CREATE_TEAM = "INSERT INTO teams (org_id, name, role, description, created_ms) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (org_id, name) DO NOTHING RETURNING id";
    TEAM = concat!("SELECT ", team_columns!(), " FROM teams t WHERE t.org_id = $1 AND t.name = $2");
    TEAMS = concat!("SELECT ", team_columns!(), ",
                     (SELECT count(*) FROM team_members m WHERE m.team_id = t.id),
                     (SELECT count(*) FROM team_grants g WHERE g.team_id = t.id)
                     FROM teams t WHERE t.org_id = $1 ORDER BY t.name");
    TEAMS_BETWEEN = concat!("SELECT ", team_columns!(), " FROM teams t
                     WHERE t.org_id = $1 AND t.name >= $2 AND t.name < $3 ORDER BY t.name LIMIT $4");
    UPDATE_TEAM = "UPDATE teams SET role = $2, description = coalesce($3, description) WHERE id = $1";
    DELETE_TEAM = "DELETE FROM teams WHERE id = $1";
    ADD_MEMBER = "INSERT INTO team_members (team_id, user_id, created_ms) VALUES ($1, $2, $3)
                  ON CONFLICT (team_id, user_id) DO NOTHING";
    REMOVE_MEMBER = "DELETE FROM team_members WHERE team_id = $1 AND user_id = $2";
    MEMBERS = "SELECT u.id, u.username, u.kind FROM team_members m JOIN users u ON u.id = m.user_id
               WHERE m.team_id = $1 ORDER BY u.username";
    ORG_MEMBERS = "SELECT u.id, u.username, u.kind, t.name
                   FROM teams t JOIN team_members m ON m.team_id = t.id JOIN users u ON u.id = m.user_id
                   WHERE t.org_id = $1 ORDER BY u.username, t.name";
    REMOVE_FROM_ORG = "DELETE FROM team_members WHERE user_id = $2
                       AND team_id IN (SELECT t.id FROM teams t WHERE t.org_id = $1)";
    ROLE = "SELECT max(t.role) FROM team_members m JOIN teams t ON t.id = m.team_id
            WHERE m.user_id = $2 AND t.org_id = $1";
    OF_USER = concat!("SELECT ", users::columns!(), ",
               (SELECT max(t.role) FROM team_members m JOIN teams t ON t.id = m.team_id
                WHERE m.user_id = $1 AND t.org_id = u.id)
               FROM users u WHERE u.id IN
               (SELECT t.org_id FROM team_members m JOIN teams t ON t.id = m.team_id WHERE m.user_id = $1)
               ORDER BY u.username");
    ADMIN_COUNT = admin_count!();
    OTHER_ADMINS = concat!(admin_count!(), " AND u.id <> $3");
}

fn team_row(row: &Row<'_>) -> Result<Team, Error> {
    Ok(Team {
        id: row.get(0)?,
        org: row.get(1)?,
        name: row.get(2)?,
        role: row.get(3)?,
        description: row.get(4)?,
        created_ms: row.get(5)?,
    })
}

fn summary(row: &Row<'_>) -> Result<TeamSummary, Error> {
    Ok(TeamSummary { team: team_row(row)?, members: row.get(6)?, repositories: row.get(7)? })
}

pub(super) fn member(row: &Row<'_>) -> Result<Member, Error> {
    Ok(Member { id: row.get(0)?, username: row.get(1)?, kind: row.get(2)? })
}

fn membership(row: &Row<'_>) -> Result<(Member, String), Error> {
    Ok((member(row)?, row.get(3)?))
}

fn org_of_user(row: &Row<'_>) -> Result<OrgOfUser, Error> {
    Ok(OrgOfUser { org: users::user(row)?, role: row.get(20)? })
}

/// Makes a team; None when the organization has one of that name.
pub async fn create_team(
    tx: &mut Tx,
    org: UserId,
    name: &str,
    role: TeamRole,
    description: &str,
    now_ms: i64,
) -> Result<Option<Team>, Error> {
    let id: Option<TeamId> =
        tx.opt(CREATE_TEAM, params![org, name, role, description, now_ms], first).await?;
    Ok(id.map(|id| Team {
        id,
        org,
        name: name.to_owned(),
        role,
        description: description.to_owned(),
        created_ms: now_ms,
    }))
}

/// A team by name.
pub async fn team(c: &mut Conn, org: UserId, name: &str) -> Result<Option<Team>, Error> {
    c.opt(TEAM, params![org, name], team_row).await
}

/// All teams of an organization by name.
pub async fn teams(c: &mut Conn, org: UserId) -> Result<Vec<TeamSummary>, Error> {
    c.all(TEAMS, params![org], summary).await
}

/// Teams of an organization with names from one, included, to another, excluded.
pub async fn teams_between(
    c: &mut Conn,
    org: UserId,
    from: &str,
    to: &str,
    limit: u32,
) -> Result<Vec<Team>, Error> {
    c.all(TEAMS_BETWEEN, params![org, from, to, limit], team_row).await
}

/// Changes the role, and the description when one is given.
pub async fn update_team(
    tx: &mut Tx,
    id: TeamId,
    role: TeamRole,
    description: Option<&str>,
) -> Result<bool, Error> {
    tx.hit(UPDATE_TEAM, params![id, role, description]).await
}

/// Removes a team with its permissions.
pub async fn delete_team(tx: &mut Tx, id: TeamId) -> Result<bool, Error> {
    tx.hit(DELETE_TEAM, params![id]).await
}

/// Puts somebody into a team; false when they are in it.
pub async fn add_member(tx: &mut Tx, team: TeamId, user: UserId, now_ms: i64) -> Result<bool, Error> {
    tx.hit(ADD_MEMBER, params![team, user, now_ms]).await
}

/// Takes somebody out of a team.
pub async fn remove_member(tx: &mut Tx, team: TeamId, user: UserId) -> Result<bool, Error> {
    tx.hit(REMOVE_MEMBER, params![team, user]).await
}

/// Who is in a team, by name.
pub async fn members(c: &mut Conn, team: TeamId) -> Result<Vec<Member>, Error> {
    c.all(MEMBERS, params![team], member).await
}

/// Who is in any team of an organization, by name.
pub async fn org_members(c: &mut Conn, org: UserId) -> Result<Vec<OrgMember>, Error> {
    let mut members: Vec<OrgMember> = Vec::new();
    for (user, team) in c.all(ORG_MEMBERS, params![org], membership).await? {
        match members.last_mut() {
            Some(last) if last.user.id == user.id => last.teams.push(team),
            _ => members.push(OrgMember { user, teams: vec![team] }),
        }
    }
    Ok(members)
}

/// Takes somebody out of every team; gives how many those were.
pub async fn remove_from_org(tx: &mut Tx, org: UserId, user: UserId) -> Result<u64, Error> {
    tx.exec(REMOVE_FROM_ORG, params![org, user]).await
}

/// The highest role that somebody's teams give in an organization.
pub async fn role(c: &mut Conn, org: UserId, user: UserId) -> Result<Option<TeamRole>, Error> {
    c.one(ROLE, params![org, user], first).await
}

/// Organizations that somebody is in, by name.
pub async fn of_user(c: &mut Conn, user: UserId) -> Result<Vec<OrgOfUser>, Error> {
    c.all(OF_USER, params![user], org_of_user).await
}

/// How many people who can sign in administer an organization.
pub async fn admin_count(c: &mut Conn, org: UserId) -> Result<i64, Error> {
    c.one(ADMIN_COUNT, params![org, true], first).await
}

/// The same without one of them, who may be unable to sign in.
pub async fn other_admins(c: &mut Conn, org: UserId, but: UserId) -> Result<i64, Error> {
    c.one(OTHER_ADMINS, params![org, true, but], first).await
}
