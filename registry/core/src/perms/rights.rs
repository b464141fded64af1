//! Rights as a pure function of facts: no reads, no clock, no tokens.
//!
//! `facts → Rights` says what a subject may do; `decide` cuts that to the ceiling of the credential and words the
//! refusal. Everything here is tested by tables.

use quay_db::tables::orgs::TeamRole;
use quay_db::tables::perms::Role;

/// What is known about the subject, the namespace and the repository at the moment of the request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    pub(crate) subject: SubjectFacts,
    /// The namespace; `None` when it does not exist.
    pub(crate) namespace: Option<NamespaceFacts>,
    /// The repository; `None` when it does not exist.
    pub(crate) repository: Option<RepositoryFacts>,
    /// Whether this subject may bring the missing namespace to life by pushing to it.
    pub(crate) may_found_namespace: bool,
    /// Whether the installation serves public repositories to anybody.
    pub(crate) anonymous_access: bool,
}

/// The asker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SubjectFacts {
    #[default]
    Anonymous,
    Account {
        /// A superuser of an installation where superusers own everything.
        owns_everything: bool,
        /// May read everything, write nothing by that.
        reads_everything: bool,
    },
}

/// The namespace as seen by the asker.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NamespaceFacts {
    /// Disabled namespaces give no rights to anybody.
    pub(crate) enabled: bool,
    /// The asker's own user namespace.
    pub(crate) own: bool,
    /// The asker's highest role in the organization's teams.
    pub(crate) role: Option<TeamRole>,
}

/// The repository as seen by the asker.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RepositoryFacts {
    pub(crate) public: bool,
    /// Not read-only and not fed by a mirror.
    pub(crate) writable: bool,
    /// The highest role granted, directly or by a team.
    pub(crate) role: Option<Role>,
}

/// What the subject may do there, whatever credential it shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights {
    /// The repository is there.
    pub exists: bool,
    /// Anybody may see it.
    pub public: bool,
    /// May see and fetch it.
    pub read: bool,
    /// May add to it and take from it.
    pub write: bool,
    /// May change its settings and permissions, or delete it.
    pub administer: bool,
    /// May create repositories in the namespace.
    pub create: bool,
    /// Member of the organization, or the person whose namespace it is.
    pub belongs: bool,
    /// May manage the namespace.
    pub manage: bool,
}

/// From facts to rights.
pub(crate) fn rights(facts: &Facts) -> Rights {
    let (account, owns_everything, reads_everything) = match facts.subject {
        SubjectFacts::Anonymous => (false, false, false),
        SubjectFacts::Account { owns_everything, reads_everything } => {
            (true, owns_everything, reads_everything)
        }
    };
    let Some(namespace) = facts.namespace else {
        let create = account && facts.may_found_namespace;
        return Rights { create, ..Rights::default() };
    };
    if !namespace.enabled {
        return Rights { exists: facts.repository.is_some(), ..Rights::default() };
    }
    let manage = account && (namespace.own || namespace.role == Some(TeamRole::Admin) || owns_everything);
    let create = manage || (account && namespace.role >= Some(TeamRole::Creator));
    let belongs = manage || (account && namespace.role.is_some());
    let mut rights = Rights { create, belongs, manage, ..Rights::default() };
    if let Some(repository) = facts.repository {
        let role = if account { repository.role } else { None };
        rights.exists = true;
        rights.public = repository.public;
        rights.administer = manage || role == Some(Role::Admin);
        rights.write = repository.writable && (rights.administer || role >= Some(Role::Write));
        rights.read = rights.administer
            || role.is_some()
            || reads_everything
            || (repository.public && (account || facts.anonymous_access));
    }
    rights
}

/// What is wanted of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// See and fetch.
    Pull,
    /// Add; also brings a missing repository to life.
    Push,
    /// Take away content.
    Delete,
    /// Change settings and permissions, or delete the repository.
    Administer,
}

/// The answer, before it is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    Challenge,
    InsufficientScope,
    Denied,
    NameUnknown,
}

