//! Brings a database to this program's schema: numbered, checksummed files, all in one transaction.
//!
//! A database that holds data is copied aside first, so that a failed upgrade can be undone by hand. A schema
//! newer than this program is refused: an old program would write rows that the new one misreads.

mod content;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use sha2::{Digest, Sha256};

use crate::engine::refused as sql;
use crate::{Error, folder};

/// One step of the schema.
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    /// What cannot be said in SQL, done after it in the same transaction.
    pub(crate) fill: Option<fn(&Connection) -> rusqlite::Result<()>>,
}

impl Migration {
    fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.text.as_bytes()))
    }
}

/// Every step, in order. A file that was released never changes: add the next one.
pub(crate) const ALL: &[Migration] = &[
    Migration {
        version: 1,
        name: "initial",
        text: include_str!("../migrations/sqlite/0001_initial.sql"),
        fill: None,
    },
    Migration {
        version: 2,
        name: "content",
        text: include_str!("../migrations/sqlite/0002_content.sql"),
        fill: Some(content::fill),
    },
    Migration {
        version: 3,
        name: "accounts",
        text: include_str!("../migrations/sqlite/0003_accounts.sql"),
        fill: None,
    },
];

const BOOKKEEPING: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_ms INTEGER NOT NULL) STRICT";

/// What was done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Migrated {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) snapshot: Option<PathBuf>,
}

/// Applies what is missing. `folder` is where the snapshot goes.
pub(crate) fn run(
    connection: &mut Connection,
    migrations: &[Migration],
    folder: &Path,
    now_ms: i64,
) -> Result<Migrated, Error> {
    let from = verify(connection, migrations)?;
    let known = migrations.last().map_or(0, |m| m.version);
    if from == known {
        return Ok(Migrated { from, to: from, snapshot: None });
    }
    let snapshot = if from > 0 { Some(snapshot(connection, folder, from, now_ms)?) } else { None };
    let tx = connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(sql)?;
    tx.execute_batch(BOOKKEEPING).map_err(sql)?;
    for step in migrations.iter().filter(|m| m.version > from) {
        let failed = |e: rusqlite::Error| Error::MigrationFailed {
            version: step.version,
            name: step.name.to_owned(),
            reason: e.to_string(),
        };
        tx.execute_batch(step.text).map_err(failed)?;
        step.fill.map_or(Ok(()), |fill| fill(&tx)).map_err(failed)?;
        tx.execute(
            "INSERT INTO schema_migrations (version, name, checksum, applied_ms) VALUES (?1, ?2, ?3, ?4)",
            (step.version, step.name, step.checksum(), now_ms),
        )
        .map_err(failed)?;
    }
    tx.commit().map_err(sql)?;
    Ok(Migrated { from, to: known, snapshot })
}

/// The version in the database, after comparing every applied step with ours.
fn verify(connection: &Connection, migrations: &[Migration]) -> Result<i64, Error> {
    let known = migrations.last().map_or(0, |m| m.version);
    let present: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'",
            [],
            |r| r.get(0),
        )
        .optional()
        .map_err(sql)?;
    if present.is_none() {
        return Ok(0);
    }
    let mut statement = connection
        .prepare("SELECT version, name, checksum FROM schema_migrations ORDER BY version")
        .map_err(sql)?;
    let applied = statement
        .query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?, r.get::<_, String>(2)?)))
        .map_err(sql)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(sql)?;
    let found = applied.last().map_or(0, |(version, ..)| *version);
    if found > known {
        return Err(Error::NewerSchema { found, known });
    }
    for (at, (version, name, checksum)) in applied.into_iter().enumerate() {
        let same = migrations.get(at).is_some_and(|m| m.version == version && m.checksum() == checksum);
        if !same {
            return Err(Error::MigrationChanged { version, name });
        }
    }
    Ok(found)
}

/// A complete copy of the database as it was before the upgrade.
fn snapshot(connection: &Connection, folder: &Path, version: i64, now_ms: i64) -> Result<PathBuf, Error> {
    let path = folder.join(format!("before-upgrade-from-{version}-at-{now_ms}.sqlite"));
    copy(connection, &path)?;
    Ok(path)
}

