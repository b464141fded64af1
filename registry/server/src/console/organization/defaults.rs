//! Default permissions: who gets what on every repository that is made from now on.

use askama::Template;
use quay_core::{DefaultPermission, Grantee, RepositoryRole};

use super::super::flash::done;
use super::super::forms::{Errors, Fields};
use super::super::frame::{Frame, render};
use super::super::problem::{Answer, Problem};
use super::Asked;
use super::place::Place;

const ROLES: [(&str, &str); 3] = [("read", "Read"), ("write", "Write"), ("admin", "Admin")];
const KINDS: [(&str, &str); 2] = [("user", "User or robot account"), ("team", "Team")];

#[derive(Template)]
#[template(path = "organization/defaults.html")]
struct Defaults {
    frame: Frame,
    place: Place,
    rows: Vec<Row>,
    form: Form,
    errors: Errors,
    create: bool,
}

struct Row {
    id: String,
    activator: Option<String>,
    delegate: String,
    kind: &'static str,
    role: &'static str,
}

/// What was typed.
#[derive(Default)]
struct Form {
    activator: String,
    delegate: String,
    kind: String,
    role: String,
}

pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    let create = !asked.wish.get("create").is_empty();
    list(asked, Form::default(), Errors::default(), create).await
}

async fn list(asked: &Asked<'_>, form: Form, errors: Errors, create: bool) -> Answer {
    let found = asked.app.core.default_permissions(&asked.manage().await?).await?;
    let row = |found: DefaultPermission| {
        let (delegate, kind) = match found.delegate {
            Grantee::User(name) => (name.clone(), if name.contains('+') { "Robot account" } else { "User" }),
            Grantee::Team(name) => (name, "Team"),
        };
        Row { id: found.id, activator: found.activator, delegate, kind, role: found.role.as_str() }
    };
    let page = Defaults {
        frame: asked.frame(),
        place: asked.place.clone(),
        rows: found.into_iter().map(row).collect(),
        form,
        errors,
        create,
    };
    Ok(render(page.errors.status(), &page))
}

pub(super) async fn act(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let manage = asked.manage().await?;
    let core = &asked.app.core;
    match fields.text("action") {
        "delete" => {
            core.delete_default_permission(&manage, fields.text("id")).await?;
            done(asked.app, &asked.place.here(), "Deleted the default permission")
        }
        "create" => {
            let delegate = fields.text("delegate").to_owned();
            let grantee = match fields.text("kind") {
                "team" => Grantee::Team(delegate),
                _ => Grantee::User(delegate),
            };
            let role = match fields.text("role") {
                "admin" => RepositoryRole::Admin,
                "write" => RepositoryRole::Write,
                _ => RepositoryRole::Read,
            };
            let activator = fields.optional("activator");
            let refused = match activator {
                Some(name) => core.check_activator(&manage, name).await.err(),
                None => None,
            };
            let errors = match refused {
                Some(error) => Errors::of(error, "activator")?,
                None => match core.create_default_permission(&manage, activator, &grantee, role).await {
                    Ok(_) => return done(asked.app, &asked.place.here(), "Created the default permission"),
                    Err(error) => Errors::of(error, "delegate")?,
                },
            };
            let text = |name| fields.text(name).to_owned();
            let form = Form {
                activator: text("activator"),
                delegate: text("delegate"),
                kind: text("kind"),
                role: text("role"),
            };
            list(asked, form, errors, true).await
        }
        _ => Err(Problem::NotFound),
    }
}