/// From rights to an answer. `covered` says whether the credential's ceiling covers what is wanted.
pub(crate) fn decide(wanted: Wanted, rights: Rights, anonymous: bool, covered: bool) -> Verdict {
    let entitled = match (rights.exists, wanted) {
        (false, _) => rights.create,
        (true, Wanted::Pull) => rights.read,
        (true, Wanted::Push | Wanted::Delete) => rights.write,
        (true, Wanted::Administer) => rights.administer,
    };
    // What anybody may read needs no token, hence none that covers it.
    let open = wanted == Wanted::Pull && rights.exists && rights.public && rights.read;
    match (entitled, covered || open) {
        (false, _) if anonymous => Verdict::Challenge,
        (false, _) => Verdict::Denied,
        (true, false) => Verdict::InsufficientScope,
        (true, true) if !rights.exists && wanted != Wanted::Push => Verdict::NameUnknown,
        (true, true) => Verdict::Allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: SubjectFacts = SubjectFacts::Account { owns_everything: false, reads_everything: false };
    const OWNER_OF_ALL: SubjectFacts =
        SubjectFacts::Account { owns_everything: true, reads_everything: false };
    const READER_OF_ALL: SubjectFacts =
        SubjectFacts::Account { owns_everything: false, reads_everything: true };

    fn namespace(own: bool, role: Option<TeamRole>) -> Option<NamespaceFacts> {
        Some(NamespaceFacts { enabled: true, own, role })
    }

    fn repository(public: bool, role: Option<Role>) -> Option<RepositoryFacts> {
        Some(RepositoryFacts { public, writable: true, role })
    }

    fn letters(facts: &Facts) -> String {
        let r = rights(facts);
        [
            ('r', r.read),
            ('w', r.write),
            ('a', r.administer),
            ('c', r.create),
            ('b', r.belongs),
            ('m', r.manage),
        ]
        .into_iter()
        .map(|(letter, held)| if held { letter } else { '-' })
        .collect()
    }

    #[test]
    fn rights_follow_the_matrix() {
        use TeamRole::{Admin, Creator, Member};
        let stranger = namespace(false, None);
        let table = [
            ("anonymous, public", SubjectFacts::Anonymous, stranger, repository(true, None), "r-----"),
            ("anonymous, private", SubjectFacts::Anonymous, stranger, repository(false, None), "------"),
            ("anonymous, missing", SubjectFacts::Anonymous, stranger, None, "------"),
            ("stranger, public", PERSON, stranger, repository(true, None), "r-----"),
            ("stranger, private", PERSON, stranger, repository(false, None), "------"),
            ("repo read", PERSON, stranger, repository(false, Some(Role::Read)), "r-----"),
            ("repo write", PERSON, stranger, repository(false, Some(Role::Write)), "rw----"),
            ("repo admin", PERSON, stranger, repository(false, Some(Role::Admin)), "rwa---"),
            ("team member", PERSON, namespace(false, Some(Member)), repository(false, None), "----b-"),
            ("team creator", PERSON, namespace(false, Some(Creator)), repository(false, None), "---cb-"),
            ("team creator, missing", PERSON, namespace(false, Some(Creator)), None, "---cb-"),
            ("team admin", PERSON, namespace(false, Some(Admin)), repository(false, None), "rwacbm"),
            ("own namespace", PERSON, namespace(true, None), repository(false, None), "rwacbm"),
            ("own namespace, missing", PERSON, namespace(true, None), None, "---cbm"),
            ("full-access superuser", OWNER_OF_ALL, stranger, repository(false, None), "rwacbm"),
            ("read-only superuser", READER_OF_ALL, stranger, repository(false, None), "r-----"),
            ("missing namespace", PERSON, None, None, "------"),
        ];
        for (name, subject, namespace, repository, expected) in table {
            let facts = Facts { subject, namespace, repository, anonymous_access: true, ..Facts::default() };
            assert_eq!(letters(&facts), expected, "{name}");
        }
    }

    #[test]
    fn without_anonymous_access_public_repositories_need_an_account() {
        let facts = Facts {
            namespace: namespace(false, None),
            repository: repository(true, None),
            anonymous_access: false,
            ..Facts::default()
        };
        assert!(!rights(&facts).read);
        assert!(rights(&Facts { subject: PERSON, ..facts }).read);
    }

    #[test]
    fn nobody_has_rights_in_a_disabled_namespace() {
        let facts = Facts {
            subject: OWNER_OF_ALL,
            namespace: Some(NamespaceFacts { enabled: false, own: true, role: Some(TeamRole::Admin) }),
            repository: repository(true, Some(Role::Admin)),
            may_found_namespace: true,
            anonymous_access: true,
        };
        assert_eq!(letters(&facts), "------");
    }

    #[test]
    fn a_read_only_repository_is_administered_but_not_written() {
        let facts = Facts {
            subject: PERSON,
            namespace: namespace(true, None),
            repository: Some(RepositoryFacts { public: false, writable: false, role: None }),
            ..Facts::default()
        };
        assert_eq!(letters(&facts), "r-acbm");
    }

    #[test]
    fn only_accounts_found_namespaces() {
        let facts = Facts { may_found_namespace: true, ..Facts::default() };
        assert!(!rights(&facts).create);
        assert!(rights(&Facts { subject: PERSON, ..facts }).create);
    }

    #[test]
    fn refusals_tell_what_would_help() {
        use Verdict::{Allowed, Challenge, Denied, InsufficientScope, NameUnknown};
        use Wanted::{Administer, Delete, Pull, Push};
        let none = Rights::default();
        let private = Rights { exists: true, ..none };
        let readable = Rights { exists: true, read: true, ..none };
        let open = Rights { public: true, ..readable };
        let writable = Rights { write: true, ..readable };
        let creatable = Rights { create: true, ..none };
        // (wanted, rights, anonymous, covered) → verdict
        let table = [
            (Pull, none, true, true, Challenge),
            (Pull, private, true, true, Challenge),
            (Push, open, true, true, Challenge),
            (Pull, open, true, true, Allowed),
            (Pull, open, true, false, Allowed),
            (Pull, open, false, false, Allowed),
            (Push, open, false, false, Denied),
            (Pull, none, false, true, Denied),
            (Pull, private, false, true, Denied),
            (Pull, private, false, false, Denied),
            (Pull, readable, false, false, InsufficientScope),
            (Pull, readable, false, true, Allowed),
            (Push, readable, false, true, Denied),
            (Push, writable, false, false, InsufficientScope),
            (Push, writable, false, true, Allowed),
            (Delete, writable, false, true, Allowed),
            (Administer, writable, false, true, Denied),
            (Pull, creatable, false, true, NameUnknown),
            (Pull, creatable, false, false, InsufficientScope),
            (Push, creatable, false, true, Allowed),
            (Push, creatable, false, false, InsufficientScope),
            (Delete, creatable, false, true, NameUnknown),
            (Administer, creatable, false, true, NameUnknown),
        ];
        for (wanted, rights, anonymous, covered, expected) in table {
            let got = decide(wanted, rights, anonymous, covered);
            assert_eq!(got, expected, "{wanted:?} {rights:?} anonymous={anonymous} covered={covered}");
        }
    }
}