/// Copies the database as one transaction sees it, durably, under a new name that never stands for half a copy.
pub(crate) fn copy(connection: &Connection, to: &Path) -> Result<(), Error> {
    let failed = |reason: &str| Error::io("copy database", to)(std::io::Error::other(reason));
    if to.try_exists().map_err(Error::io("copy database", to))? {
        return Err(failed("a file of that name exists"));
    }
    let partial = to.with_added_extension("partial");
    match std::fs::remove_file(&partial) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("remove earlier copy of database", &partial)(e));
        }
        _ => {}
    }
    let name = partial.to_str().ok_or_else(|| failed("the path is not valid UTF-8"))?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(sql)?;
    std::fs::File::open(&partial)
        .and_then(|f| f.sync_all())
        .map_err(Error::io("sync copy of database", &partial))?;
    std::fs::rename(&partial, to).map_err(Error::io("name copy of database", to))?;
    to.parent().map_or(Ok(()), folder::sync)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Migration =
        Migration { version: 1, name: "one", text: "CREATE TABLE a (x INTEGER);", fill: None };
    const TWO: Migration =
        Migration { version: 2, name: "two", text: "ALTER TABLE a ADD COLUMN y INTEGER;", fill: None };

    struct Fixture {
        folder: tempfile::TempDir,
        connection: Connection,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let connection = Connection::open(folder.path().join("x.sqlite")).expect("a database");
            Fixture { folder, connection }
        }

        fn run(&mut self, migrations: &[Migration]) -> Result<Migrated, Error> {
            run(&mut self.connection, migrations, self.folder.path(), 1000)
        }

        fn columns(&self) -> Vec<String> {
            let mut statement =
                self.connection.prepare("SELECT name FROM pragma_table_info('a')").expect("sql");
            statement.query_map([], |r| r.get(0)).expect("rows").map(|r| r.expect("a row")).collect()
        }
    }

    #[test]
    fn a_new_database_gets_every_step_and_no_snapshot() {
        let mut db = Fixture::new();
        assert_eq!(db.run(&[ONE, TWO]).expect("migrates"), Migrated { from: 0, to: 2, snapshot: None });
        assert_eq!(db.columns(), ["x", "y"]);
        assert_eq!(db.run(&[ONE, TWO]).expect("again"), Migrated { from: 2, to: 2, snapshot: None });
    }

    #[test]
    fn an_older_database_is_copied_aside_before_it_changes() {
        let mut db = Fixture::new();
        db.run(&[ONE]).expect("migrates");
        db.connection.execute("INSERT INTO a (x) VALUES (7)", []).expect("a row");
        let done = db.run(&[ONE, TWO]).expect("upgrades");
        let copy = Connection::open(done.snapshot.expect("a snapshot")).expect("opens");
        let kept: i64 = copy.query_row("SELECT x FROM a", [], |r| r.get(0)).expect("the row");
        assert_eq!(kept, 7);
        let columns: i64 =
            copy.query_row("SELECT count(*) FROM pragma_table_info('a')", [], |r| r.get(0)).expect("columns");
        assert_eq!((columns, db.columns().len()), (1, 2), "the copy is from before");
    }

    #[test]
    fn a_newer_schema_is_refused_and_left_alone() {
        let mut db = Fixture::new();
        db.run(&[ONE, TWO]).expect("migrates");
        let refused = db.run(&[ONE]).expect_err("refuses");
        assert!(matches!(refused, Error::NewerSchema { found: 2, known: 1 }), "{refused}");
    }

    #[test]
    fn a_step_that_differs_from_the_applied_one_is_refused() {
        let mut db = Fixture::new();
        db.run(&[ONE]).expect("migrates");
        let other = Migration { text: "CREATE TABLE a (x TEXT);", ..ONE };
        let refused = db.run(&[other, TWO]).expect_err("refuses");
        assert!(matches!(refused, Error::MigrationChanged { version: 1, .. }), "{refused}");
        assert_eq!(db.columns(), ["x"]);
    }

    #[test]
    fn a_failing_step_undoes_the_steps_before_it() {
        let mut db = Fixture::new();
        db.run(&[ONE]).expect("migrates");
        let broken = Migration {
            version: 3,
            name: "three",
            text: "CREATE TABLE b (z INTEGER); SELECT nothing;",
            fill: None,
        };
        let failed = db.run(&[ONE, TWO, broken]).expect_err("fails");
        assert!(matches!(failed, Error::MigrationFailed { version: 3, .. }), "{failed}");
        assert_eq!(db.columns(), ["x"], "step two is undone as well");
        assert_eq!(verify(&db.connection, &[ONE, TWO]).expect("verifies"), 1);
    }
}
