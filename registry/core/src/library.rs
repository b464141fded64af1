//! The namespace of names without one: `HOST/etherpad` is `library/etherpad`.
//!
//! It is an organization that exists from the start and belongs to the superusers; everybody else needs a team in it
//! as in any other. One that somebody else founded before is left alone.

use quay_db::tables::orgs;
use quay_db::tables::state;
use quay_db::tables::users::{self, Kind};
use quay_oci::{ErrorCode, RepositoryName};

use crate::auth::identity;
use crate::caller::{Caller, Ceiling, Credential, Subject};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::landing::{OWNERS, found_organization};

/// Remembers which organization was founded here, so that no other is taken for it.
const FOUNDED: &str = "library organization";

impl Core {
    /// What a name stands for: one without a namespace belongs to the library, or is refused.
    pub fn resolve(&self, name: RepositoryName) -> Result<RepositoryName> {
        if !name.is_short() {
            return Ok(name);
        }
        let rules = self.rules();
        let short = name.repository();
        let invalid = |message| Error::invalid(ErrorCode::NameInvalid, message);
        match rules.library() {
            Some(quay_oci::name::LIBRARY) => Ok(name),
            Some(library) => RepositoryName::from_parts(library, short).map_err(|e| invalid(e.to_string())),
            None => Err(invalid(format!(
                "the name {short} has no namespace, and FEATURE_LIBRARY_SUPPORT is false: write NAMESPACE/{short}"
            ))),
        }
    }

    /// Makes sure that the library exists and belongs to the superusers that have accounts.
    pub async fn ensure_library(&self) -> Result<()> {
        let rules = self.rules();
        let Some(library) = rules.library() else { return Ok(()) };
        let (library, uuid, now_ms) = (library.to_owned(), self.uuid()?, self.now_ms());
        let names: Vec<String> =
            rules.superusers().filter(|name| rules.is_superuser(name)).map(str::to_owned).collect();
        let founded = self
            .db()
            .write(async move |tx| -> Result<bool> {
                let mut owners = Vec::new();
                for name in &names {
                    owners.extend(users::by_name(tx, name).await?.filter(|user| user.kind == Kind::User));
                }
                let Some(first) = owners.first() else { return Ok(false) };
                let (org, founded) = match users::by_name(tx, &library).await? {
                    Some(org) => (org, false),
                    None => {
                        // Nobody asked for it: the deed is the registry's, in the first superuser's name.
                        let caller = Caller {
                            subject: Subject::Person(identity(first)),
                            credential: Credential::None,
                            ceiling: Ceiling::Everything,
                            from: std::net::Ipv4Addr::LOCALHOST.into(),
                        };
                        let org =
                            found_organization(tx, &rules, &caller, first.id, &library, None, &uuid, now_ms);
                        let org = org.await?.ok_or_else(|| {
                            Error::internal("founding the library failed: its name was taken meanwhile")
                        })?;
                        state::set(tx, FOUNDED, org.uuid.as_bytes()).await?;
                        (org, true)
                    }
                };
                let ours = state::get(tx, FOUNDED).await?.as_deref() == Some(org.uuid.as_bytes());
                if ours && let Some(team) = orgs::team(tx, org.id, OWNERS).await? {
                    for owner in &owners {
                        orgs::add_member(tx, team.id, owner.id, now_ms).await?;
                    }
                }
                Ok(founded)
            })
            .await?;
        if founded {
            tracing::info!(namespace = self.rules().library(), "the namespace of names without one was made");
        }
        Ok(())
    }
}
