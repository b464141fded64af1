//! Which repositories a caller sees in lists: what the subject may pull, cut to what the credential reaches.

use quay_db::UserId;
use quay_db::tables::repos::{self, Repo};

use crate::auth::ApiScopes;
use crate::caller::{Caller, Ceiling, RepositoryGrant};
use crate::core::Core;
use crate::error::Result;

/// The repositories a caller sees.
#[derive(Debug, Clone)]
pub(crate) enum Sight {
    /// All there are.
    Everything,
    /// Those that this account may pull.
    Of(UserId),
    /// The public ones and those that a token names.
    Named(Vec<RepositoryGrant>),
    /// The public ones.
    Public,
}

/// A place in a list of all namespaces.
pub(crate) type Place = (String, String);

impl Core {
    /// What a caller sees.
    pub(crate) fn sight(&self, caller: &Caller) -> Sight {
        let Some(id) = caller.user_id() else { return Sight::Public };
        match &caller.ceiling {
            Ceiling::Registry { repositories, catalog: false } => return Sight::Named(repositories.to_vec()),
            Ceiling::Api(scopes) => {
                let reading = ApiScopes::REPO_READ.with(ApiScopes::REPO_WRITE).with(ApiScopes::REPO_ADMIN);
                if !scopes.any(reading) {
                    return Sight::Public;
                }
            }
            Ceiling::Everything | Ceiling::Registry { catalog: true, .. } => {}
        }
        let rules = self.rules();
        let everything = caller.person().is_some_and(|me| {
            rules.reads_everything(&me.name) || (rules.superusers_full_access && rules.is_superuser(&me.name))
        });
        if everything { Sight::Everything } else { Sight::Of(UserId(id)) }
    }

    /// Up to `limit` repositories in sight, by namespace and name, after a place.
    pub(crate) async fn in_sight(
        &self,
        caller: &Caller,
        sight: Sight,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Repo>> {
        let named = match &sight {
            Sight::Named(grants) => self.pullable(caller, grants, after.as_ref()).await?,
            Sight::Everything | Sight::Of(_) | Sight::Public => Vec::new(),
        };
        let mut found = self
            .db()
            .scan(async move |c| {
                let after = after.as_ref().map(|(namespace, name)| (&**namespace, &**name));
                match sight {
                    Sight::Everything => repos::list_all(c, after, limit).await,
                    Sight::Of(me) => repos::list_visible(c, me, after, limit).await,
                    Sight::Named(_) | Sight::Public => repos::list_public(c, after, limit).await,
                }
            })
            .await?;
        if !named.is_empty() {
            found.extend(named);
            found.sort_by(|a, b| key(a).cmp(&key(b)));
            found.dedup_by(|a, b| a.id == b.id);
            found.truncate(limit as usize);
        }
        Ok(found)
    }

    /// The repositories of these grants that the caller may pull now.
    async fn pullable(
        &self,
        caller: &Caller,
        grants: &[RepositoryGrant],
        after: Option<&Place>,
    ) -> Result<Vec<Repo>> {
        let mut found = Vec::new();
        for grant in grants.iter().filter(|grant| grant.pull || grant.push || grant.administer) {
            let name = &grant.name;
            let behind = after.is_some_and(|(namespace, repo)| {
                (name.namespace(), name.repository()) <= (&**namespace, &**repo)
            });
            if behind || !self.standing(caller, name).await?.rights.read {
                continue;
            }
            let repo =
                self.db().read(async |c| repos::find(c, name.namespace(), name.repository()).await).await?;
            found.extend(repo);
        }
        Ok(found)
    }
}

fn key(repo: &Repo) -> (&str, &str) {
    (&repo.namespace_name, &repo.name)
}
