//! `Secret`: a text that shows itself only to who asks by name.

use std::fmt;

/// A value that must not reach a log, an error or a serializer by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// What stands where a secret would be printed.
pub(crate) const REDACTED: &str = "(redacted)";

impl Secret {
    /// Wraps a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself; the name makes every use easy to find.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}
