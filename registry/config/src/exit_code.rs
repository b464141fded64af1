//! Exit codes by which the registry tells its operator what a person would read in the log. Nothing else is agreed on.

/// The database was left as it was, because this version cannot bring it to its schema: the version that ran before can
/// go on with it.
pub const SCHEMA_REFUSED: u8 = 65;
