//! Encrypted passwords, in Quay's words: what a person gives to docker, podman or helm in the place of a password.
//!
//! One is a sealed value that names an account and the generation of its password, and holds no password: whoever
//! steals it can neither sign in with it nor learn what would. It opens the registry protocol only, and is void
//! when the password changes and when the account is disabled or deleted.

use quay_db::tables::users::User;

use crate::audit::Entry;
use crate::auth::sealing::Purpose;
use crate::core::Core;
use crate::error::Result;
use crate::own_account::whole;
use crate::perms::{Account, Allowed};
use crate::secret::Secret;

/// Characters of every such key: 37 sealed bytes. Passwords of other lengths are not tried as one.
const LENGTH: usize = 74;

impl Core {
    /// Makes an encrypted password for one's own account, which the password is shown for.
    pub async fn client_key(&self, who: &Allowed<Account>, password: &Secret) -> Result<Secret> {
        whole(who)?;
        let user = self.verify_person(&who.place.name, password, who.caller.from).await?;
        let key = self.seal_client_key(&user)?;
        let entry = Entry::by("user_generate_client_key", &who.caller, self.now_ms()).on_namespace(user.id);
        self.db().write(async move |tx| entry.record(tx).await).await?;
        Ok(key)
    }

    /// The encrypted password of an account as it stands.
    pub(crate) fn seal_client_key(&self, user: &User) -> Result<Secret> {
        let generation = user.generation.to_be_bytes();
        let sealed = self.sealing().seal(self.entropy(), Purpose::ClientKey, &user.uuid, &generation)?;
        Ok(Secret::new(hex::encode(sealed)))
    }

    /// The person of this name, when `presented` is an encrypted password of theirs that still stands.
    pub(crate) async fn holder_of_client_key(
        &self,
        username: &str,
        presented: &Secret,
    ) -> Result<Option<User>> {
        if presented.expose().len() != LENGTH {
            return Ok(None);
        }
        let Ok(sealed) = hex::decode(presented.expose()) else { return Ok(None) };
        let Some(user) = self.person_named(username).await? else { return Ok(None) };
        // What does not open is a password that looks alike, and is judged as one.
        let opened = self.sealing().open(Purpose::ClientKey, &user.uuid, &sealed).ok();
        let stands = opened.is_some_and(|generation| **generation == user.generation.to_be_bytes());
        Ok(Some(user).filter(|_| stands))
    }
}
