//! The SQLite engine: how a connection is opened, how statements run, what the engine's errors mean.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Cell, Row, Sql, Value};
use crate::error::EngineError;
use crate::{Durability, Error};

/// What every connection to one database shares.
pub(crate) struct Setup<'a> {
    pub(crate) file: &'a Path,
    pub(crate) durability: Durability,
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Refuses every change.
    Read,
    /// Creates the file when it is missing.
    Write,
}

/// Bytes of a page: inline blobs and manifests of a few KiB fit without a chain of overflow pages.
const PAGE_SIZE: u32 = 8192;
/// Reads go through the kernel's page cache; address space is not memory.
const MMAP_BYTES: u64 = 1 << 30;
/// The log is cut back to this after a checkpoint, so a burst does not keep the volume.
const LOG_BYTES: u64 = 64 << 20;
/// One slot per statement in use, with room to spare.
const STATEMENTS: usize = 192;

pub(crate) struct Lite {
    connection: Connection,
    trouble: Option<Trouble>,
}

/// What a statement met that concerns more than itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The volume is full.
    Full,
    /// The disk failed, or what it gave back is not what was written. After a failed write or sync the kernel may
    /// have dropped pages: whatever is appended later could be cut off by recovery, although it was acknowledged.
    Disk,
}

impl Lite {
    pub(crate) fn open(setup: &Setup<'_>, mode: Mode) -> Result<Self, Error> {
        // Each connection has one user at a time, so SQLite's own mutexes are not needed.
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if mode == Mode::Write {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let connection = Connection::open_with_flags(setup.file, flags).map_err(refused)?;
        connection.busy_timeout(Duration::from_secs(10)).map_err(refused)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Plans do not depend on values. Otherwise some statements would be compiled anew at every use, because
        // taking one from the cache clears its values.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(refused)?;
        let synchronous = match setup.durability {
            Durability::Full => "FULL",
            #[cfg(debug_assertions)]
            Durability::Off => "OFF",
        };
        if mode == Mode::Write {
            // Both must come before the first page is written; they change nothing afterwards.
            connection
                .execute_batch(&format!(
                    "PRAGMA page_size = {PAGE_SIZE}; PRAGMA auto_vacuum = INCREMENTAL; \
                     PRAGMA journal_mode = WAL; PRAGMA cache_size = -8192; PRAGMA secure_delete = OFF; \
                     PRAGMA journal_size_limit = {LOG_BYTES};"
                ))
                .map_err(refused)?;
        } else {
            connection
                .execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -1024;")
                .map_err(refused)?;
        }
        connection
            .execute_batch(&format!(
                "PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON; \
                 PRAGMA mmap_size = {MMAP_BYTES}; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
            ))
            .map_err(refused)?;
        Ok(Lite { connection, trouble: None })
    }

    /// Hands rows to `take` until it says false.
    pub(crate) fn each(
        &mut self,
        sql: Sql,
        params: &[Value<'_>],
        mut take: impl FnMut(&Row<'_>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        check(params)?;
        let Lite { connection, trouble } = self;
        let mut refused = |e| note(trouble, e);
        let mut statement = connection.prepare_cached(sql.lite).map_err(&mut refused)?;
        let mut rows = statement.query(rusqlite::params_from_iter(params)).map_err(&mut refused)?;
        while let Some(row) = rows.next().map_err(&mut refused)? {
            if !take(&Row { lite: row })? {
                // A statement that changes rows has made and checked all its changes before its first row.
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn exec(&mut self, sql: Sql, params: &[Value<'_>]) -> Result<u64, Error> {
        check(params)?;
        let Lite { connection, trouble } = self;
        let mut refused = |e| note(trouble, e);
        let mut statement = connection.prepare_cached(sql.lite).map_err(&mut refused)?;
        let changed = statement.execute(rusqlite::params_from_iter(params)).map_err(&mut refused)?;
        Ok(changed as u64)
    }

    /// Transaction control and the like: text that belongs to this engine.
    pub(crate) fn control(&mut self, text: &'static str) -> Result<(), Error> {
        let Lite { connection, trouble } = self;
        let run = || {
            let mut statement = connection.prepare_cached(text)?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        };
        run().map_err(|e| note(trouble, e))
    }

    /// What was met since the last call.
    pub(crate) fn trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// Whether no transaction is open; some errors end it behind our back.
    pub(crate) fn idle(&self) -> bool {
        self.connection.is_autocommit()
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(n) => ValueRef::Integer(*n),
            Value::Bool(b) => ValueRef::Integer(i64::from(*b)),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// NUL ends a text in some engines and is refused by others.
fn check(params: &[Value<'_>]) -> Result<(), Error> {
    let nul = params.iter().any(|value| matches!(value, Value::Text(text) if text.as_bytes().contains(&0)));
    if nul { Err(Error::InvalidText) } else { Ok(()) }
}

pub(super) fn cell<'r>(row: &'r rusqlite::Row<'r>, index: usize) -> Result<Cell<'r>, Error> {
    Ok(match row.get_ref(index).map_err(refused)? {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(n) => Cell::Int(n),
        ValueRef::Text(bytes) => Cell::Text(
            std::str::from_utf8(bytes).map_err(|_| Error::Column { index, expected: "a text in UTF-8" })?,
        ),
        ValueRef::Blob(bytes) => Cell::Blob(bytes),
        ValueRef::Real(_) => return Err(Error::Column { index, expected: "of a type in use" }),
    })
}

fn note(trouble: &mut Option<Trouble>, error: rusqlite::Error) -> Error {
    let met = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Some(Trouble::Full),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Some(Trouble::Disk)
        }
        _ => None,
    };
    *trouble = met.or(*trouble);
    refused(error)
}

/// What an error of the engine means to a caller.
pub(crate) fn refused(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::OutOfSpace,
        Some(ErrorCode::DatabaseBusy) => Error::Busy,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Damaged(EngineError(error)),
        _ => Error::Sql(EngineError(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pragma(lite: &mut Lite, name: &str) -> String {
        let value = lite.connection().query_row(&format!("PRAGMA {name}"), [], |r| {
            Ok(match r.get_ref(0)? {
                ValueRef::Integer(n) => n.to_string(),
                other => String::from_utf8_lossy(other.as_bytes()?).into_owned(),
            })
        });
        value.expect("a value")
    }

    #[test]
    fn a_commit_waits_for_the_disk_unless_a_test_says_otherwise() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.sqlite");
        let facts = |durability, mode| {
            let mut lite = Lite::open(&Setup { file: &file, durability }, mode).expect("opens");
            ["page_size", "auto_vacuum", "journal_mode", "synchronous", "foreign_keys", "query_only"]
                .map(|name| pragma(&mut lite, name))
        };
        // auto_vacuum 2 = incremental, synchronous 2 = full, 0 = off
        assert_eq!(facts(Durability::Full, Mode::Write), ["8192", "2", "wal", "2", "1", "0"]);
        assert_eq!(facts(Durability::Full, Mode::Read), ["8192", "2", "wal", "2", "1", "1"]);
        assert_eq!(facts(Durability::Off, Mode::Write), ["8192", "2", "wal", "0", "1", "0"]);
    }

    #[test]
    fn placeholders_are_numbered_as_written() {
        const TEXT: &str = "SELECT $2, $1, $2";
        const BYTES: [u8; TEXT.len()] = super::super::question_marks(TEXT);
        let sql = Sql::new("test", std::str::from_utf8(&BYTES).expect("text"));
        let folder = tempfile::tempdir().expect("a folder");
        let setup = Setup { file: &folder.path().join("x.sqlite"), durability: Durability::Off };
        let mut lite = Lite::open(&setup, Mode::Write).expect("opens");
        let mut seen = Vec::new();
        lite.each(sql, &[Value::Int(1), Value::Int(2)], |row| {
            seen = vec![row.get::<i64>(0)?, row.get(1)?, row.get(2)?];
            Ok(true)
        })
        .expect("selects");
        assert_eq!(seen, [2, 1, 2]);
    }

    #[test]
    fn a_text_with_nul_is_refused_before_it_reaches_the_engine() {
        let refused = check(&[Value::Int(1), Value::Text("a\0b")]);
        assert!(matches!(refused, Err(Error::InvalidText)));
        assert!(check(&[Value::Blob(b"a\0b"), Value::Text("ab")]).is_ok());
    }
}
