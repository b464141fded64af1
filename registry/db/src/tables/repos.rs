//! Repositories: found by namespace and name, listed by name, retired at once and emptied later.

use super::gc::{self, Candidate};
use crate::engine::{Conn, Row, Tx, coded, first, params, statements};
use crate::{Error, RepoId, UserId};

coded! {
    /// Who may read without a permission.
    pub enum Visibility {
        /// Nobody.
        Private = 0,
        /// Everybody.
        Public = 1,
    }
}

coded! {
    /// What is kept in a repository.
    pub enum RepoKind {
        /// Images and artifacts.
        Image = 0,
        /// Applications of the old app registry.
        Application = 1,
    }
}

coded! {
    /// What can be done with a repository at all.
    pub enum State {
        /// Everything.
        Normal = 0,
        /// No changes.
        ReadOnly = 1,
        /// Changes by the mirror only.
        Mirror = 2,
        /// Nothing: it waits for garbage collection.
        Deleted = 3,
    }
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repo {
    /// Its id.
    pub id: RepoId,
    /// The user or organization that owns it.
    pub namespace: UserId,
    /// The owner's name.
    pub namespace_name: String,
    /// Its name below the namespace.
    pub name: String,
    /// Who may read without a permission.
    pub visibility: Visibility,
    /// What is kept in it.
    pub kind: RepoKind,
    /// What can be done with it at all.
    pub state: State,
    /// What it is for.
    pub description: String,
    /// Bytes in it.
    pub size_bytes: i64,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last pushed to.
    pub modified_ms: i64,
}

/// A repository to be made.
pub struct NewRepo<'a> {
    /// The user or organization that owns it.
    pub namespace: UserId,
    /// Its name below the namespace.
    pub name: &'a str,
    /// Who may read without a permission.
    pub visibility: Visibility,
    /// What is kept in it.
    pub kind: RepoKind,
    /// What it is for.
    pub description: &'a str,
    /// Now.
    pub now_ms: i64,
}

macro_rules! columns {
    () => {
        "r.id, r.namespace_id, u.username, r.name, r.visibility, r.kind, r.state, r.description, \
         r.size_bytes, r.created_ms, r.modified_ms"
    };
}
pub(super) use columns;

macro_rules! select {
    () => {
        concat!("SELECT ", columns!(), " FROM users u JOIN repositories r ON r.namespace_id = u.id ")
    };
}

/// What a user ($1) may read: public, owned, permitted directly or through a team, or in an organization they
/// administer.
macro_rules! visible {
    () => {
        "(r.visibility = 1 OR r.namespace_id = $1 \
         OR EXISTS (SELECT 1 FROM user_grants g WHERE g.repo_id = r.id AND g.user_id = $1) \
         OR EXISTS (SELECT 1 FROM team_members m JOIN team_grants g ON g.team_id = m.team_id \
                    WHERE m.user_id = $1 AND g.repo_id = r.id) \
         OR EXISTS (SELECT 1 FROM team_members m JOIN teams t ON t.id = m.team_id \
                    WHERE m.user_id = $1 AND t.org_id = r.namespace_id AND t.role = 2))"
    };
}
pub(super) use visible;

