//! The organizations one belongs to, with one's own namespace, and founding a new one.

use askama::Template;
use axum::extract::{Query, State};
use http::StatusCode;
use quay_core::Error;
use serde::Deserialize;

use super::flash::done;
use super::forms::{Errors, Fields};
use super::frame::{Frame, Section, page, render};
use super::paging::Paging;
use super::problem::Answer;
use super::visit::Visit;
use crate::http::App;

/// Rows on a page.
const A_PAGE: usize = 20;

/// What is looked for.
#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    search: String,
    #[serde(default)]
    page: String,
}

/// A namespace in the list.
struct Row {
    name: String,
    organization: bool,
    role: &'static str,
}

impl Row {
    fn url(&self) -> String {
        format!("/{}/{}", if self.organization { "organization" } else { "user" }, self.name)
    }
}

#[derive(Template)]
#[template(path = "organizations.html")]
struct Organizations {
    frame: Frame,
    rows: Vec<Row>,
    search: String,
    paging: Paging,
    /// Whether there is nothing but one's own namespace.
    alone: bool,
}

/// `GET /organization`.
pub(super) async fn list(State(app): State<App>, visit: Visit, Query(wish): Query<Wish>) -> Answer {
    let account = visit.account(&app).await?;
    let own = visit.user().unwrap_or_default().to_owned();
    let memberships = app.core.my_organizations(&account).await?;
    let alone = memberships.is_empty();
    let organizations = memberships.into_iter().map(|found| Row {
        name: found.organization,
        organization: true,
        role: match (found.admin, found.can_create) {
            (true, _) => "Admin",
            (false, true) => "Creator",
            (false, false) => "Member",
        },
    });
    let search = wish.search.trim().to_lowercase();
    let rows: Vec<Row> = std::iter::once(Row { name: own, organization: false, role: "Owner" })
        .chain(organizations)
        .filter(|row| row.name.contains(&search))
        .collect();
    let paging = Paging::of(rows.len(), A_PAGE, &wish.page, "/organization", &[("search", &search)]);
    page(&Organizations {
        frame: visit.frame("Organizations").section(Section::Organizations),
        rows: rows.into_iter().skip(paging.skipped()).take(A_PAGE).collect(),
        search,
        paging,
        alone,
    })
}

#[derive(Template)]
#[template(path = "organization-new.html")]
struct NewOrganization {
    frame: Frame,
    errors: Errors,
    name: String,
    email: String,
}

impl NewOrganization {
    fn with(visit: &Visit, errors: Errors, name: &str, email: &str) -> Self {
        let frame = visit.frame("Create Organization").section(Section::Organizations);
        Self {
            frame: frame.crumb("Organizations", "/organization"),
            errors,
            name: name.to_owned(),
            email: email.to_owned(),
        }
    }
}

/// `GET /organizations/new`.
pub(super) async fn create_form(State(app): State<App>, visit: Visit) -> Answer {
    visit.account(&app).await?;
    page(&NewOrganization::with(&visit, Errors::default(), "", ""))
}

/// `POST /organizations/new`.
pub(super) async fn create(State(app): State<App>, visit: Visit, fields: Fields) -> Answer {
    let account = visit.account(&app).await?;
    let name = fields.text("name");
    match app.core.create_organization(&account, name, fields.optional("email")).await {
        Ok(made) => {
            let said = format!("Successfully created organization {}", made.name);
            done(&app, &format!("/organization/{}", made.name), &said)
        }
        Err(error @ (Error::Invalid { .. } | Error::Conflict(_))) => {
            let said = error.message();
            let field = if said.to_lowercase().contains("email") { "email" } else { "name" };
            let errors = Errors::at(field, said);
            let form = NewOrganization::with(&visit, errors, name, fields.text("email"));
            Ok(render(StatusCode::UNPROCESSABLE_ENTITY, &form))
        }
        Err(other) => Err(other.into()),
    }
}
