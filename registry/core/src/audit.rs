//! The audit log: who did what, from where, written in the transaction of the deed itself, in Quay's words.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::Timestamp;
use quay_db::tables::{audit, users};
use quay_db::{AuditId, RepoId, Tx, UserId};
use serde_json::{Map, Value};

use crate::caller::Caller;
use crate::clock::timestamp;
use crate::core::Core;
use crate::error::{Error, Result};
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

/// A place in the log; written as a text without a meaning to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPosition {
    time_ms: i64,
    id: AuditId,
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.time_ms, self.id)
    }
}

impl FromStr for LogPosition {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let place = || {
            let (time_ms, id) = text.split_once('-')?;
            Some(Self { time_ms: time_ms.parse().ok()?, id: AuditId(id.parse().ok()?) })
        };
        place().ok_or_else(|| Error::bad_request("the place of the next page is not valid: begin anew"))
    }
}

/// Which lines of the log.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// From this time on.
    pub from: Timestamp,
    /// Before this time.
    pub to: Timestamp,
    /// Only deeds of this account.
    pub performer: Option<String>,
    /// Behind this one.
    pub before: Option<LogPosition>,
    /// How many, up to 100.
    pub limit: u32,
}

/// How often something happened on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCount {
    /// Quay's name of the kind of deed.
    pub kind: String,
    /// The beginning of the day, in UTC.
    pub day: Timestamp,
    /// How often.
    pub count: u64,
}

impl Core {
    /// Lines of the log, newest first.
    pub async fn log_lines(&self, scope: LogScope<'_>, query: &LogQuery) -> Result<Page<LogEntry>> {
        let (from, to) = (query.from.as_millisecond(), query.to.as_millisecond());
        let n = query.limit.clamp(1, 100);
        let after = query.before.map(|position| (position.time_ms, position.id));
        let (scope, performer) = (scope.rows(), query.performer.clone().unwrap_or_default());
        // Lines of one account may lie far apart: that reads long.
        let rows = self
            .db()
            .scan(async move |c| audit::list(c, scope, from, to, &performer, after, n + 1).await)
            .await?;
        Ok(cut(rows, n as usize).map(shown))
    }

    /// How often each kind of deed happened per day.
    pub async fn log_counts(&self, scope: LogScope<'_>, query: &LogQuery) -> Result<Vec<LogCount>> {
        let (from, to) = (query.from.as_millisecond(), query.to.as_millisecond());
        let (scope, performer) = (scope.rows(), query.performer.clone().unwrap_or_default());
        let rows =
            self.db().scan(async move |c| audit::aggregate(c, scope, from, to, &performer).await).await?;
        let count = |(kind, day_ms, count): (String, i64, i64)| LogCount {
            kind,
            day: timestamp(day_ms),
            count: count.cast_unsigned(),
        };
        Ok(rows.into_iter().map(count).collect())
    }
}

impl LogScope<'_> {
    fn rows(&self) -> audit::Scope {
        match self {
            LogScope::Repository(allowed) => audit::Scope::Repo(allowed.repo()),
            LogScope::Namespace(allowed) => audit::Scope::Namespace(allowed.place.id),
            LogScope::Account(allowed) => audit::Scope::Namespace(allowed.place.id),
            LogScope::Everything(_) => audit::Scope::All,
        }
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
