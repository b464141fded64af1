//! What stands behind `/api/v1/repository/`: a repository's name of any depth, and what of it is meant.
//!
//! A name may have a component that is also a word of the API (`org/app/tag/x`); the reading as a word wins, as it does
//! with Quay, so long as two components are left for the name.

use quay_oci::RepositoryName;

/// What of a repository is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The repository.
    Itself,
    /// Whether it is public.
    Visibility,
    /// Its tags.
    Tags,
    /// One tag.
    Tag(String),
    /// The past of one tag.
    Restore(String),
    /// One manifest, by digest.
    Manifest(String),
    /// The labels of a manifest.
    Labels(String),
    /// One of them.
    Label(String, String),
    /// Permissions of people and robots.
    Users,
    /// The permission of one of them.
    User(String),
    /// Permissions of teams.
    Teams,
    /// The permission of one of them.
    Team(String),
    /// Every role of one person or robot, however they came by it.
    Transitive(String),
    /// Its log.
    Logs,
    /// Its log, counted.
    LogCounts,
}

/// Reads what stands behind `/api/v1/repository/`, decoded.
pub(super) fn parse(rest: &str) -> Option<(RepositoryName, Target)> {
    let parts: Vec<&str> = rest.strip_suffix('/').unwrap_or(rest).split('/').collect();
    let (depth, target) = match *parts.as_slice() {
        [.., "tag", tag, "restore"] if parts.len() >= 5 => (3, Target::Restore(tag.to_owned())),
        [.., "manifest", digest, "labels", label] if parts.len() >= 6 => {
            (4, Target::Label(digest.to_owned(), label.to_owned()))
        }
        [.., "manifest", digest, "labels"] if parts.len() >= 5 => (3, Target::Labels(digest.to_owned())),
        [.., "permissions", "user", user, "transitive"] if parts.len() >= 6 => {
            (4, Target::Transitive(user.to_owned()))
        }
        [.., "permissions", "user", user] if parts.len() >= 5 => (3, Target::User(user.to_owned())),
        [.., "permissions", "team", team] if parts.len() >= 5 => (3, Target::Team(team.to_owned())),
        [.., "permissions", "user"] if parts.len() >= 4 => (2, Target::Users),
        [.., "permissions", "team"] if parts.len() >= 4 => (2, Target::Teams),
        [.., "manifest", digest] if parts.len() >= 4 => (2, Target::Manifest(digest.to_owned())),
        [.., "tag", tag] if parts.len() >= 4 => (2, Target::Tag(tag.to_owned())),
        [.., "tag"] if parts.len() >= 3 => (1, Target::Tags),
        [.., "changevisibility"] if parts.len() >= 3 => (1, Target::Visibility),
        [.., "logs"] if parts.len() >= 3 => (1, Target::Logs),
        [.., "aggregatelogs"] if parts.len() >= 3 => (1, Target::LogCounts),
        [_, _, ..] => (0, Target::Itself),
        _ => return None,
    };
    let name = &parts[..parts.len() - depth];
    RepositoryName::parse(&name.join("/")).ok().map(|name| (name, target))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(rest: &str) -> Option<(String, Target)> {
        parse(rest).map(|(name, target)| (name.to_string(), target))
    }

    #[test]
    fn every_target_is_found_behind_names_of_any_depth() {
        for name in ["org/app", "org/a/b/c", "org/tag", "org/permissions"] {
            for (suffix, target) in [
                ("", Target::Itself),
                ("/", Target::Itself),
                ("/tag/", Target::Tags),
                ("/tag", Target::Tags),
                ("/tag/v1", Target::Tag("v1".to_owned())),
                ("/tag/v1/restore", Target::Restore("v1".to_owned())),
                ("/manifest/sha256:0", Target::Manifest("sha256:0".to_owned())),
                ("/manifest/sha256:0/labels", Target::Labels("sha256:0".to_owned())),
                ("/manifest/sha256:0/labels/x", Target::Label("sha256:0".to_owned(), "x".to_owned())),
                ("/changevisibility", Target::Visibility),
                ("/permissions/user/", Target::Users),
                ("/permissions/user/org+ci", Target::User("org+ci".to_owned())),
                ("/permissions/team/", Target::Teams),
                ("/permissions/team/owners", Target::Team("owners".to_owned())),
                ("/permissions/user/bob/transitive", Target::Transitive("bob".to_owned())),
                ("/logs", Target::Logs),
                ("/aggregatelogs", Target::LogCounts),
            ] {
                assert_eq!(
                    read(&format!("{name}{suffix}")),
                    Some((name.to_owned(), target)),
                    "{name}{suffix}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_repository_name_is_nothing() {
        for rest in ["", "/", "org", "org/", "Org/app", "org//app", "org/app/..", "org/app/tag//restore/x/.."]
        {
            assert!(read(rest).is_none(), "{rest}");
        }
        // Too short for the word: it is a name.
        assert_eq!(read("org/tag/v1"), Some(("org/tag/v1".to_owned(), Target::Itself)));
    }

    proptest! {
        #[test]
        fn no_path_panics(rest in "[a-z/+.A-Z0-9_-]{0,60}|.{0,40}") {
            if let Some((name, _)) = parse(&rest) {
                prop_assert!(rest.starts_with(name.as_str()));
            }
        }
    }
}
