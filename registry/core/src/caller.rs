//! Who is asking: the proven subject, the credential it was proven by, and the ceiling of that credential.
//!
//! A caller says nothing about rights: those are looked up at every request by `perms`.

use std::net::IpAddr;
use std::sync::Arc;

use quay_oci::RepositoryName;

use crate::auth::ApiScopes;

/// Who is asking, from where, and how far the credential at hand reaches at most.
#[derive(Debug, Clone)]
pub struct Caller {
    pub(crate) subject: Subject,
    pub(crate) credential: Credential,
    pub(crate) ceiling: Ceiling,
    pub(crate) from: IpAddr,
}

/// The proven subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    Anonymous,
    Person(Identity),
    Robot(Identity),
}

/// An account by id and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) id: i64,
    pub(crate) uuid: Arc<str>,
    pub(crate) name: Arc<str>,
}

/// What proved the subject. The generation is raised when the credential changes, which ends every token drawn from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    None,
    Password { generation: i64 },
    Robot { generation: i64 },
    AccessToken { uuid: Arc<str> },
}

/// The most a credential can be used for; rights are cut to it, never widened by it.
#[derive(Debug, Clone)]
pub(crate) enum Ceiling {
    /// Everything the subject may do.
    Everything,
    /// The repositories and actions named by a registry token, and whether it covers the catalog.
    Registry { repositories: Arc<[RepositoryGrant]>, catalog: bool },
    /// The scopes of an access token of the REST interface.
    Api(ApiScopes),
}

impl Ceiling {
    /// Whether it covers what one of these scopes of the REST interface stands for.
    pub(crate) fn reaches(&self, scopes: ApiScopes) -> bool {
        match self {
            Self::Everything => true,
            Self::Registry { .. } => false,
            Self::Api(held) => held.any(scopes),
        }
    }
}

/// One repository in a registry token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RepositoryGrant {
    pub(crate) name: RepositoryName,
    pub(crate) pull: bool,
    pub(crate) push: bool,
    pub(crate) delete: bool,
    pub(crate) administer: bool,
}

impl Caller {
    /// Nobody in particular.
    pub fn anonymous(from: IpAddr) -> Self {
        Self { subject: Subject::Anonymous, credential: Credential::None, ceiling: Ceiling::Everything, from }
    }

    /// Whether nobody is logged in.
    pub fn is_anonymous(&self) -> bool {
        self.subject == Subject::Anonymous
    }

    /// Whether this is a robot account.
    pub fn is_robot(&self) -> bool {
        matches!(self.subject, Subject::Robot(_))
    }

    /// The account's name.
    pub fn name(&self) -> Option<&str> {
        self.identity().map(|identity| &*identity.name)
    }

    /// The account's id.
    pub fn user_id(&self) -> Option<i64> {
        self.identity().map(|identity| identity.id)
    }

    /// Where the request comes from.
    pub fn from(&self) -> IpAddr {
        self.from
    }

    pub(crate) fn identity(&self) -> Option<&Identity> {
        match &self.subject {
            Subject::Anonymous => None,
            Subject::Person(identity) | Subject::Robot(identity) => Some(identity),
        }
    }

    pub(crate) fn person(&self) -> Option<&Identity> {
        match &self.subject {
            Subject::Person(identity) => Some(identity),
            Subject::Anonymous | Subject::Robot(_) => None,
        }
    }
}
