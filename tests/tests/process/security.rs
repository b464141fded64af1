//! What a page of somebody else, a planted cookie, a crafted link and a stored script can do to who uses the console:
//! nothing. Each test shows beside it that the honest form of the same thing works, so that it would see a difference.

mod forgery;
mod redirect;
mod script;
mod session;

use anyhow::Result;
use quay_tests::accounts::Credentials;
use quay_tests::browser::Browser;

use crate::fixture::Started;

/// The page with the form of a new organization.
const NEW_ORGANIZATION: &str = "/organizations/new";

impl Started {
    /// A browser in which nobody is signed in.
    fn browser(&self) -> Result<Browser> {
        Browser::open(self.client(), &self.ca)
    }

    /// A browser in which somebody is signed in.
    async fn browser_of(&self, who: &Credentials) -> Result<Browser> {
        Browser::sign_in(self.client(), &self.ca, who).await
    }

    /// Whether an organization exists.
    async fn has_organization(&self, name: &str) -> Result<bool> {
        let answer = self.caller().get(&format!("/api/v1/organization/{name}")).send().await?;
        Ok(answer.status == 200)
    }
}
