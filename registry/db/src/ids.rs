//! Row ids as types, so that a user cannot be taken for a repository. All stay below 2^53.

use serde::{Deserialize, Serialize};

use crate::engine::{Cell, Column, Value};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Column for $name {
            const EXPECTED: &'static str = "an id";
            fn read(cell: Cell<'_>) -> Option<Self> {
                i64::read(cell).map($name)
            }
        }

        impl From<$name> for Value<'_> {
            fn from(id: $name) -> Self {
                Value::Int(id.0)
            }
        }
    )*};
}

ids! {
    /// A user, an organization or a robot: they share one space of names.
    UserId
    /// A team of an organization.
    TeamId
    /// A repository.
    RepoId
    /// One physical copy of a blob.
    BlobId
    /// A manifest in one repository.
    ManifestId
    /// One lifetime of a tag.
    TagId
    /// An API token.
    TokenId
    /// A label of a manifest.
    LabelId
    /// A row of the audit log.
    AuditId
}