statements! {
    INSERT = "INSERT INTO repositories
              (namespace_id, name, visibility, kind, state, description, created_ms, modified_ms)
              VALUES ($1, $2, $3, $4, 0, $5, $6, $6) ON CONFLICT (namespace_id, name) DO NOTHING RETURNING id";
    FIND = concat!(select!(), "WHERE u.username = $1 AND r.name = $2 AND r.state < 3");
    GET = concat!(select!(), "WHERE r.id = $1");
    LIST = concat!(select!(), "WHERE u.id = $1 AND r.name > $2 AND r.state < 3 ORDER BY r.name LIMIT $3");
    LIST_PUBLIC_IN = concat!(select!(), "WHERE u.id = $1 AND r.name > $2 AND r.visibility = 1 AND r.state < 3
              ORDER BY r.name LIMIT $3");
    LIST_VISIBLE_IN = concat!(select!(), "WHERE u.id = $2 AND r.name > $3 AND r.state < 3 AND ", visible!(), "
              ORDER BY r.name LIMIT $4");
    LIST_ALL = concat!(select!(), "WHERE (u.username, r.name) > ($1, $2) AND u.username >= $1 AND r.state < 3
              ORDER BY u.username, r.name LIMIT $3");
    LIST_PUBLIC = concat!(select!(), "WHERE (u.username, r.name) > ($1, $2) AND u.username >= $1
              AND r.visibility = 1 AND r.state < 3 ORDER BY u.username, r.name LIMIT $3");
    LIST_VISIBLE = concat!(select!(), "WHERE (u.username, r.name) > ($2, $3) AND u.username >= $2
              AND r.state < 3 AND ", visible!(), " ORDER BY u.username, r.name LIMIT $4");
    SET_VISIBILITY = "UPDATE repositories SET visibility = $2 WHERE id = $1 AND state < 3";
    SET_DESCRIPTION = "UPDATE repositories SET description = $2 WHERE id = $1 AND state < 3";
    SET_STATE = "UPDATE repositories SET state = $2 WHERE id = $1 AND state < 3";
    TOUCH = "UPDATE repositories SET modified_ms = $2 WHERE id = $1";
    ADD_SIZE = "UPDATE repositories SET size_bytes = size_bytes + $2 WHERE id = $1";
    ADD_SIZE_NAMESPACE = "UPDATE users SET size_bytes = size_bytes + $2
              WHERE id = (SELECT r.namespace_id FROM repositories r WHERE r.id = $1)";
    COUNT = "SELECT count(*) FROM repositories WHERE namespace_id = $1 AND state < 3";
    IDS = "SELECT id FROM repositories WHERE namespace_id = $1 AND state < 3";
    RETIRE = "UPDATE repositories SET name = $2, state = 3 WHERE id = $1 AND state < 3";
    END_LIFETIMES = "UPDATE tag_history SET end_ms = $2 WHERE (end_ms IS NULL OR end_ms > $2)
              AND id IN (SELECT t.lifetime_id FROM tags t WHERE t.repo_id = $1)";
    DELETE_TAGS = "DELETE FROM tags WHERE repo_id = $1";
    HIDE_MANIFESTS = "UPDATE manifests SET state = 1, hidden_ms = $2 WHERE repo_id = $1 AND state = 0";
    QUEUE_LEASED = "INSERT INTO gc_candidates (kind, target_id, due_ms)
              SELECT 0, l.blob_id, $2 FROM blob_leases l WHERE l.repo_id = $1 ON CONFLICT DO NOTHING";
    DELETE_LEASES = "DELETE FROM blob_leases WHERE repo_id = $1";
    DELETE_UPLOADS = "DELETE FROM uploads WHERE repo_id = $1";
    DELETE_USER_GRANTS = "DELETE FROM user_grants WHERE repo_id = $1";
    DELETE_TEAM_GRANTS = "DELETE FROM team_grants WHERE repo_id = $1";
    DELETE_STARS = "DELETE FROM stars WHERE repo_id = $1";
}

pub(super) fn repo(row: &Row<'_>) -> Result<Repo, Error> {
    Ok(Repo {
        id: row.get(0)?,
        namespace: row.get(1)?,
        namespace_name: row.get(2)?,
        name: row.get(3)?,
        visibility: row.get(4)?,
        kind: row.get(5)?,
        state: row.get(6)?,
        description: row.get(7)?,
        size_bytes: row.get(8)?,
        created_ms: row.get(9)?,
        modified_ms: row.get(10)?,
    })
}

/// Makes a repository; None when the namespace has one of that name.
pub async fn insert(tx: &mut Tx, new: &NewRepo<'_>) -> Result<Option<Repo>, Error> {
    let NewRepo { namespace, name, visibility, kind, description, now_ms } = *new;
    let values = params![namespace, name, visibility, kind, description, now_ms];
    match tx.opt(INSERT, values, first::<RepoId>).await? {
        Some(id) => get(tx, id).await,
        None => Ok(None),
    }
}

/// By namespace and name; a deleted one is not found.
pub async fn find(c: &mut Conn, namespace: &str, name: &str) -> Result<Option<Repo>, Error> {
    c.opt(FIND, params![namespace, name], repo).await
}

/// By id, deleted or not.
pub async fn get(c: &mut Conn, id: RepoId) -> Result<Option<Repo>, Error> {
    c.opt(GET, params![id], repo).await
}

/// Repositories of a namespace by name.
pub async fn list(
    c: &mut Conn,
    namespace: UserId,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Repo>, Error> {
    c.all(LIST, params![namespace, after.unwrap_or(""), limit], repo).await
}

/// Public repositories of a namespace by name.
pub async fn list_public_in(
    c: &mut Conn,
    namespace: UserId,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Repo>, Error> {
    c.all(LIST_PUBLIC_IN, params![namespace, after.unwrap_or(""), limit], repo).await
}

/// Repositories of a namespace that a user may read, by name.
pub async fn list_visible_in(
    c: &mut Conn,
    user: UserId,
    namespace: UserId,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Repo>, Error> {
    c.all(LIST_VISIBLE_IN, params![user, namespace, after.unwrap_or(""), limit], repo).await
}

/// All repositories by namespace and name.
pub async fn list_all(c: &mut Conn, after: Option<(&str, &str)>, limit: u32) -> Result<Vec<Repo>, Error> {
    let (namespace, name) = after.unwrap_or(("", ""));
    c.all(LIST_ALL, params![namespace, name, limit], repo).await
}

/// Public repositories by namespace and name.
pub async fn list_public(c: &mut Conn, after: Option<(&str, &str)>, limit: u32) -> Result<Vec<Repo>, Error> {
    let (namespace, name) = after.unwrap_or(("", ""));
    c.all(LIST_PUBLIC, params![namespace, name, limit], repo).await
}

/// Repositories that a user may read, by namespace and name. It passes over those they may not: a scan.
pub async fn list_visible(
    c: &mut Conn,
    user: UserId,
    after: Option<(&str, &str)>,
    limit: u32,
) -> Result<Vec<Repo>, Error> {
    let (namespace, name) = after.unwrap_or(("", ""));
    c.all(LIST_VISIBLE, params![user, namespace, name, limit], repo).await
}

/// Changes who may read without a permission.
pub async fn set_visibility(tx: &mut Tx, id: RepoId, visibility: Visibility) -> Result<bool, Error> {
    tx.hit(SET_VISIBILITY, params![id, visibility]).await
}

/// Changes what it is for.
pub async fn set_description(tx: &mut Tx, id: RepoId, description: &str) -> Result<bool, Error> {
    tx.hit(SET_DESCRIPTION, params![id, description]).await
}

/// Changes what can be done with it. Deletion is [`retire`].
pub async fn set_state(tx: &mut Tx, id: RepoId, state: State) -> Result<bool, Error> {
    tx.hit(SET_STATE, params![id, state]).await
}

/// Notes a push.
pub async fn touch(tx: &mut Tx, id: RepoId, now_ms: i64) -> Result<(), Error> {
    tx.exec(TOUCH, params![id, now_ms]).await.map(drop)
}

/// Adds to, or takes from, the size of a repository and of its namespace.
pub async fn add_size(tx: &mut Tx, id: RepoId, delta: i64) -> Result<(), Error> {
    tx.exec(ADD_SIZE, params![id, delta]).await?;
    tx.exec(ADD_SIZE_NAMESPACE, params![id, delta]).await.map(drop)
}

/// How many repositories a namespace has.
pub async fn count(c: &mut Conn, namespace: UserId) -> Result<i64, Error> {
    c.one(COUNT, params![namespace], first).await
}

/// Takes a repository out of service at once and frees its name; garbage collection empties it later. False when it
/// was not there.
pub async fn retire(tx: &mut Tx, id: RepoId, uuid: &str, now_ms: i64) -> Result<bool, Error> {
    if !tx.hit(RETIRE, params![id, uuid]).await? {
        return Ok(false);
    }
    tx.exec(END_LIFETIMES, params![id, now_ms]).await?;
    tx.exec(DELETE_TAGS, params![id]).await?;
    tx.exec(HIDE_MANIFESTS, params![id, now_ms]).await?;
    tx.exec(QUEUE_LEASED, params![id, now_ms]).await?;
    for sql in [DELETE_LEASES, DELETE_UPLOADS, DELETE_USER_GRANTS, DELETE_TEAM_GRANTS, DELETE_STARS] {
        tx.exec(sql, params![id]).await?;
    }
    gc::enqueue(tx, Candidate::Repo, id.0, now_ms).await?;
    Ok(true)
}

/// Retires every repository of a namespace; gives how many those were.
pub async fn retire_namespace(tx: &mut Tx, namespace: UserId, now_ms: i64) -> Result<u64, Error> {
    let ids = tx.all(IDS, params![namespace], first::<RepoId>).await?;
    for id in &ids {
        // No repository can be named like this by a client.
        retire(tx, *id, &format!(":deleted:{id}"), now_ms).await?;
    }
    Ok(ids.len() as u64)
}
