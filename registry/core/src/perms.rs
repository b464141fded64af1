//! Who may do what: the only place that makes [`Allowed`] values.
//!
//! ```text
//!   Caller ──► standing (reads what holds now) ──► rights (pure) ──► decide (pure) ──► Allowed<Action> or Refusal
//! ```
//!
//! Operations take `Allowed<_>`, so code that forgot to ask does not compile. Rights are read at every request: a
//! credential caps them and never carries them.

mod action;
pub(crate) mod rights;
mod standing;

use quay_db::tables::repos::Visibility;
use quay_db::{RepoId, UserId};
use quay_oci::RepositoryName;

pub use action::{
    Account, Administer, CreateRepository, Delete, ManageNamespace, NamespaceAction, Pull, Push,
    RepositoryAction, Superuser, ViewNamespace,
};
pub(crate) use action::{AccountPlace, Action, Existing, Home, Target};
pub use rights::{Rights, Wanted};
pub use standing::Standing;
pub(crate) use standing::standing_at;

use crate::auth::ApiScopes;
use crate::caller::{Caller, Ceiling};
use crate::core::Core;
use crate::error::{Error, Missing, Refusal, Result, Scope};
use rights::Verdict;

/// Proof that a caller may do `A` at a place, right now.
#[derive(Debug, Clone)]
pub struct Allowed<A: Action> {
    pub(crate) caller: Caller,
    pub(crate) place: A::Place,
}

impl Core {
    /// Asks for a right on a repository.
    pub async fn allow<A: RepositoryAction>(
        &self,
        caller: &Caller,
        name: &RepositoryName,
    ) -> Result<Allowed<A>> {
        let standing = self.standing(caller, name).await?;
        self.judge(caller, name, &standing)
    }

    /// The part of [`Core::allow`] after the reads.
    pub(crate) fn judge<A: RepositoryAction>(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        standing: &Standing,
    ) -> Result<Allowed<A>> {
        let covered = covers(&caller.ceiling, A::WANTED, name);
        let scope = || Scope { name: name.as_str().to_owned(), actions: A::SCOPE };
        let refusal = match rights::decide(A::WANTED, standing.rights, caller.is_anonymous(), covered) {
            Verdict::Allowed => match A::place(name, standing) {
                Some(place) => return Ok(Allowed { caller: caller.clone(), place }),
                None => Refusal::NameUnknown,
            },
            Verdict::Challenge => Refusal::Challenge { scope: Some(scope()) },
            Verdict::InsufficientScope => Refusal::InsufficientScope { scope: scope() },
            Verdict::Denied => Refusal::Denied,
            Verdict::NameUnknown => Refusal::NameUnknown,
        };
        Err(refusal.into())
    }

    /// Asks for a right on a namespace: an organization or a person's own.
    pub async fn allow_in<A: NamespaceAction>(&self, caller: &Caller, namespace: &str) -> Result<Allowed<A>> {
        let Some((home, rights)) = self.namespace_standing(caller, namespace).await? else {
            // Names of accounts are public: whoever is logged in may know that there is none.
            return Err(if caller.is_anonymous() { challenge() } else { Missing::Organization.into() });
        };
        let covered = caller.ceiling.reaches(A::scopes(home.organization));
        match (A::entitled(rights), covered) {
            (true, true) => Ok(Allowed { caller: caller.clone(), place: home }),
            _ if caller.is_anonymous() => Err(challenge()),
            _ => Err(Refusal::Denied.into()),
        }
    }

    /// Asks for the right to act on one's own account: a person who is logged in.
    pub async fn allow_account(&self, caller: &Caller) -> Result<Allowed<Account>> {
        let Some(identity) = caller.person() else {
            return Err(if caller.is_anonymous() { challenge() } else { Refusal::Denied.into() });
        };
        let covered = caller
            .ceiling
            .reaches(ApiScopes::USER_READ.with(ApiScopes::USER_ADMIN).with(ApiScopes::ORG_ADMIN));
        if !covered {
            return Err(Refusal::Denied.into());
        }
        let place = AccountPlace { id: UserId(identity.id), name: identity.name.clone() };
        Ok(Allowed { caller: caller.clone(), place })
    }

    /// Asks for a superuser's powers.
    pub async fn allow_superuser(&self, caller: &Caller) -> Result<Allowed<Superuser>> {
        let covered = caller.ceiling.reaches(ApiScopes::SUPER_USER);
        match caller.person() {
            Some(identity) if covered && self.is_superuser(&identity.name) => {
                Ok(Allowed { caller: caller.clone(), place: () })
            }
            Some(_) => Err(Refusal::Denied.into()),
            None if caller.is_anonymous() => Err(challenge()),
            None => Err(Refusal::Denied.into()),
        }
    }

    /// Whether the account of this name is a superuser.
    pub fn is_superuser(&self, name: &str) -> bool {
        self.rules().is_superuser(name)
    }
}

fn challenge() -> Error {
    Refusal::Challenge { scope: None }.into()
}

/// Whether a credential's ceiling covers what is wanted of a repository.
pub(crate) fn covers(ceiling: &Ceiling, wanted: Wanted, name: &RepositoryName) -> bool {
    match ceiling {
        Ceiling::Everything => true,
        Ceiling::Registry { repositories, .. } => {
            repositories.iter().filter(|grant| grant.name == *name).any(|grant| match wanted {
                Wanted::Pull => grant.pull || grant.push || grant.administer,
                Wanted::Push => grant.push || grant.administer,
                Wanted::Delete => grant.push || grant.delete || grant.administer,
                Wanted::Administer => grant.administer,
            })
        }
        Ceiling::Api(scopes) => {
            let administer = ApiScopes::REPO_ADMIN;
            let write = administer.with(ApiScopes::REPO_WRITE);
            scopes.any(match wanted {
                Wanted::Pull => write.with(ApiScopes::REPO_READ),
                Wanted::Push | Wanted::Delete => write,
                Wanted::Administer => administer,
            })
        }
    }
}

impl<A: Action> Allowed<A> {
    /// Who was allowed.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl Allowed<Pull> {
    /// Whether anybody may read the repository: answers may then be kept by shared caches.
    pub fn is_public(&self) -> bool {
        self.place.visibility == Visibility::Public
    }
}

impl<A: Action<Place = Existing>> Allowed<A> {
    /// The repository this is about.
    pub fn repository(&self) -> &RepositoryName {
        &self.place.name
    }

    pub(crate) fn repo(&self) -> RepoId {
        self.place.repo
    }
}

impl Allowed<Push> {
    /// The repository this is about; it may not exist yet.
    pub fn repository(&self) -> &RepositoryName {
        &self.place.name
    }
}

impl<A: Action<Place = Home>> Allowed<A> {
    /// The namespace this is about.
    pub fn namespace(&self) -> &str {
        &self.place.name
    }
}
