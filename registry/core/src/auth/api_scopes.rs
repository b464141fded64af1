//! Scopes of access tokens for the REST interface, in Quay's words: a set that caps what its owner may do.

use std::fmt;

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApiScopes(u8);

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $word:literal @ $bit:literal;)*) => {
        impl ApiScopes {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$name),)*];
        }
    };
}

scopes! {
    /// Manage organizations.
    ORG_ADMIN = "org:admin" @ 0;
    /// Administer repositories.
    REPO_ADMIN = "repo:admin" @ 1;
    /// Create repositories.
    REPO_CREATE = "repo:create" @ 2;
    /// See and pull repositories.
    REPO_READ = "repo:read" @ 3;
    /// Push to repositories.
    REPO_WRITE = "repo:write" @ 4;
    /// Use a superuser's powers.
    SUPER_USER = "super:user" @ 5;
    /// Change the user's own account.
    USER_ADMIN = "user:admin" @ 6;
    /// Read the user's own account.
    USER_READ = "user:read" @ 7;
}

impl ApiScopes {
    /// Every scope there is.
    pub const ALL: Self = Self(u8::MAX);

    /// Reads a list separated by spaces or commas; unknown words are `None`.
    pub fn parse(text: &str) -> Option<Self> {
        text.split([' ', ',']).filter(|word| !word.is_empty()).try_fold(Self(0), |set, word| {
            Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, scope)| Self(set.0 | scope.0))
        })
    }

    /// Both sets together.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every scope of `other` is in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether at least one scope of `other` is in this set.
    pub fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl fmt::Display for ApiScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Self::WORDS.iter().filter(|(_, scope)| self.any(*scope)).map(|(word, _)| *word);
        f.write_str(words.next().unwrap_or_default())?;
        words.try_for_each(|word| write!(f, " {word}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_and_written_in_quays_words() {
        let scopes = ApiScopes::parse("repo:read org:admin").unwrap();
        assert_eq!(scopes.to_string(), "org:admin repo:read");
        assert!(scopes.any(ApiScopes::REPO_READ) && !scopes.any(ApiScopes::REPO_WRITE));
        assert_eq!(
            ApiScopes::ALL.to_string(),
            "org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read"
        );
        assert_eq!(ApiScopes::parse("repo:fly"), None);
        assert_eq!(ApiScopes::parse(""), Some(ApiScopes::default()));
    }
}
