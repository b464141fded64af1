//! The reads behind a permission: what holds for this subject at this place, at this moment.

use std::sync::Arc;

use quay_db::tables::users::{Kind, User};
use quay_db::tables::{orgs, perms, repos, users};
use quay_db::{Conn, RepoId, UserId};
use quay_oci::RepositoryName;

use super::action::{Home, ManageNamespace, NamespaceAction};
use super::rights::{self, Facts, NamespaceFacts, RepositoryFacts, Rights, SubjectFacts};
use crate::caller::{Caller, Subject};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::rules::Rules;

/// What holds for a caller at a repository.
#[derive(Debug, Clone)]
pub struct Standing {
    pub(crate) rights: Rights,
    pub(crate) namespace: Option<UserId>,
    pub(crate) repo: Option<KnownRepo>,
}

/// What `Standing` keeps of a repository that exists.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownRepo {
    pub(crate) id: RepoId,
    pub(crate) namespace: UserId,
    pub(crate) visibility: repos::Visibility,
}

impl Core {
    /// Reads the standing of a caller at a repository.
    pub(crate) async fn standing(&self, caller: &Caller, name: &RepositoryName) -> Result<Standing> {
        let rules = self.rules();
        self.db().read(async |c| standing_at(c, &rules, caller, name).await).await
    }

    /// Reads the standing of a caller in a namespace; `None` when there is no such namespace.
    pub(crate) async fn namespace_standing(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Option<(Home, Rights)>> {
        let rules = self.rules();
        self.db()
            .read(async |c| -> Result<_> {
                let Some(owner) = users::by_name(c, name).await? else { return Ok(None) };
                if owner.kind == Kind::Robot {
                    return Ok(None);
                }
                let role = role_in(c, caller, &owner).await?;
                let facts = Facts {
                    subject: subject_facts(&rules, caller),
                    namespace: Some(namespace_facts(caller, &owner, role)),
                    ..Facts::default()
                };
                let rights = rights::rights(&facts);
                let home = Home {
                    id: owner.id,
                    name: Arc::from(&*owner.username),
                    organization: owner.kind == Kind::Organization,
                    manages: rights.manage
                        && caller.ceiling.reaches(ManageNamespace::scopes(owner.kind == Kind::Organization)),
                };
                Ok(Some((home, rights)))
            })
            .await
    }
}

/// The standing inside of a read or a write that is already open.
pub(crate) async fn standing_at(
    c: &mut Conn,
    rules: &Rules,
    caller: &Caller,
    name: &RepositoryName,
) -> Result<Standing> {
    let mut facts = Facts {
        subject: subject_facts(rules, caller),
        anonymous_access: rules.anonymous_access,
        ..Facts::default()
    };
    let owner = users::by_name(c, name.namespace()).await?.filter(|owner| owner.kind != Kind::Robot);
    let Some(owner) = owner else {
        facts.may_found_namespace = may_found(rules, caller, name.namespace());
        return Ok(Standing { rights: rights::rights(&facts), namespace: None, repo: None });
    };
    let repo = repos::find(c, name.namespace(), name.repository()).await?;
    let role = match (&repo, caller.identity()) {
        (Some(repo), Some(identity)) => {
            let grants = perms::grants(c, repo.id, owner.id, UserId(identity.id)).await?;
            facts.repository = Some(repository_facts(repo, grants.best()));
            grants.org
        }
        (Some(repo), None) => {
            facts.repository = Some(repository_facts(repo, None));
            None
        }
        (None, _) => role_in(c, caller, &owner).await?,
    };
    facts.namespace = Some(namespace_facts(caller, &owner, role));
    Ok(Standing {
        rights: rights::rights(&facts),
        namespace: Some(owner.id),
        repo: repo.map(|repo| KnownRepo {
            id: repo.id,
            namespace: repo.namespace,
            visibility: repo.visibility,
        }),
    })
}

async fn role_in(c: &mut Conn, caller: &Caller, owner: &User) -> Result<Option<orgs::TeamRole>, Error> {
    match (caller.identity(), owner.kind) {
        (Some(identity), Kind::Organization) => Ok(orgs::role(c, owner.id, UserId(identity.id)).await?),
        _ => Ok(None),
    }
}

fn subject_facts(rules: &Rules, caller: &Caller) -> SubjectFacts {
    match &caller.subject {
        Subject::Anonymous => SubjectFacts::Anonymous,
        Subject::Person(identity) => SubjectFacts::Account {
            owns_everything: rules.superusers_full_access
                && rules.is_superuser(&identity.name)
                && !rules.reads_everything(&identity.name),
            reads_everything: rules.reads_everything(&identity.name),
        },
        Subject::Robot(_) => SubjectFacts::Account { owns_everything: false, reads_everything: false },
    }
}

fn namespace_facts(caller: &Caller, owner: &User, role: Option<orgs::TeamRole>) -> NamespaceFacts {
    NamespaceFacts {
        enabled: owner.enabled,
        own: owner.kind == Kind::User && caller.person().is_some_and(|me| UserId(me.id) == owner.id),
        role,
    }
}

fn repository_facts(repo: &repos::Repo, role: Option<perms::Role>) -> RepositoryFacts {
    RepositoryFacts {
        public: repo.visibility == repos::Visibility::Public,
        writable: repo.state == repos::State::Normal,
        role,
    }
}

/// Whether a push by this caller may found the namespace: where the setting allows it, and superusers the library.
fn may_found(rules: &Rules, caller: &Caller, namespace: &str) -> bool {
    let Some(person) = caller.person() else { return false };
    if !crate::accounts::is_namespace(namespace) || rules.is_reserved(namespace) {
        return false;
    }
    if rules.library() == Some(namespace) {
        return rules.is_superuser(&person.name);
    }
    rules.create_namespace_on_push && !rules.is_kept(namespace)
}
