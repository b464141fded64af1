//! Registries with the people that the suites need.

use anyhow::{Context, Result, ensure};
use quay_tests::accounts::Credentials;
use quay_tests::api::Session;
use quay_tests::client::{Caller, Client};
use quay_tests::named::Named;
use quay_tests::registry::{Registry, Site};
use serde_json::Value;

/// A configured registry and its superuser.
pub(crate) struct Started {
    /// Its folder.
    pub(crate) site: Site,
    /// The process.
    pub(crate) registry: Registry,
    /// The superuser.
    pub(crate) admin: Credentials,
    /// What to trust.
    pub(crate) ca: String,
}

/// Starts a registry with a plain configuration.
pub(crate) async fn started() -> Result<Started> {
    started_with("").await
}

/// Starts a registry with these lines added to its configuration.
pub(crate) async fn started_with(extra: &str) -> Result<Started> {
    let site = Site::configured(extra)?;
    let registry = site.start().await?;
    let (admin, ca) = (site.superuser()?, site.ca()?);
    Ok(Started { site, registry, admin, ca })
}

/// Starts a registry that clients also reach under a name as real ones have, for those that treat `localhost` in a way
/// of their own.
pub(crate) async fn started_as(name: &str) -> Result<(Started, Named)> {
    let site = Site::configured("")?;
    site.write_pair(&site.authority()?.leaf(&["localhost", "127.0.0.1", name])?)?;
    let registry = site.start().await?;
    let (admin, ca) = (site.superuser()?, site.ca()?);
    let named = Named::new(name, registry.https()).await?;
    Ok((Started { site, registry, admin, ca }, named))
}

impl Started {
    pub(crate) fn client(&self) -> &Client {
        self.registry.client()
    }

    /// The superuser with a password on each request.
    pub(crate) fn caller(&self) -> Caller {
        self.client().basic(&self.admin)
    }

    /// Nobody.
    pub(crate) fn anonymous(&self) -> Caller {
        self.client().anonymous()
    }

    /// A session of somebody.
    pub(crate) async fn session(&self, who: &Credentials) -> Result<Session> {
        Session::sign_in(self.client(), &self.ca, who).await
    }

    /// A new account.
    pub(crate) async fn sign_up(&self, name: &str) -> Result<Credentials> {
        Session::sign_up(self.client(), &self.ca, name).await
    }

    /// An organization with its owner, a robot that may create repositories in it, and a stranger.
    pub(crate) async fn organization(&self, name: &str) -> Result<Organization> {
        let owner = self.sign_up(&format!("{name}-owner")).await?;
        let stranger = self.sign_up(&format!("{name}-stranger")).await?;
        let session = self.session(&owner).await?;
        session.create_organization(name).await?;
        let robot = session.create_robot(name, "pusher").await?;
        session.let_create(name, &robot.username).await?;
        Ok(Organization { owner, robot, stranger, session })
    }
}

/// An organization and people around it.
pub(crate) struct Organization {
    pub(crate) owner: Credentials,
    pub(crate) robot: Credentials,
    pub(crate) stranger: Credentials,
    /// The owner's session.
    pub(crate) session: Session,
}

/// A registry without any configuration.
pub(crate) async fn bare() -> Result<Started> {
    let site = Site::bare()?;
    let registry = site.start().await?;
    let (admin, ca) = (site.superuser()?, site.ca()?);
    Ok(Started { site, registry, admin, ca })
}

/// A tag as Quay's interface shows it to who is signed in.
pub(crate) async fn tag(session: &Session, repository: &str, tag: &str) -> Result<Value> {
    let path = format!("/api/v1/repository/{repository}/tag/?specificTag={tag}&onlyActiveTags=true");
    let body = session.get(&path).await?.expect(200)?.json()?;
    let tags = body["tags"].as_array().context("tags is a list")?;
    ensure!(tags.len() == 1, "one tag {tag} expected in {repository}: {body}");
    Ok(tags[0].clone())
}
