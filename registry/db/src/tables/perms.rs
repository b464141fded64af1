//! Permissions on repositories, given to users, robots and teams. What they mean is decided elsewhere.

use super::orgs::{self, Member, TeamRole};
use crate::engine::{Conn, Row, Tx, coded, params, statements};
use crate::{Error, RepoId, TeamId, UserId};

coded! {
    /// What may be done with a repository; a later one includes the earlier.
    pub enum Role {
        /// Pull.
        Read = 0,
        /// Pull and push.
        Write = 1,
        /// Everything.
        Admin = 2,
    }
}

/// What is written down for one user and one repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Given to the user.
    pub user: Option<Role>,
    /// The highest given to a team of theirs.
    pub team: Option<Role>,
    /// The highest role in the organization that owns it.
    pub org: Option<TeamRole>,
}

impl Grants {
    /// The highest given on the repository itself.
    pub fn best(&self) -> Option<Role> {
        self.user.max(self.team)
    }
}

/// A permission of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserGrant {
    /// Who.
    pub user: Member,
    /// What.
    pub role: Role,
}

/// A permission of a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamGrant {
    /// Which team.
    pub team: TeamId,
    /// Its name.
    pub name: String,
    /// What.
    pub role: Role,
}

/// A permission seen from its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoGrant {
    /// On which repository.
    pub repo: RepoId,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether everybody may read it.
    pub public: bool,
    /// What.
    pub role: Role,
}

statements! {
    GRANTS = "SELECT
        (SELECT g.role FROM user_grants g WHERE g.repo_id = $1 AND g.user_id = $3),
        (SELECT max(g.role) FROM team_members m JOIN team_grants g ON g.team_id = m.team_id AND g.repo_id = $1
         WHERE m.user_id = $3),
        (SELECT max(t.role) FROM team_members m JOIN teams t ON t.id = m.team_id
         WHERE m.user_id = $3 AND t.org_id = $2)";
    SET_USER = "INSERT INTO user_grants (repo_id, user_id, role) VALUES ($1, $2, $3)
                ON CONFLICT (repo_id, user_id) DO UPDATE SET role = excluded.role";
    REMOVE_USER = "DELETE FROM user_grants WHERE repo_id = $1 AND user_id = $2";
    SET_TEAM = "INSERT INTO team_grants (repo_id, team_id, role) VALUES ($1, $2, $3)
                ON CONFLICT (repo_id, team_id) DO UPDATE SET role = excluded.role";
    REMOVE_TEAM = "DELETE FROM team_grants WHERE repo_id = $1 AND team_id = $2";
    USERS = "SELECT u.id, u.username, u.kind, g.role FROM user_grants g JOIN users u ON u.id = g.user_id
             WHERE g.repo_id = $1 ORDER BY u.username";
    TEAMS = "SELECT t.id, t.name, g.role FROM team_grants g JOIN teams t ON t.id = g.team_id
             WHERE g.repo_id = $1 ORDER BY t.name";
    OF_USER = "SELECT r.id, n.username, r.name, r.visibility, g.role
               FROM user_grants g JOIN repositories r ON r.id = g.repo_id JOIN users n ON n.id = r.namespace_id
               WHERE g.user_id = $1 AND r.state < 3 ORDER BY n.username, r.name";
    OF_TEAM = "SELECT r.id, n.username, r.name, r.visibility, g.role
               FROM team_grants g JOIN repositories r ON r.id = g.repo_id JOIN users n ON n.id = r.namespace_id
               WHERE g.team_id = $1 AND r.state < 3 ORDER BY n.username, r.name";
}

fn grants_row(row: &Row<'_>) -> Result<Grants, Error> {
    Ok(Grants { user: row.get(0)?, team: row.get(1)?, org: row.get(2)? })
}

fn user_grant(row: &Row<'_>) -> Result<UserGrant, Error> {
    Ok(UserGrant { user: orgs::member(row)?, role: row.get(3)? })
}

fn team_grant(row: &Row<'_>) -> Result<TeamGrant, Error> {
    Ok(TeamGrant { team: row.get(0)?, name: row.get(1)?, role: row.get(2)? })
}

fn repo_grant(row: &Row<'_>) -> Result<RepoGrant, Error> {
    Ok(RepoGrant {
        repo: row.get(0)?,
        namespace: row.get(1)?,
        name: row.get(2)?,
        public: row.get::<i64>(3)? == 1,
        role: row.get(4)?,
    })
}

/// Everything written down for a user on a repository and in its namespace.
pub async fn grants(c: &mut Conn, repo: RepoId, namespace: UserId, user: UserId) -> Result<Grants, Error> {
    c.one(GRANTS, params![repo, namespace, user], grants_row).await
}

/// Gives or changes a user's permission.
pub async fn set_user(tx: &mut Tx, repo: RepoId, user: UserId, role: Role) -> Result<(), Error> {
    tx.exec(SET_USER, params![repo, user, role]).await.map(drop)
}

/// Takes a user's permission.
pub async fn remove_user(tx: &mut Tx, repo: RepoId, user: UserId) -> Result<bool, Error> {
    tx.hit(REMOVE_USER, params![repo, user]).await
}

/// Gives or changes a team's permission.
pub async fn set_team(tx: &mut Tx, repo: RepoId, team: TeamId, role: Role) -> Result<(), Error> {
    tx.exec(SET_TEAM, params![repo, team, role]).await.map(drop)
}

/// Takes a team's permission.
pub async fn remove_team(tx: &mut Tx, repo: RepoId, team: TeamId) -> Result<bool, Error> {
    tx.hit(REMOVE_TEAM, params![repo, team]).await
}

/// Users and robots with a permission on a repository, by name.
pub async fn users(c: &mut Conn, repo: RepoId) -> Result<Vec<UserGrant>, Error> {
    c.all(USERS, params![repo], user_grant).await
}

/// Teams with a permission on a repository, by name.
pub async fn teams(c: &mut Conn, repo: RepoId) -> Result<Vec<TeamGrant>, Error> {
    c.all(TEAMS, params![repo], team_grant).await
}

/// Repositories on which a user or robot itself has a permission.
pub async fn of_user(c: &mut Conn, user: UserId) -> Result<Vec<RepoGrant>, Error> {
    c.all(OF_USER, params![user], repo_grant).await
}

/// Repositories on which a team has a permission.
pub async fn of_team(c: &mut Conn, team: TeamId) -> Result<Vec<RepoGrant>, Error> {
    c.all(OF_TEAM, params![team], repo_grant).await
}
