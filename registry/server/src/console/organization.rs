//! The page of an organization or of a person's own namespace: what stands on all of its tabs, and which is shown.
//!
//! ```text
//! /organization/{name} ?tab=…     Repositories · Teamsandmembership · Robotaccounts · Defaultpermissions · Logs · Settings
//! /user/{name}         ?tab=…     the same, without what only organizations have
//! POST to the same address        the action named in the form
//! ```
//! Owns: who sees which tab. Must not know: what stands on one.

mod credentials;
mod defaults;
mod logs;
mod place;
mod robots;
mod settings;
mod teams;
mod tokens;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use http::Uri;
use quay_core::Allowed;
use quay_core::Refusal;
use quay_core::perms::{ManageNamespace, ViewNamespace};
use quay_oci::RepositoryName;

use super::commands;
use super::forms::{Fields, see_other};
use super::frame::{Frame, Section, page};
use super::parts::{Steps, own_ca, steps};
use super::problem::{Answer, Problem};
use super::repositories::List;
use super::repository::wish::Wish;
use super::visit::Visit;
use crate::http::App;
use place::{Place, Tab};

/// The pages of namespaces.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/organization/{name}", get(show_organization).post(act_on_organization))
        .route("/organization/{name}/teams/{team}", get(teams::show_team).post(teams::act_on_team))
        .route("/user/{name}", get(show_user).post(act_on_user))
}

/// A request for a page of a namespace.
struct Asked<'a> {
    app: &'a App,
    visit: &'a Visit,
    place: Place,
    uri: &'a Uri,
    wish: Wish,
}

impl Asked<'_> {
    /// The right to look inside.
    async fn view(&self) -> Answer<Allowed<ViewNamespace>> {
        Ok(self.app.core.allow_in(self.visit.caller(), self.place.name()).await?)
    }

    /// The right to change things.
    async fn manage(&self) -> Answer<Allowed<ManageNamespace>> {
        Ok(self.app.core.allow_in(self.visit.caller(), self.place.name()).await?)
    }

    /// The frame of the page.
    fn frame(&self) -> Frame {
        let mut frame = self.visit.frame(self.place.name()).section(Section::Organizations);
        if self.visit.user().is_some() {
            frame = frame.crumb("Organizations", "/organization");
        }
        if self.place.can_create() { frame.namespace(self.place.name()) } else { frame }
    }
}

async fn show_organization(
    State(app): State<App>,
    visit: Visit,
    Path(name): Path<String>,
    uri: Uri,
) -> Answer {
    show(&app, &visit, &name, true, &uri).await
}

async fn show_user(State(app): State<App>, visit: Visit, Path(name): Path<String>, uri: Uri) -> Answer {
    show(&app, &visit, &name, false, &uri).await
}

async fn act_on_organization(
    State(app): State<App>,
    visit: Visit,
    Path(name): Path<String>,
    uri: Uri,
    fields: Fields,
) -> Answer {
    act(&app, &visit, &name, &uri, &fields).await
}

async fn act_on_user(
    State(app): State<App>,
    visit: Visit,
    Path(name): Path<String>,
    uri: Uri,
    fields: Fields,
) -> Answer {
    act(&app, &visit, &name, &uri, &fields).await
}

async fn show(app: &App, visit: &Visit, name: &str, organization: bool, uri: &Uri) -> Answer {
    let asked = ask(app, visit, name, uri).await?;
    if asked.place.is_organization() != organization {
        return Ok(see_other(&asked.place.url(asked.place.tab)));
    }
    match asked.place.tab {
        Tab::Repositories => repositories(&asked).await,
        Tab::Teams => teams::show(&asked).await,
        Tab::Robots => robots::show(&asked).await,
        Tab::Defaults => defaults::show(&asked).await,
        Tab::Logs => logs::show(&asked).await,
        Tab::Settings => settings::show(&asked).await,
    }
}

async fn act(app: &App, visit: &Visit, name: &str, uri: &Uri, fields: &Fields) -> Answer {
    let asked = ask(app, visit, name, uri).await?;
    match asked.place.tab {
        Tab::Repositories | Tab::Logs => Err(Problem::NotFound),
        Tab::Teams => teams::act(&asked, fields).await,
        Tab::Robots => robots::act(&asked, fields).await,
        Tab::Defaults => defaults::act(&asked, fields).await,
        Tab::Settings => settings::act(&asked, fields).await,
    }
}

/// Looks the namespace up, and whether this visitor may see the tab.
async fn ask<'a>(app: &'a App, visit: &'a Visit, name: &str, uri: &'a Uri) -> Answer<Asked<'a>> {
    let wish = Wish::of(uri);
    let space = app.core.namespace(visit.caller(), name).await?;
    let place = Place::new(space, Tab::of(wish.get("tab")));
    if !place.tabs().contains(&place.tab) {
        let anonymous = visit.user().is_none();
        let refused = Problem::Core(Refusal::Challenge { scope: None }.into());
        return Err(if anonymous { refused } else { Problem::NotFound });
    }
    Ok(Asked { app, visit, place, uri, wish })
}

#[derive(Template)]
#[template(path = "organization/repositories.html")]
struct Repositories {
    frame: Frame,
    place: Place,
    repositories: List,
    first: Vec<Steps>,
    own_ca: bool,
}

async fn repositories(asked: &Asked<'_>) -> Answer {
    let path = asked.place.path();
    let name = Some(asked.place.name());
    let list = List::read(asked.app, asked.visit, asked.uri, &path, Tab::Repositories.key(), name).await?;
    let own_ca = own_ca(asked.app);
    let example = RepositoryName::from_parts(asked.place.name(), "example").ok();
    let first = match example.filter(|_| list.is_bare() && asked.place.can_create()) {
        Some(name) => steps(commands::first_push(asked.visit.host(), &name, asked.visit.user(), own_ca)),
        None => Vec::new(),
    };
    page(&Repositories {
        frame: asked.frame(),
        place: asked.place.clone(),
        repositories: list,
        first,
        own_ca,
    })
}
