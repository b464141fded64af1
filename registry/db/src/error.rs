//! What can go wrong below `core`, as outcomes a caller can act on. Holds no values of rows: they may be secret.

use std::path::PathBuf;

/// Why a database operation did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The queue of writes is full.
    #[error("database is busy: too many writes are waiting; try again in a moment")]
    Busy,
    /// The database was closed.
    #[error("database is closed: the process is shutting down")]
    Closed,
    /// An earlier write could not be made durable, so nothing may be appended to it.
    #[error(
        "database refuses writes: an earlier write failed on disk; check the volume and restart the process"
    )]
    Poisoned,
    /// The volume is full.
    #[error("database cannot grow: the volume is full; free space or enlarge it")]
    OutOfSpace,
    /// Another process holds the data folder.
    #[error("data folder is in use by another process: {}; stop that process first", path.display())]
    Locked {
        /// The data folder.
        path: PathBuf,
    },
    /// The data folder lies on a file system whose locks and syncs cannot be trusted.
    #[error("data folder lies on a network file system ({kind}): {}; use a local or block volume", path.display())]
    NetworkFileSystem {
        /// The data folder.
        path: PathBuf,
        /// What kind it is.
        kind: &'static str,
    },
    /// The database was written by a newer version.
    #[error(
        "database schema {found} is newer than {known}, the newest this version knows; start the newer version"
    )]
    NewerSchema {
        /// The version in the database.
        found: i64,
        /// The newest version this program has.
        known: i64,
    },
    /// A migration that was applied differs from the one in this program.
    #[error(
        "migration {version} ({name}) is not the one that was applied: this database belongs to another build"
    )]
    MigrationChanged {
        /// Its number.
        version: i64,
        /// Its name.
        name: String,
    },
    /// A migration failed; nothing of it was kept.
    #[error("migration {version} ({name}) failed and was undone: {reason}")]
    MigrationFailed {
        /// Its number.
        version: i64,
        /// Its name.
        name: String,
        /// What the engine said.
        reason: String,
    },
    /// A text holds a NUL character, which no engine stores alike.
    #[error("text contains a NUL character; remove it")]
    InvalidText,
    /// A closure awaited something that is not its connection.
    #[error("closure awaited something other than its connection")]
    Awaited,
    /// A closure panicked; its changes were undone.
    #[error("closure panicked; its changes were undone")]
    Panicked,
    /// The shared COMMIT failed; nothing of the batch was kept.
    #[error("commit failed, nothing was kept: {reason}")]
    Commit {
        /// What the engine said.
        reason: String,
    },
    /// A row that the statement counts on is not there.
    #[error("row is missing: {table}")]
    Missing {
        /// The statement that expected it.
        table: &'static str,
    },
    /// A column holds something else than its type says.
    #[error("column {index} is not {expected}")]
    Column {
        /// Its position.
        index: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// A file operation failed.
    #[error("{action} failed: {}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a database, or its bytes are not those that were written.
    #[error("database file is damaged or not a database; restore a backup")]
    Damaged(#[source] EngineError),
    /// The engine refused a statement.
    #[error("statement failed")]
    Sql(#[source] EngineError),
}

/// The engine's own error, opaque so that no caller comes to depend on one engine.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct EngineError(pub(crate) rusqlite::Error);

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { action, path, source }
    }
}
