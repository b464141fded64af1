//! The audit log: written in the transaction of the action, read newest first.

use crate::engine::{Conn, Row, Tx, params, statements};
use crate::{AuditId, Error, RepoId, UserId};

/// What happened.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// When.
    pub time_ms: i64,
    /// Which kind of action.
    pub kind: &'a str,
    /// In which namespace.
    pub namespace: Option<UserId>,
    /// In which repository.
    pub repo: Option<RepoId>,
    /// By whom.
    pub performer: Option<UserId>,
    /// The performer's name then.
    pub performer_name: Option<&'a str>,
    /// From where.
    pub ip: Option<&'a str>,
    /// A JSON object with the rest.
    pub metadata: &'a [u8],
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its id, for paging.
    pub id: AuditId,
    /// When.
    pub time_ms: i64,
    /// Which kind of action.
    pub kind: String,
    /// In which namespace.
    pub namespace: Option<UserId>,
    /// In which repository.
    pub repo: Option<RepoId>,
    /// By whom.
    pub performer: Option<UserId>,
    /// The performer's name then.
    pub performer_name: Option<String>,
    /// From where.
    pub ip: Option<String>,
    /// A JSON object with the rest.
    pub metadata: Vec<u8>,
}

/// Which part of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    All,
    /// One namespace.
    Namespace(UserId),
    /// One repository.
    Repo(RepoId),
}

statements! {
    RECORD = "INSERT INTO audit_log
              (time_ms, kind, namespace_id, repo_id, performer_id, performer_name, ip, metadata)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    LIST_ALL = "SELECT id, time_ms, kind, namespace_id, repo_id, performer_id, performer_name, ip, metadata
                FROM audit_log WHERE time_ms >= $1 AND time_ms < $2 AND (time_ms, id) < ($3, $4)
                AND ($6 = '' OR performer_name = $6) ORDER BY time_ms DESC, id DESC LIMIT $5";
    LIST_NAMESPACE = "SELECT id, time_ms, kind, namespace_id, repo_id, performer_id, performer_name, ip, metadata
                FROM audit_log
                WHERE namespace_id = $7 AND time_ms >= $1 AND time_ms < $2 AND (time_ms, id) < ($3, $4)
                AND ($6 = '' OR performer_name = $6) ORDER BY time_ms DESC, id DESC LIMIT $5";
    LIST_REPO = "SELECT id, time_ms, kind, namespace_id, repo_id, performer_id, performer_name, ip, metadata
                FROM audit_log
                WHERE repo_id = $7 AND time_ms >= $1 AND time_ms < $2 AND (time_ms, id) < ($3, $4)
                AND ($6 = '' OR performer_name = $6) ORDER BY time_ms DESC, id DESC LIMIT $5";
    AGGREGATE_ALL = "SELECT kind, time_ms / 86400000, count(*) FROM audit_log
                WHERE time_ms >= $1 AND time_ms < $2 AND ($3 = '' OR performer_name = $3)
                GROUP BY 2, 1 ORDER BY 2, 1";
    AGGREGATE_NAMESPACE = "SELECT kind, time_ms / 86400000, count(*) FROM audit_log
                WHERE namespace_id = $4 AND time_ms >= $1 AND time_ms < $2 AND ($3 = '' OR performer_name = $3)
                GROUP BY 2, 1 ORDER BY 2, 1";
    AGGREGATE_REPO = "SELECT kind, time_ms / 86400000, count(*) FROM audit_log
                WHERE repo_id = $4 AND time_ms >= $1 AND time_ms < $2 AND ($3 = '' OR performer_name = $3)
                GROUP BY 2, 1 ORDER BY 2, 1";
    DELETE_BEFORE = "DELETE FROM audit_log WHERE id IN
                (SELECT id FROM audit_log WHERE time_ms < $1 ORDER BY time_ms LIMIT $2)";
}

const DAY_MS: i64 = 86_400_000;

fn logged(row: &Row<'_>) -> Result<Logged, Error> {
    Ok(Logged {
        id: row.get(0)?,
        time_ms: row.get(1)?,
        kind: row.get(2)?,
        namespace: row.get(3)?,
        repo: row.get(4)?,
        performer: row.get(5)?,
        performer_name: row.get(6)?,
        ip: row.get(7)?,
        metadata: row.get(8)?,
    })
}

fn tally(row: &Row<'_>) -> Result<(String, i64, i64), Error> {
    Ok((row.get(0)?, row.get::<i64>(1)? * DAY_MS, row.get(2)?))
}

/// Writes a row.
pub async fn record(tx: &mut Tx, entry: &Entry<'_>) -> Result<(), Error> {
    let Entry { time_ms, kind, namespace, repo, performer, performer_name, ip, metadata } = *entry;
    let values = params![time_ms, kind, namespace, repo, performer, performer_name, ip, metadata];
    tx.exec(RECORD, values).await.map(drop)
}

/// Rows from `from_ms` on and before `to_ms`, newest first, after the last one of the previous page; of one
/// performer, or of all when `performer` is empty.
pub async fn list(
    c: &mut Conn,
    scope: Scope,
    from_ms: i64,
    to_ms: i64,
    performer: &str,
    after: Option<(i64, AuditId)>,
    limit: u32,
) -> Result<Vec<Logged>, Error> {
    let (time, id) = after.unwrap_or((i64::MAX, AuditId(i64::MAX)));
    match scope {
        Scope::All => c.all(LIST_ALL, params![from_ms, to_ms, time, id, limit, performer], logged).await,
        Scope::Namespace(of) => {
            c.all(LIST_NAMESPACE, params![from_ms, to_ms, time, id, limit, performer, of], logged).await
        }
        Scope::Repo(of) => {
            c.all(LIST_REPO, params![from_ms, to_ms, time, id, limit, performer, of], logged).await
        }
    }
}

/// How many of each kind per day: (kind, start of the day, count). A scan: run it on the blocking pool.
pub async fn aggregate(
    c: &mut Conn,
    scope: Scope,
    from_ms: i64,
    to_ms: i64,
    performer: &str,
) -> Result<Vec<(String, i64, i64)>, Error> {
    match scope {
        Scope::All => c.all(AGGREGATE_ALL, params![from_ms, to_ms, performer], tally).await,
        Scope::Namespace(of) => {
            c.all(AGGREGATE_NAMESPACE, params![from_ms, to_ms, performer, of], tally).await
        }
        Scope::Repo(of) => c.all(AGGREGATE_REPO, params![from_ms, to_ms, performer, of], tally).await,
    }
}

/// Removes up to `limit` of the oldest rows from before a time.
pub async fn delete_before(tx: &mut Tx, ms: i64, limit: u32) -> Result<u64, Error> {
    tx.exec(DELETE_BEFORE, params![ms, limit]).await
}
