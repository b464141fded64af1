//! The organizations one belongs to, with one's own namespace, and founding a new one.

use askama::Template;
use axum::extract::State;
use http::{StatusCode, Uri};
use quay_core::{Error, Namespace, NamespaceQuery};

use super::flash::done;
use super::forms::{Errors, Fields};
use super::frame::{Frame, Section, page, render};
use super::parts::Moment;
use super::problem::Answer;
use super::repository::wish::{Wish, address};
use super::visit::Visit;
use crate::http::App;

/// Rows on a page.
const A_PAGE: u32 = 20;

/// A namespace in the list.
struct Row {
    space: Namespace,
    modified: Option<Moment>,
}

impl Row {
    fn url(&self) -> String {
        let kind = if self.space.organization { "organization" } else { "user" };
        format!("/{kind}/{}", self.space.name)
    }

    fn role(&self) -> &'static str {
        let Namespace { organization, is_admin, is_member, can_create, .. } = self.space;
        match (organization, is_admin, is_member, can_create) {
            (false, ..) => "Owner",
            (true, true, ..) => "Admin",
            (true, false, true, true) => "Creator",
            (true, false, true, false) => "Member",
            (true, false, false, _) => "None",
        }
    }
}

#[derive(Template)]
#[template(path = "organizations.html")]
struct Organizations {
    frame: Frame,
    rows: Vec<Row>,
    search: String,
    /// Whether all organizations there are may be listed, and are.
    can_see_all: bool,
    all: bool,
    first: Option<String>,
    next: Option<String>,
    /// Whether there is nothing but one's own namespace.
    alone: bool,
}

/// `GET /organization`.
pub(super) async fn list(State(app): State<App>, visit: Visit, uri: Uri) -> Answer {
    let account = visit.account(&app).await?;
    let wish = Wish::of(&uri);
    let search = wish.get("search").to_lowercase();
    let after = Some(wish.get("after")).filter(|name| !name.is_empty());
    let can_see_all = visit.is_superuser();
    let all = can_see_all && wish.get("all") == "1";
    let query = NamespaceQuery {
        search: Some(search.as_str()).filter(|text| !text.is_empty()),
        last: after,
        limit: A_PAGE,
        every: all,
    };
    let found = app.core.namespaces(&account, &query).await?;
    let to = |after: &str| {
        address(
            "/organization",
            &[("search", &search), ("all", if all { "1" } else { "" }), ("after", after)],
        )
    };
    let next = found.items.last().filter(|_| found.more).map(|last| to(&last.name));
    let rows: Vec<Row> = found
        .items
        .into_iter()
        .map(|space| Row { modified: space.modified.map(Moment::new), space })
        .collect();
    page(&Organizations {
        frame: visit.frame("Organizations").section(Section::Organizations),
        alone: search.is_empty() && after.is_none() && !rows.iter().any(|row| row.space.organization),
        first: after.map(|_| to("")),
        next,
        rows,
        search,
        can_see_all,
        all,
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
