//! Names by which content is asked for: repository, tag, and the reference that is a tag or a digest.
//!
//! The grammar is the distribution specification's; a repository name of one component belongs to the namespace
//! `library`, as Docker clients expect.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::digest::{Digest, DigestError};

/// The longest repository name, namespace included.
pub const MAX_NAME: usize = 255;
/// The longest tag.
pub const MAX_TAG: usize = 128;
/// The namespace of a repository that is named without one.
pub const LIBRARY: &str = "library";

/// Why a text is not a repository name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Longer than [`MAX_NAME`].
    #[error("invalid repository name: longer than {MAX_NAME} characters")]
    TooLong,
    /// A component is empty or has characters or separators outside the grammar.
    #[error(
        "invalid repository name: components are lower-case letters and digits, separated by one `.`, one or two `_`, or `-`"
    )]
    Grammar,
}

/// A repository, `namespace/name`, where the name may have any number of components.
#[derive(Clone)]
pub struct RepositoryName {
    full: Arc<str>,
    slash: usize,
    /// Written without a namespace. The name is the same as with it.
    short: bool,
}

impl PartialEq for RepositoryName {
    fn eq(&self, other: &Self) -> bool {
        self.full == other.full
    }
}

impl Eq for RepositoryName {}

impl std::hash::Hash for RepositoryName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.full.hash(state);
    }
}

impl PartialOrd for RepositoryName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RepositoryName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.full.cmp(&other.full)
    }
}

impl RepositoryName {
    /// Reads a name as it stands in a request path; one component means `library/NAME`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.len() > MAX_NAME {
            return Err(NameError::TooLong);
        }
        if !text.split('/').all(is_component) {
            return Err(NameError::Grammar);
        }
        match text.find('/') {
            Some(slash) => Ok(Self { full: text.into(), slash, short: false }),
            None if LIBRARY.len() + 1 + text.len() > MAX_NAME => Err(NameError::TooLong),
            None => Ok(Self { full: format!("{LIBRARY}/{text}").into(), slash: LIBRARY.len(), short: true }),
        }
    }

    /// Joins a namespace of exactly one component and the rest of the name.
    pub fn from_parts(namespace: &str, repository: &str) -> Result<Self, NameError> {
        if !is_component(namespace) {
            return Err(NameError::Grammar);
        }
        Self::parse(&format!("{namespace}/{repository}"))
    }

    /// The first component: a user or an organization.
    pub fn namespace(&self) -> &str {
        &self.full[..self.slash]
    }

    /// Everything after the first slash.
    pub fn repository(&self) -> &str {
        &self.full[self.slash + 1..]
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.full
    }

    /// Whether it was written without a namespace, which one then means for want of another.
    pub fn is_short(&self) -> bool {
        self.short
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let mut separator: &[u8] = b"";
    let mut alphanumeric_before = false;
    let bytes = text.as_bytes();
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => {
                if !is_separator(separator) {
                    return false;
                }
                separator = b"";
                start = at + 1;
                alphanumeric_before = true;
            }
            b'.' | b'_' | b'-' if alphanumeric_before => separator = &bytes[start..=at],
            _ => return false,
        }
    }
    alphanumeric_before && separator.is_empty()
}

fn is_separator(run: &[u8]) -> bool {
    matches!(run, b"" | b"." | b"_" | b"__") || run.iter().all(|b| *b == b'-')
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

impl fmt::Debug for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

impl Serialize for RepositoryName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.full)
    }
}

impl<'de> Deserialize<'de> for RepositoryName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A text that is not a tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid tag: 1 to {MAX_TAG} letters, digits, `_`, `.` and `-`, the first of them no `.` or `-`")]
pub struct TagError;

/// A tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TagName(Arc<str>);

