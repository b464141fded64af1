//! The actions one can be allowed to do, and the places they are done at.

use std::fmt::Debug;
use std::sync::Arc;

use quay_db::tables::repos::Visibility;
use quay_db::{RepoId, UserId};
use quay_oci::RepositoryName;

use super::rights::{Rights, Wanted};
use super::standing::Standing;
use crate::auth::ApiScopes;

mod sealed {
    pub trait Sealed: Send + Sync + 'static {}
}

/// Something a caller can be allowed to do; the set is closed.
pub trait Action: sealed::Sealed {
    /// What is known about the place once the right is proven.
    type Place: Clone + Debug + Send + Sync;
}

/// An action on a repository.
pub trait RepositoryAction: Action {
    /// What it means in terms of rights.
    const WANTED: Wanted;
    /// The registry scope that covers it.
    const SCOPE: &'static [&'static str];
    #[doc(hidden)]
    fn place(name: &RepositoryName, standing: &Standing) -> Option<Self::Place>;
}

/// An action on a namespace.
pub trait NamespaceAction: Action<Place = Home> {
    /// Scopes of access tokens that cover it, in an organization or in a person's own namespace.
    fn scopes(organization: bool) -> ApiScopes;
    #[doc(hidden)]
    fn entitled(rights: Rights) -> bool;
}

/// A repository that exists.
#[derive(Debug, Clone)]
pub struct Existing {
    pub(crate) name: RepositoryName,
    pub(crate) namespace: UserId,
    pub(crate) repo: RepoId,
    pub(crate) visibility: Visibility,
    pub(crate) rights: Rights,
}

/// A repository to write to, which may have to be created first.
#[derive(Debug, Clone)]
pub struct Target {
    pub(crate) name: RepositoryName,
    pub(crate) repo: Option<RepoId>,
}

/// A namespace that exists.
#[derive(Debug, Clone)]
pub struct Home {
    pub(crate) id: UserId,
    pub(crate) name: Arc<str>,
    pub(crate) organization: bool,
    /// May manage it, by right and by credential.
    pub(crate) manages: bool,
}

/// An account of a person.
#[derive(Debug, Clone)]
pub struct AccountPlace {
    pub(crate) id: UserId,
    pub(crate) name: Arc<str>,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident at $place:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl sealed::Sealed for $name {}
        impl Action for $name {
            type Place = $place;
        }
    )*};
}

actions! {
    /// See and fetch what a repository holds.
    Pull at Existing;
    /// Add to a repository, which is created when it is missing.
    Push at Target;
    /// Take content away from a repository.
    Delete at Existing;
    /// Change a repository's settings and permissions, or delete it.
    Administer at Existing;
    /// See the inside of a namespace: members, teams, robots.
    ViewNamespace at Home;
    /// Create repositories in a namespace.
    CreateRepository at Home;
    /// Manage a namespace: teams, members, robots, deletion.
    ManageNamespace at Home;
    /// Act on one's own account.
    Account at AccountPlace;
    /// Use a superuser's powers.
    Superuser at ();
}

impl Existing {
    fn at(name: &RepositoryName, standing: &Standing) -> Option<Self> {
        let repo = standing.repo.as_ref()?;
        Some(Self {
            name: name.clone(),
            namespace: repo.namespace,
            repo: repo.id,
            visibility: repo.visibility,
            rights: standing.rights,
        })
    }
}

macro_rules! on_existing {
    ($($name:ident wants $wanted:ident by $scope:expr;)*) => {$(
        impl RepositoryAction for $name {
            const WANTED: Wanted = Wanted::$wanted;
            const SCOPE: &'static [&'static str] = &$scope;
            fn place(name: &RepositoryName, standing: &Standing) -> Option<Existing> {
                Existing::at(name, standing)
            }
        }
    )*};
}

on_existing! {
    Pull wants Pull by ["pull"];
    Delete wants Delete by ["pull", "push"];
    Administer wants Administer by ["*"];
}

impl RepositoryAction for Push {
    const WANTED: Wanted = Wanted::Push;
    const SCOPE: &'static [&'static str] = &["pull", "push"];
    fn place(name: &RepositoryName, standing: &Standing) -> Option<Target> {
        Some(Target { name: name.clone(), repo: standing.repo.as_ref().map(|repo| repo.id) })
    }
}

impl NamespaceAction for ViewNamespace {
    fn scopes(_: bool) -> ApiScopes {
        ApiScopes::ORG_ADMIN.with(ApiScopes::REPO_READ).with(ApiScopes::USER_READ).with(ApiScopes::USER_ADMIN)
    }
    fn entitled(rights: Rights) -> bool {
        rights.belongs
    }
}

impl NamespaceAction for CreateRepository {
    fn scopes(_: bool) -> ApiScopes {
        ApiScopes::REPO_CREATE
    }
    fn entitled(rights: Rights) -> bool {
        rights.create
    }
}

impl NamespaceAction for ManageNamespace {
    fn scopes(organization: bool) -> ApiScopes {
        if organization { ApiScopes::ORG_ADMIN } else { ApiScopes::USER_ADMIN }
    }
    fn entitled(rights: Rights) -> bool {
        rights.manage
    }
}
