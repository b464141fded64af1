//! Everything below `/repository/`: which page of which repository is asked for, and what stands on all of them.
//!
//! ```text
//! /repository/{org}/{repo…} ?tab=…     tags · history · information · logs · settings
//!                           /tag/{tag}  /manifest/{digest}              the page of an artifact
//!                           /-/{action}                                 a form (GET) and what it does (POST)
//! ```
//! Owns: the way to the pages, the heading and tabs of a repository, and whether its pages are shown at all. Must not
//! know: what stands on a single page.

mod changes;
mod chosen;
mod information;
mod logs;
mod place;
mod settings;
mod star;
pub(super) mod wish;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use http::Uri;
use quay_core::perms::Pull;
use quay_core::{Allowed, RepositoryView, Visibility};
use quay_oci::RepositoryName;

use super::forms::{Fields, see_other};
use super::frame::{Frame, Section};
use super::problem::{Answer, Problem};
use super::visit::Visit;
use super::{history, tag, tags};
use crate::http::App;
use place::Place;
use wish::Wish;

/// The pages of repositories.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/repository/{*rest}", get(show).post(act))
}

/// A request for a page of one repository that the visitor may see.
pub(super) struct Asked<'a> {
    pub(super) app: &'a App,
    pub(super) visit: &'a Visit,
    pub(super) wish: Wish,
    pub(super) name: RepositoryName,
    pub(super) pull: Allowed<Pull>,
    pub(super) view: RepositoryView,
}

impl Asked<'_> {
    /// What stands above every page of a repository.
    pub(super) fn head(&self, tab: &'static str) -> Head {
        Head {
            base: base(&self.name),
            name: self.name.to_string(),
            tab,
            public: self.view.repository.visibility == Visibility::Public,
            read_only: self.view.repository.state != "NORMAL",
            can_write: self.view.can_write,
            can_admin: self.view.can_admin,
        }
    }

    /// The frame of a page with this title; the repository itself is a step on the way to it when asked for.
    pub(super) fn frame(&self, title: impl Into<String>, below: bool) -> Frame {
        let namespace = self.name.namespace();
        let kind = if self.view.is_organization { "organization" } else { "user" };
        let frame = self
            .visit
            .frame(title)
            .section(Section::Repositories)
            .namespace(namespace)
            .crumb("Repositories", "/repository")
            .crumb(namespace, format!("/{kind}/{namespace}"));
        if below {
            frame.crumb(self.name.repository(), format!("{}?tab=tags", base(&self.name)))
        } else {
            frame
        }
    }
}

/// What stands above every page of a repository.
pub(super) struct Head {
    pub(super) base: String,
    pub(super) name: String,
    pub(super) tab: &'static str,
    pub(super) public: bool,
    pub(super) read_only: bool,
    pub(super) can_write: bool,
    pub(super) can_admin: bool,
}

impl Head {
    /// The tabs that this visitor has: key, words.
    pub(super) fn tabs(&self) -> Vec<(&'static str, &'static str)> {
        let mut tabs = vec![("information", "Information"), ("tags", "Tags"), ("history", "Tag history")];
        if self.can_admin {
            tabs.extend([("logs", "Logs"), ("settings", "Settings")]);
        }
        tabs
    }
}

/// The path of a repository's page. The letters of names need no encoding.
pub(super) fn base(name: &RepositoryName) -> String {
    format!("/repository/{name}")
}

/// Shows a page.
async fn show(State(app): State<App>, visit: Visit, Path(rest): Path<String>, uri: Uri) -> Answer {
    let (name, place) = place::parse(&rest).ok_or(Problem::NotFound)?;
    let asked = look(&app, &visit, name, &uri).await?;
    match place {
        Place::Itself => match asked.wish.get("tab") {
            "tags" => tags::show(&asked).await,
            "history" => history::show(&asked).await,
            "logs" => logs::show(&asked).await,
            "settings" => settings::show(&asked).await,
            _ => information::show(&asked).await,
        },
        Place::Tag(name) => tag::show_tag(&asked, &name).await,
        Place::Manifest(digest) => tag::show_manifest(&asked, &digest).await,
        Place::Action(action) => match action.as_str() {
            "description" => information::form(&asked).await,
            "delete-tag" | "restore-tag" | "expire-tag" | "add-tag" | "protect-tag" | "delete-label" => {
                changes::form(&asked, &action).await
            }
            "delete-tags" | "expire-tags" => chosen::form(&asked, &action).await,
            "delete" => settings::delete_form(&asked).await,
            // Who comes back from signing in, after sending a form.
            _ => Ok(see_other(&format!("{}?tab=tags", base(&asked.name)))),
        },
    }
}

/// Does what a form says.
async fn act(
    State(app): State<App>,
    visit: Visit,
    Path(rest): Path<String>,
    uri: Uri,
    fields: Fields,
) -> Answer {
    let Some((name, Place::Action(action))) = place::parse(&rest) else { return Err(Problem::NotFound) };
    let asked = look(&app, &visit, name, &uri).await?;
    match action.as_str() {
        "description" => information::describe(&asked, &fields).await,
        "delete-tag" => changes::delete_tag(&asked, &fields).await,
        "restore-tag" => changes::restore_tag(&asked, &fields).await,
        "expire-tag" => changes::expire_tag(&asked, &fields).await,
        "delete-tags" => chosen::delete_tags(&asked, &fields).await,
        "expire-tags" => chosen::expire_tags(&asked, &fields).await,
        "add-tag" => changes::add_tag(&asked, &fields).await,
        "protect-tag" => changes::protect_tag(&asked, &fields).await,
        "add-label" => changes::add_label(&asked, &fields).await,
        "delete-label" => changes::delete_label(&asked, &fields).await,
        "star" => star::set(&asked, &fields, true).await,
        "unstar" => star::set(&asked, &fields, false).await,
        "visibility" => settings::change_visibility(&asked, &fields).await,
        "grant" => settings::grant(&asked, &fields).await,
        "revoke" => settings::revoke(&asked, &fields).await,
        "delete" => settings::delete(&asked, &fields).await,
        _ => Err(Problem::NotFound),
    }
}

async fn look<'a>(app: &'a App, visit: &'a Visit, name: RepositoryName, uri: &Uri) -> Answer<Asked<'a>> {
    let pull = app.core.allow::<Pull>(visit.caller(), &name).await?;
    let view = app.core.repository(&pull).await?;
    Ok(Asked { app, visit, wish: Wish::of(uri), name, pull, view })
}

/// The way back to a list, saying what was done.
pub(super) fn back(asked: &Asked<'_>, tab: &str, said: &str) -> Answer<Response> {
    super::flash::done(asked.app, &format!("{}?tab={tab}", base(&asked.name)), said)
}
