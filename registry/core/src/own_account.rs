//! What a person changes about their own account: password, e-mail address, profile, and its end.

use quay_db::tables::orgs::{self, TeamRole};
use quay_db::tables::repos;
use quay_db::tables::users as rows;
use quay_db::{Tx, UserId};

use crate::account_change::{AccountChange, Route};
use crate::accounts;
use crate::audit::Entry;
use crate::auth::{ApiScopes, SignedIn};
use crate::core::Core;
use crate::error::{Error, Missing, Refusal, Result};
use crate::invoicing::InvoicingChange;
use crate::perms::{Account, Allowed, ManageNamespace};
use crate::secret::Secret;
use crate::users::User;

const LONGEST_FIELD: usize = 255;

/// Words about oneself; `None` leaves what is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AboutMe {
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// Location.
    pub location: Option<String>,
}

/// What is to be changed about one's own account; `None` leaves what is there.
#[derive(Debug, Clone, Default)]
pub struct OwnChange {
    /// Password, address and name.
    pub account: AccountChange,
    /// How long one's own deleted tags can be restored, in seconds.
    pub tag_expiration_s: Option<u64>,
    /// Where one's invoices go.
    pub invoicing: InvoicingChange,
    /// What one says about oneself.
    pub about: AboutMe,
}

impl AboutMe {
    fn check(&self) -> Result<()> {
        let fields = [&self.given_name, &self.family_name, &self.company, &self.location];
        if fields.into_iter().flatten().any(|field| field.chars().count() > LONGEST_FIELD) {
            return Err(Error::bad_request(format!("a field is longer than {LONGEST_FIELD} characters")));
        }
        Ok(())
    }

    pub(crate) async fn apply(self, tx: &mut Tx, id: UserId, entry: Entry) -> Result<()> {
        let user = rows::get(tx, id).await?.ok_or(Missing::User)?;
        let AboutMe { given_name, family_name, company, location } = self;
        // An empty text takes away what is there.
        let either = |new: Option<String>, old| new.map_or(old, |new| Some(new).filter(|n| !n.is_empty()));
        let (given_name, family_name) =
            (either(given_name, user.given_name), either(family_name, user.family_name));
        let (company, location) = (either(company, user.company), either(location, user.location));
        let profile = rows::Profile {
            given_name: given_name.as_deref(),
            family_name: family_name.as_deref(),
            company: company.as_deref(),
            location: location.as_deref(),
            invoice_email: user.invoice_email.as_deref(),
        };
        rows::set_profile(tx, id, &profile).await?;
        entry.record(tx).await?;
        Ok(())
    }
}

impl Core {
    /// Changes one's own password, proven by the old one. Every session ends; the answer is a new one.
    pub async fn replace_password(
        &self,
        who: &Allowed<Account>,
        current: &Secret,
        new: &Secret,
    ) -> Result<SignedIn> {
        accounts::check_password(new.expose())?;
        self.verify_person(&who.place.name, current, who.caller.from).await?;
        self.change_password(who, new).await?;
        self.sign_in(&who.place.name, new, who.caller.from).await
    }

    /// Changes one's own e-mail address.
    pub async fn set_email(&self, who: &Allowed<Account>, email: &str) -> Result<()> {
        let change = AccountChange { email: Some(email.to_owned()), ..AccountChange::default() };
        self.change_own_account(who, OwnChange { account: change, ..OwnChange::default() }).await?;
        Ok(())
    }

    /// Changes one's own account: every part of what is asked for, or nothing.
    pub async fn change_own_account(&self, who: &Allowed<Account>, change: OwnChange) -> Result<User> {
        whole(who)?;
        let id = who.place.id;
        let user = self.db().read(async |c| rows::get(c, id).await).await?.ok_or(Missing::User)?;
        let OwnChange { account, tag_expiration_s, invoicing, about } = change;
        if account.enabled.is_some() {
            return Err(Error::bad_request("Nobody enables or disables their own account"));
        }
        let window = match tag_expiration_s {
            Some(seconds) => {
                self.allow_in::<ManageNamespace>(&who.caller, &user.username).await?;
                Some(self.tag_window(seconds)?)
            }
            None => None,
        };
        let invoicing = if invoicing.is_empty() { None } else { Some(invoicing.checked()?) };
        about.check()?;
        let about = Some(about).filter(|about| *about != AboutMe::default());
        let account = self.prepare_change(&user, account).await?;
        let change = account.with(window, invoicing, about);
        let (core, by) = (self.clone(), who.caller.clone());
        let user =
            self.db().write(async move |tx| change.apply(tx, &core, &by, Route::Own, id).await).await?;
        Ok(self.shown(&user))
    }

    /// What one says about oneself.
    pub async fn about_me(&self, who: &Allowed<Account>) -> Result<AboutMe> {
        let id = who.place.id;
        let user = self.db().read(async |c| rows::get(c, id).await).await?.ok_or(Missing::User)?;
        let rows::User { given_name, family_name, company, location, .. } = user;
        Ok(AboutMe { given_name, family_name, company, location })
    }

    /// Deletes one's own account with everything in its namespace; refused to the only owner of an organization.
    pub async fn delete_account(&self, who: &Allowed<Account>) -> Result<()> {
        whole(who)?;
        if self.is_superuser(&who.place.name) {
            return Err(Error::bad_request(
                "A superuser cannot be deleted; take the name out of SUPER_USERS first",
            ));
        }
        let (id, uuid, now_ms) = (who.place.id, self.uuid()?, self.now_ms());
        let entry = Entry::by("user_delete", &who.caller, now_ms)
            .on_namespace(id)
            .detail("username", &*who.place.name);
        self.db()
            .write(async move |tx| -> Result<()> {
                if let Some(organization) = only_owner_of(tx, id).await? {
                    return Err(Error::bad_request(format!(
                        "You are the only owner of the organization {organization}: make somebody else an owner, or delete it first"
                    )));
                }
                retire_person(tx, id, &uuid, now_ms).await?;
                entry.record(tx).await?;
                Ok(())
            })
            .await
    }
}

/// An organization that would be nobody's without this person.
pub(crate) async fn only_owner_of(tx: &mut Tx, id: UserId) -> Result<Option<String>> {
    for found in orgs::of_user(tx, id).await? {
        if found.role == TeamRole::Admin && orgs::other_admins(tx, found.org.id, id).await? == 0 {
            return Ok(Some(found.org.username));
        }
    }
    Ok(None)
}

/// Takes an account out of service with everything in its namespace; its name is free at once, its bytes go later.
pub(crate) async fn retire_person(tx: &mut Tx, id: UserId, uuid: &str, now_ms: i64) -> Result<()> {
    repos::retire_namespace(tx, id, now_ms).await?;
    if rows::retire(tx, id, uuid, now_ms).await? { Ok(()) } else { Err(Missing::User.into()) }
}

/// The account itself is changed only by credentials that reach it.
pub(crate) fn whole(who: &Allowed<Account>) -> Result<()> {
    if who.caller.ceiling.reaches(ApiScopes::USER_ADMIN) { Ok(()) } else { Err(Refusal::Denied.into()) }
}
