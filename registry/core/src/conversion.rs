//! A person's account becomes an organization, which belongs to somebody else from then on.
//!
//! Name, repositories and robots stay; every way to log in as the person ends, and so does what the person had
//! elsewhere, since an organization is no member and has no permissions.

use quay_db::tables::orgs::{self, TeamRole};
use quay_db::tables::users as rows;
use quay_db::{Tx, UserId};

use crate::audit::Entry;
use crate::core::Core;
use crate::error::{Error, Missing, Result};
use crate::landing::OWNERS;
use crate::own_account::whole;
use crate::perms::{Account, Allowed};
use crate::secret::Secret;

impl Core {
    /// Makes one's own account an organization of another person, who shows their password.
    pub async fn convert_account(
        &self,
        who: &Allowed<Account>,
        owner: &str,
        owners_password: &Secret,
    ) -> Result<()> {
        whole(who)?;
        if self.rules().is_kept(&who.place.name) {
            return Err(Error::bad_request(format!(
                "{} cannot become an organization: the configuration of this registry names the account",
                who.place.name
            )));
        }
        let owner = match self.verify_person(owner, owners_password, who.caller.from).await {
            Ok(owner) => owner,
            Err(Error::BadCredentials(_)) => {
                return Err(Error::bad_request("The admin user credentials are not valid"));
            }
            Err(other) => return Err(other),
        };
        if owner.id == who.place.id {
            return Err(Error::bad_request(
                "The admin user is not valid: an organization needs another person as its owner",
            ));
        }
        let (id, now_ms) = (who.place.id, self.now_ms());
        let entry = Entry::by("account_convert", &who.caller, now_ms)
            .on_namespace(id)
            .detail("username", &*who.place.name)
            .detail("admin", owner.username);
        let owner = owner.id;
        self.db()
            .write(async move |tx| -> Result<()> {
                if let Some(found) = orgs::of_user(tx, id).await?.first() {
                    return Err(Error::bad_request(format!(
                        "A member of a team cannot become an organization: leave the organization {} first",
                        found.org.username
                    )));
                }
                become_organization(tx, id, owner, now_ms).await?;
                entry.record(tx).await?;
                Ok(())
            })
            .await
    }
}

/// Turns a person's account into an organization with one owner.
pub(crate) async fn become_organization(tx: &mut Tx, id: UserId, owner: UserId, now_ms: i64) -> Result<()> {
    // The owner may have gone, or become an organization, since the password was shown.
    let stands =
        rows::get(tx, owner).await?.is_some_and(|owner| owner.kind == rows::Kind::User && owner.enabled);
    if !stands || !rows::become_organization(tx, id).await? {
        return Err(Missing::User.into());
    }
    let team = orgs::create_team(tx, id, OWNERS, TeamRole::Admin, "", now_ms).await?;
    let team = team.ok_or_else(|| Error::internal("a person's account has a team"))?;
    orgs::add_member(tx, team.id, owner, now_ms).await?;
    Ok(())
}
