//! The port to a database engine: values in, rows out, statements known beforehand.
//!
//! SQL is written once in the subset that engines share: `$n` placeholders, `ON CONFLICT`, `RETURNING`, row
//! values, `BIGINT` times in epoch milliseconds. `/* FOR UPDATE */` marks rows that a transaction locks: a
//! comment where there is a single writer, a clause on a database server.
//! Must not know any table.

mod sqlite;

use std::ops::{Deref, DerefMut};

use quay_oci::{ArtifactKind, Digest};

use crate::Error;

pub(crate) use sqlite::{Mode, Setup, Trouble, refused};

/// One statement. Only [`statements!`] makes them, so every statement is in a list that a test prepares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql {
    /// With `?n` for `$n`: SQLite would number `$n` by first appearance.
    lite: &'static str,
    name: &'static str,
}

impl Sql {
    pub(crate) const fn new(name: &'static str, lite: &'static str) -> Self {
        Sql { lite, name }
    }

    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    #[cfg(test)]
    pub(crate) fn text(self) -> &'static str {
        self.lite
    }
}

/// `$n` → `?n`, at compile time. No statement has a `$` for another reason.
pub(crate) const fn question_marks<const N: usize>(text: &str) -> [u8; N] {
    let from = text.as_bytes();
    let mut to = [0; N];
    let mut i = 0;
    while i < N {
        to[i] = if from[i] == b'$' { b'?' } else { from[i] };
        i += 1;
    }
    to
}

/// Declares the statements of a file and `STATEMENTS`, the list of them all.
macro_rules! statements {
    ($($name:ident = $text:expr;)+) => {
        $(const $name: $crate::engine::Sql = {
            const TEXT: &str = $text;
            const LITE: [u8; TEXT.len()] = $crate::engine::question_marks(TEXT);
            $crate::engine::Sql::new(
                concat!(module_path!(), "::", stringify!($name)),
                match std::str::from_utf8(&LITE) {
                    Ok(text) => text,
                    Err(_) => TEXT,
                },
            )
        };)+
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[$crate::engine::Sql] = &[$($name),+];
    };
}
pub(crate) use statements;

/// Declares an enum that is stored as a small integer.
macro_rules! coded {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $crate::engine::Column for $name {
            const EXPECTED: &'static str = concat!("a ", stringify!($name));
            fn read(cell: $crate::engine::Cell<'_>) -> Option<Self> {
                match i64::read(cell)? {
                    $($code => Some($name::$variant),)+
                    _ => None,
                }
            }
        }

        impl From<$name> for $crate::engine::Value<'_> {
            fn from(value: $name) -> Self {
                $crate::engine::Value::Int(match value { $($name::$variant => $code,)+ })
            }
        }
    };
}
pub(crate) use coded;

/// `params![a, b]` is a list of [`Value`]s.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::engine::Value::from($value)),*] };
}
pub(crate) use params;