impl TagName {
    /// Reads a tag.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let bytes = text.as_bytes();
        let first_is_good = bytes.first().is_some_and(word);
        if first_is_good
            && bytes.len() <= MAX_TAG
            && bytes.iter().all(|b| word(b) || matches!(b, b'.' | b'-'))
        {
            Ok(Self(text.into()))
        } else {
            Err(TagError)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TagName {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        Self::parse(text)
    }
}

impl fmt::Display for TagName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TagName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for TagName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TagName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Why a text is neither a tag nor a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It has no colon and is no tag.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// It has a colon and is no digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

/// What stands after `/manifests/` in a request path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A name that may point elsewhere tomorrow.
    Tag(TagName),
    /// The content itself.
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        // A tag has no colon, a digest always has one.
        if text.contains(':') { Ok(Self::Digest(text.parse()?)) } else { Ok(Self::Tag(text.parse()?)) }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => fmt::Display::fmt(digest, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_any_depth_split_at_the_first_slash() {
        for (text, namespace, repository) in [
            ("org/app", "org", "app"),
            ("org/team/app/web", "org", "team/app/web"),
            ("alpine", "library", "alpine"),
            ("a.b/c_d/e__f/g-h/i---j", "a.b", "c_d/e__f/g-h/i---j"),
            ("0/1", "0", "1"),
        ] {
            let name = RepositoryName::parse(text).unwrap();
            assert_eq!((name.namespace(), name.repository()), (namespace, repository));
        }
        let (short, long) =
            (RepositoryName::parse("alpine").unwrap(), RepositoryName::parse("library/alpine").unwrap());
        assert_eq!((short.as_str(), short.is_short(), long.is_short()), ("library/alpine", true, false));
        assert_eq!(short, long);
    }

    #[test]
    fn names_outside_the_grammar_are_refused() {
        for text in [
            "", "/", "/a", "a/", "a//b", "A/b", "a/B", "a..b/c", "a._b/c", "a___b/c", "-a/b", "a-/b", "a/.b",
            "a/b.", "a/b_", "a b/c", "a/ü", "a/..", "a/b\n", "a/b%2f",
        ] {
            assert_eq!(RepositoryName::parse(text), Err(NameError::Grammar), "{text:?}");
        }
    }

    #[test]
    fn the_length_limit_counts_the_implied_namespace() {
        let longest = format!("a/{}", "b".repeat(253));
        assert_eq!(RepositoryName::parse(&longest).unwrap().as_str().len(), MAX_NAME);
        assert_eq!(RepositoryName::parse(&format!("{longest}b")), Err(NameError::TooLong));
        assert_eq!(RepositoryName::parse(&"b".repeat(248)), Err(NameError::TooLong));
        assert!(RepositoryName::parse(&"b".repeat(247)).is_ok());
    }

    #[test]
    fn joining_parts_accepts_no_slash_in_the_namespace() {
        assert_eq!(RepositoryName::from_parts("org", "a/b").unwrap().as_str(), "org/a/b");
        assert!(RepositoryName::from_parts("org/a", "b").is_err());
        assert!(RepositoryName::from_parts("org", "").is_err());
        assert!(RepositoryName::from_parts("", "a").is_err());
    }

    #[test]
    fn tags_follow_the_grammar_and_its_length() {
        for text in ["latest", "v1.2.3", "_x", "1.0.0_build.5", "A-B", &"t".repeat(128)] {
            assert_eq!(TagName::parse(text).unwrap().as_str(), text);
        }
        for text in ["", ".x", "-x", "a b", "a:b", "a/b", "ü", "x+y", "x\n", &"t".repeat(129)] {
            assert_eq!(TagName::parse(text), Err(TagError), "{text:?}");
        }
    }

    #[test]
    fn a_colon_makes_a_reference_a_digest() {
        let digest = Digest::sha256(b"x");
        assert_eq!(digest.as_str().parse::<Reference>(), Ok(Reference::Digest(digest)));
        assert_eq!("v1".parse::<Reference>(), Ok(Reference::Tag(TagName::parse("v1").unwrap())));
        assert_eq!("sha256:00".parse::<Reference>().unwrap_err().to_string(), {
            "invalid digest: sha256 needs 64 lower-case hexadecimal digits"
        });
        assert_eq!("".parse::<Reference>(), Err(ReferenceError::Tag(TagError)));
    }

    proptest! {
        #[test]
        fn names_made_by_the_grammar_parse(
            text in "[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}(/[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}){1,5}"
        ) {
            let name = RepositoryName::parse(&text).unwrap();
            prop_assert_eq!(name.as_str(), &text);
            prop_assert_eq!(format!("{}/{}", name.namespace(), name.repository()), text);
        }

        #[test]
        fn whatever_parses_is_in_the_alphabet(text in "[a-zA-Z0-9._/ -]{0,30}") {
            if let Ok(name) = RepositoryName::parse(&text) {
                prop_assert!(name.as_str().ends_with(&text));
                prop_assert!(name.as_str().bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/')));
                prop_assert!(!name.as_str().split('/').any(|part| part.is_empty() || part == ".." || part == "."));
            }
        }

        #[test]
        fn any_text_is_a_reference_or_an_error(text in ".{0,160}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string(), text);
            }
        }
    }
}
