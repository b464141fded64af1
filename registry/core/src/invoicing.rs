//! Whether invoices would go out by mail, and where to: kept and shown, because clients of Quay write and read it.

use quay_db::tables::users as rows;
use quay_db::{Tx, UserId};

use crate::accounts;
use crate::audit::Entry;
use crate::core::Core;
use crate::error::{Missing, Result};
use crate::orgs::organization;
use crate::perms::{Account, Allowed, ManageNamespace};

/// Where invoices go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invoicing {
    /// Whether they go out by mail.
    pub by_mail: bool,
    /// To an address of their own; to the account's without one.
    pub address: Option<String>,
}

/// What is to be changed about where invoices go. `None` leaves what is there; an address means by mail, and without
/// mail no address is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InvoicingChange {
    /// Whether they go out by mail.
    pub by_mail: Option<bool>,
    /// To this address; an empty one is the account's.
    pub address: Option<String>,
}

impl Core {
    /// Where one's own invoices go.
    pub async fn invoicing(&self, who: &Allowed<Account>) -> Result<Invoicing> {
        let id = who.place.id;
        let user = self.db().read(async |c| rows::get(c, id).await).await?.ok_or(Missing::User)?;
        Ok(Invoicing::read(user.invoice_email.as_deref()))
    }

    /// Changes where the invoices of an organization go.
    pub async fn set_organization_invoicing(
        &self,
        at: &Allowed<ManageNamespace>,
        change: InvoicingChange,
    ) -> Result<()> {
        let (id, change) = (organization(at)?, change.checked()?);
        let entry = Entry::by("org_change_invoicing", &at.caller, self.now_ms()).on_namespace(id);
        let entry = entry.detail("namespace", at.namespace());
        self.db().write(async move |tx| change.apply(tx, id, entry).await).await
    }
}

impl InvoicingChange {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn checked(self) -> Result<Self> {
        let address = self.address.as_deref().map(accounts::kept_email);
        address.as_deref().filter(|text| !text.is_empty()).map_or(Ok(()), accounts::check_email)?;
        Ok(Self { address, ..self })
    }

    pub(crate) async fn apply(self, tx: &mut Tx, id: UserId, entry: Entry) -> Result<()> {
        let row = rows::get(tx, id).await?.ok_or(Missing::User)?;
        let before = Invoicing::read(row.invoice_email.as_deref());
        let given = self.address.as_deref().is_some_and(|text| !text.is_empty());
        let by_mail = self.by_mail.unwrap_or(before.by_mail || given);
        let address = self.address.or(before.address).unwrap_or_default();
        rows::set_invoice_email(tx, id, by_mail.then_some(&*address)).await?;
        let entry = entry.detail("invoice_email", by_mail);
        entry.detail("invoice_email_address", address).record(tx).await?;
        Ok(())
    }
}

impl Invoicing {
    /// No text: not by mail. An empty one: to the account's own address.
    pub(crate) fn read(stored: Option<&str>) -> Self {
        let address = stored.filter(|text| !text.is_empty()).map(str::to_owned);
        Self { by_mail: stored.is_some(), address }
    }
}
