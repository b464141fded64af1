//! What superusers do with organizations of others: take one over, rename it, delete it. Each is asked on a page of
//! its own, which the list of all organizations leads to.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use quay_core::perms::Superuser;
use quay_core::{Allowed, Error};

use super::super::flash::done;
use super::super::forms::{Errors, Fields};
use super::super::frame::{Frame, Section, render};
use super::super::problem::{Answer, Problem};
use super::super::session::shown_again;
use super::super::visit::Visit;
use super::powers;
use crate::http::App;

/// The list that one comes from.
const ALL: &str = "/organization?all=1";

/// What is done to an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Take,
    Rename,
    Delete,
}

impl Deed {
    fn of(key: &str) -> Answer<Self> {
        match key {
            "take" => Ok(Self::Take),
            "rename" => Ok(Self::Rename),
            "delete" => Ok(Self::Delete),
            _ => Err(Problem::NotFound),
        }
    }

    /// Its word, in addresses.
    fn key(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Rename => "rename",
            Self::Delete => "delete",
        }
    }

    /// What its button and its page say.
    fn words(self) -> &'static str {
        match self {
            Self::Take => "Take over",
            Self::Rename => "Rename",
            Self::Delete => "Delete",
        }
    }

    /// What will happen.
    fn explains(self) -> &'static str {
        match self {
            Self::Take => {
                "You become one of its owners, and see and change everything in it from then on. Its other owners stay."
            }
            Self::Rename => {
                "Its repositories and robot accounts go along. Whatever pulls or pushes by the old name is refused \
                 until it uses the new one."
            }
            Self::Delete => {
                "Every repository, team and robot account in it is deleted with it. This cannot be undone."
            }
        }
    }
}

#[derive(Template)]
#[template(path = "superuser/organization.html")]
struct Question {
    frame: Frame,
    name: String,
    deed: Deed,
    /// What was typed: the new name, or the old one once more.
    typed: String,
    /// Whether the password must be shown again.
    stale: bool,
    errors: Errors,
}

/// `GET /superuser/organizations/{name}/{deed}`.
pub(super) async fn ask(
    State(app): State<App>,
    visit: Visit,
    Path((name, key)): Path<(String, String)>,
) -> Answer {
    let (_, deed) = standing(&app, &visit, &name, &key).await?;
    Ok(question(&app, &visit, name, deed, String::new(), Errors::default()))
}

/// `POST /superuser/organizations/{name}/{deed}`.
pub(super) async fn act(
    State(app): State<App>,
    visit: Visit,
    Path((name, key)): Path<(String, String)>,
    fields: Fields,
) -> Answer {
    let (allowed, deed) = standing(&app, &visit, &name, &key).await?;
    let typed = fields.text("name");
    let proven = match visit.is_stale(&app) {
        true => shown_again(&app, &visit, &fields, "password").await?,
        false => Ok(()),
    };
    let outcome = match proven {
        Err(errors) => Err(errors),
        Ok(()) if deed == Deed::Delete && typed != name => {
            Err(Errors::at("name", format!("Type {name} to confirm")))
        }
        Ok(()) => match perform(&app, &allowed, deed, &name, typed).await {
            Ok((place, said)) => Ok(done(&app, &place, &said)?),
            Err(error) if deed == Deed::Take => Err(Errors::of_whole(error)?),
            Err(error) => Err(Errors::of(error, "name")?),
        },
    };
    match outcome {
        Ok(response) => Ok(response),
        Err(errors) => Ok(question(&app, &visit, name, deed, typed.to_owned(), errors)),
    }
}

/// A superuser's powers, over an organization that exists.
async fn standing(app: &App, visit: &Visit, name: &str, key: &str) -> Answer<(Allowed<Superuser>, Deed)> {
    let allowed = powers(app, visit).await?;
    let deed = Deed::of(key)?;
    let found = app.core.namespace(visit.caller(), name).await?;
    if found.organization { Ok((allowed, deed)) } else { Err(Problem::NotFound) }
}

/// Does it: where to go then, and what to say there.
async fn perform(
    app: &App,
    allowed: &Allowed<Superuser>,
    deed: Deed,
    name: &str,
    typed: &str,
) -> Result<(String, String), Error> {
    match deed {
        Deed::Take => {
            app.core.take_ownership(allowed, name).await?;
            Ok((format!("/organization/{name}"), format!("You are an owner of {name} now")))
        }
        Deed::Rename => {
            let renamed = app.core.rename_organization(allowed, name, typed).await?;
            Ok((ALL.to_owned(), format!("Renamed the organization {name} to {}", renamed.name)))
        }
        Deed::Delete => {
            app.core.delete_organization_of(allowed, name).await?;
            Ok((ALL.to_owned(), format!("Deleted the organization {name}")))
        }
    }
}

fn question(app: &App, visit: &Visit, name: String, deed: Deed, typed: String, errors: Errors) -> Response {
    let frame = visit.frame(format!("{} {name}", deed.words())).section(Section::Organizations);
    let frame = frame.crumb("All organizations", ALL);
    let status = errors.status();
    render(status, &Question { frame, name, deed, typed, stale: visit.is_stale(app), errors })
}
