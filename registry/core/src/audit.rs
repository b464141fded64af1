//! The audit log: who did what, from where, written in the transaction of the deed itself, in Quay's words.

use std::net::IpAddr;

use jiff::Timestamp;
use quay_db::tables::{audit, users};
use quay_db::{AuditId, RepoId, Tx, UserId};
use serde_json::{Map, Value};

use crate::caller::Caller;
use crate::clock::timestamp;
use crate::core::Core;
use crate::error::Result;
use crate::page::{Page, cut};
use crate::perms::{Account, Administer, Allowed, ManageNamespace, Superuser};

/// A deed to be written down.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    kind: &'static str,
    time_ms: i64,
    namespace: Option<UserId>,
    repo: Option<RepoId>,
    performer: Option<UserId>,
    performer_name: Option<String>,
    ip: String,
    details: Map<String, Value>,
}

impl Entry {
    /// A deed of a caller.
    pub(crate) fn by(kind: &'static str, caller: &Caller, now_ms: i64) -> Self {
        Self {
            kind,
            time_ms: now_ms,
            namespace: None,
            repo: None,
            performer: caller.user_id().map(UserId),
            performer_name: caller.name().map(str::to_owned),
            ip: caller.from().to_canonical().to_string(),
            details: Map::new(),
        }
    }

    /// A deed of a user who is only just known.
    pub(crate) fn by_user(kind: &'static str, user: &users::User, from: IpAddr, now_ms: i64) -> Self {
        let nobody = Caller::anonymous(from);
        Self {
            performer: Some(user.id),
            performer_name: Some(user.username.clone()),
            ..Self::by(kind, &nobody, now_ms)
        }
    }

    /// The same deed under another kind, where the kind shows only in the transaction.
    pub(crate) fn called(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) fn on_namespace(mut self, namespace: UserId) -> Self {
        self.namespace = Some(namespace);
        self
    }

    pub(crate) fn on_repo(mut self, namespace: UserId, repo: RepoId) -> Self {
        self.repo = Some(repo);
        self.on_namespace(namespace)
    }

    pub(crate) fn detail(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// Writes it down, in the transaction of the deed.
    pub(crate) async fn record(self, tx: &mut Tx) -> Result<(), quay_db::Error> {
        let metadata = Value::Object(self.details).to_string();
        let row = audit::Entry {
            time_ms: self.time_ms,
            kind: self.kind,
            namespace: self.namespace,
            repo: self.repo,
            performer: self.performer,
            performer_name: self.performer_name.as_deref(),
            ip: Some(&self.ip),
            metadata: metadata.as_bytes(),
        };
        audit::record(tx, &row).await
    }
}

/// Which part of the log, with the proof that the caller may see it.
#[derive(Debug)]
pub enum LogScope<'a> {
    /// One repository.
    Repository(&'a Allowed<Administer>),
    /// One organization.
    Namespace(&'a Allowed<ManageNamespace>),
    /// One's own.
    Account(&'a Allowed<Account>),
    /// All of it.
    Everything(&'a Allowed<Superuser>),
}

/// One line of the log.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// For asking for the lines before this one.
    pub position: LogPosition,
    /// Quay's name of the kind of deed.
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// Who, by name.
    pub performer: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// The rest.
    pub metadata: Value,
}

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPosition {
    time_ms: i64,
    id: AuditId,
}

impl Core {
    /// Lines of the log, newest first, within `[from, to)`.
    pub async fn logs(
        &self,
        scope: LogScope<'_>,
        from: Timestamp,
        to: Timestamp,
        before: Option<LogPosition>,
        n: u32,
    ) -> Result<Page<LogEntry>> {
        let scope = match scope {
            LogScope::Repository(allowed) => audit::Scope::Repo(allowed.repo()),
            LogScope::Namespace(allowed) => audit::Scope::Namespace(allowed.place.id),
            LogScope::Account(allowed) => audit::Scope::Namespace(allowed.place.id),
            LogScope::Everything(_) => audit::Scope::All,
        };
        let (from, to) = (from.as_millisecond(), to.as_millisecond());
        let n = n.clamp(1, 100);
        let after = before.map(|position| (position.time_ms, position.id));
        let rows = self.db().read(async |c| audit::list(c, scope, from, to, after, n + 1).await).await?;
        Ok(cut(rows, n as usize).map(shown))
    }
}

fn shown(row: audit::Logged) -> LogEntry {
    LogEntry {
        position: LogPosition { time_ms: row.time_ms, id: row.id },
        kind: row.kind,
        at: timestamp(row.time_ms),
        performer: row.performer_name,
        address: row.ip,
        metadata: serde_json::from_slice(&row.metadata).unwrap_or(Value::Null),
    }
}
