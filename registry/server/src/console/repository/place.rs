//! What stands behind `/repository/`: a repository's name of any depth, and which of its pages is meant.
//!
//! Actions stand behind `/-/`, which can be no component of a name. A name may have a component called `tag` or
//! `manifest`; the reading as a page wins, so long as two components are left for the name.

use quay_oci::RepositoryName;

/// Which page of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Its own, with tabs.
    Itself,
    /// A tag's.
    Tag(String),
    /// A manifest's, by digest.
    Manifest(String),
    /// A form that changes something.
    Action(String),
}

/// Reads what stands behind `/repository/`, decoded.
pub(super) fn parse(rest: &str) -> Option<(RepositoryName, Place)> {
    let parts: Vec<&str> = rest.strip_suffix('/').unwrap_or(rest).split('/').collect();
    let (depth, place) = match *parts.as_slice() {
        [.., "-", action] if parts.len() >= 4 => (2, Place::Action(action.to_owned())),
        [.., "tag", tag] if parts.len() >= 4 => (2, Place::Tag(tag.to_owned())),
        [.., "manifest", digest] if parts.len() >= 4 => (2, Place::Manifest(digest.to_owned())),
        [_, _, ..] => (0, Place::Itself),
        _ => return None,
    };
    let name = &parts[..parts.len() - depth];
    RepositoryName::parse(&name.join("/")).ok().map(|name| (name, place))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_page_is_found_behind_names_of_any_depth() {
        for name in ["org/app", "org/a/b/c", "org/tag", "org/manifest"] {
            for (suffix, place) in [
                ("", Place::Itself),
                ("/", Place::Itself),
                ("/tag/v1", Place::Tag("v1".to_owned())),
                ("/manifest/sha256:00", Place::Manifest("sha256:00".to_owned())),
                ("/-/delete", Place::Action("delete".to_owned())),
            ] {
                let (found, at) = parse(&format!("{name}{suffix}")).expect("a place");
                assert_eq!((found.as_str(), at), (name, place), "{name}{suffix}");
            }
        }
    }

    #[test]
    fn what_is_no_repository_name_is_nothing() {
        for rest in [
            "",
            "/",
            "org",
            "org/",
            "Org/app",
            "org//app",
            "org/app/..",
            "-/delete",
            "org/-/delete",
            "org/app/-",
        ] {
            assert!(parse(rest).is_none(), "{rest}");
        }
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