/// One parameter of a statement.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Bool(bool),
    Text(&'a str),
    Blob(&'a [u8]),
}

macro_rules! value_from {
    ($($from:ty => $to:expr;)+) => {$(
        impl<'a> From<$from> for Value<'a> {
            fn from(value: $from) -> Self {
                ($to)(value)
            }
        }
    )+};
}

value_from! {
    i64 => Value::Int;
    u32 => |n| Value::Int(i64::from(n));
    bool => Value::Bool;
    &'a str => Value::Text;
    &'a String => |s: &'a String| Value::Text(s);
    &'a [u8] => Value::Blob;
    &'a Vec<u8> => |b: &'a Vec<u8>| Value::Blob(b);
    &'a [u8; 32] => |b: &'a [u8; 32]| Value::Blob(b);
    &'a Digest => |d: &'a Digest| Value::Text(d.as_str());
    ArtifactKind => |kind: ArtifactKind| Value::Text(kind.as_str());
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// One stored cell, borrowed from the row.
#[derive(Clone, Copy)]
pub(crate) enum Cell<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// A type that a column can be read as.
pub(crate) trait Column: Sized {
    /// For the error message.
    const EXPECTED: &'static str;
    /// None when the cell holds something else.
    fn read(cell: Cell<'_>) -> Option<Self>;
}

impl Column for i64 {
    const EXPECTED: &'static str = "an integer";
    fn read(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Int(n) = cell { Some(n) } else { None }
    }
}

impl Column for bool {
    const EXPECTED: &'static str = "a boolean";
    fn read(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Int(0) => Some(false),
            Cell::Int(1) => Some(true),
            _ => None,
        }
    }
}

impl Column for String {
    const EXPECTED: &'static str = "a text";
    fn read(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Text(text) = cell { Some(text.to_owned()) } else { None }
    }
}

impl Column for Vec<u8> {
    const EXPECTED: &'static str = "bytes";
    fn read(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Blob(bytes) = cell { Some(bytes.to_vec()) } else { None }
    }
}

impl Column for Digest {
    const EXPECTED: &'static str = "a digest";
    fn read(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Text(text) = cell { text.parse().ok() } else { None }
    }
}

impl Column for ArtifactKind {
    const EXPECTED: &'static str = "a kind of artifact";
    fn read(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Text(text) = cell { Some(text.parse().unwrap_or(Self::Other)) } else { None }
    }
}

impl<T: Column> Column for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    fn read(cell: Cell<'_>) -> Option<Self> {
        if let Cell::Null = cell { Some(None) } else { T::read(cell).map(Some) }
    }
}

/// One row of a result, valid while it is being read.
pub(crate) struct Row<'r> {
    lite: &'r rusqlite::Row<'r>,
}

impl<'r> Row<'r> {
    /// The column at `index`, from 0.
    pub(crate) fn get<T: Column>(&self, index: usize) -> Result<T, Error> {
        T::read(sqlite::cell(self.lite, index)?).ok_or(Error::Column { index, expected: T::EXPECTED })
    }
}

/// A connection that reads. Used inside a closure only.
pub struct Conn {
    lite: sqlite::Lite,
}

impl Conn {
    pub(crate) fn open(setup: &Setup<'_>, mode: Mode) -> Result<Self, Error> {
        Ok(Conn { lite: sqlite::Lite::open(setup, mode)? })
    }

    pub(crate) fn lite(&mut self) -> &mut sqlite::Lite {
        &mut self.lite
    }

    /// Every row.
    pub(crate) async fn all<T>(
        &mut self,
        sql: Sql,
        params: &[Value<'_>],
        read: fn(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        self.lite.each(sql, params, |row| {
            rows.push(read(row)?);
            Ok(true)
        })?;
        Ok(rows)
    }

    /// The first row, if any.
    pub(crate) async fn opt<T>(
        &mut self,
        sql: Sql,
        params: &[Value<'_>],
        read: fn(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut found = None;
        self.lite.each(sql, params, |row| {
            found = Some(read(row)?);
            Ok(false)
        })?;
        Ok(found)
    }

    /// The first row, which must exist.
    pub(crate) async fn one<T>(
        &mut self,
        sql: Sql,
        params: &[Value<'_>],
        read: fn(&Row<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.opt(sql, params, read).await?.ok_or(Error::Missing { table: sql.name() })
    }
}

/// A connection inside a write: it can do all that [`Conn`] can, and change rows.
pub struct Tx {
    conn: Conn,
}

impl Tx {
    pub(crate) fn new(conn: Conn) -> Self {
        Tx { conn }
    }

    /// Number of rows changed.
    pub(crate) async fn exec(&mut self, sql: Sql, params: &[Value<'_>]) -> Result<u64, Error> {
        self.conn.lite.exec(sql, params)
    }

    /// Whether any row changed.
    pub(crate) async fn hit(&mut self, sql: Sql, params: &[Value<'_>]) -> Result<bool, Error> {
        Ok(self.exec(sql, params).await? > 0)
    }
}

impl Deref for Tx {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

/// Runs a future that awaits nothing but an embedded connection, hence is ready at once.
pub(crate) fn ready<F: Future>(future: F) -> Result<F::Output, Error> {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(output) => Ok(output),
        std::task::Poll::Pending => Err(Error::Awaited),
    }
}

/// The first column.
pub(crate) fn first<T: Column>(row: &Row<'_>) -> Result<T, Error> {
    row.get(0)
}
