//! `StorageKey`: the name of one physical copy of some bytes.

use std::{fmt, str::FromStr, sync::Arc};

use uuid::Uuid;

/// The name of one physical copy: 32 hexadecimal digits that are never used again.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StorageKey(Arc<str>);

/// A text that is no storage key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid storage key: expected 32 lower-case hexadecimal digits")]
pub struct InvalidKey;

impl StorageKey {
    /// A key that nobody has had before; keys made later sort later.
    pub fn generate() -> Self {
        Self(Uuid::now_v7().simple().to_string().into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder of the key: its last two digits, because the first ones are the time and so nearly all the same.
    pub(crate) fn shelf(&self) -> &str {
        &self.0[self.0.len() - 2..]
    }
}

impl FromStr for StorageKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        // The key becomes a file name, so nothing but digits may pass.
        if text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidKey)
        }
    }
}

impl fmt::Display for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
