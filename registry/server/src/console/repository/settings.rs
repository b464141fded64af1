//! Who may do what with a repository, who sees it, and its end.

use askama::Template;
use quay_core::perms::Administer;
use quay_core::{Allowed, Grantee, RepositoryRole, Visibility};

use super::super::flash::done;
use super::super::forms::{Errors, Fields};
use super::super::frame::{Frame, render};
use super::super::problem::Answer;
use super::{Asked, Head, back};

#[derive(Template)]
#[template(path = "repository/settings.html")]
struct Page {
    frame: Frame,
    head: Head,
    grants: Vec<Row>,
    is_organization: bool,
    form: Typed,
    errors: Errors,
}

/// Somebody with a permission.
struct Row {
    name: String,
    /// `user`, `robot` or `team`.
    kind: &'static str,
    role: &'static str,
}

/// What was typed into the form for a permission.
struct Typed {
    subject: String,
    kind: String,
    role: String,
}

impl Default for Typed {
    fn default() -> Self {
        Self { subject: String::new(), kind: "user".to_owned(), role: "read".to_owned() }
    }
}

pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    let allowed = administer(asked).await?;
    written(asked, &allowed, Typed::default(), Errors::default()).await
}

async fn written(asked: &Asked<'_>, allowed: &Allowed<Administer>, form: Typed, errors: Errors) -> Answer {
    let grants = asked.app.core.grants(allowed).await?;
    let row = |grant: quay_core::Grant| {
        let (name, kind) = match grant.grantee {
            Grantee::User(name) => (name, if grant.robot { "robot" } else { "user" }),
            Grantee::Team(name) => (name, "team"),
        };
        Row { name, kind, role: grant.role.as_str() }
    };
    let page = Page {
        frame: asked.frame(asked.name.to_string(), false),
        head: asked.head("settings"),
        grants: grants.into_iter().map(row).collect(),
        is_organization: asked.view.is_organization,
        form,
        errors,
    };
    Ok(render(page.errors.status(), &page))
}

/// Changes who may read without a permission.
pub(super) async fn change_visibility(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = administer(asked).await?;
    let visibility = match fields.text("visibility") {
        "public" => Visibility::Public,
        "private" => Visibility::Private,
        _ => {
            let errors = Errors::at("visibility", "Choose who can see this repository");
            return written(asked, &allowed, Typed::default(), errors).await;
        }
    };
    match asked.app.core.set_visibility(&allowed, visibility).await {
        Ok(()) if visibility == Visibility::Public => {
            back(asked, "settings", "Everybody can pull from this repository now.")
        }
        Ok(()) => back(asked, "settings", "Only who has a permission can pull from this repository now."),
        Err(error) => written(asked, &allowed, Typed::default(), Errors::of(error, "visibility")?).await,
    }
}

/// Gives somebody a permission, or changes it.
pub(super) async fn grant(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = administer(asked).await?;
    let form = Typed {
        subject: fields.text("subject").to_owned(),
        kind: fields.text("kind").to_owned(),
        role: fields.text("role").to_owned(),
    };
    let role = match form.role.as_str() {
        "read" => RepositoryRole::Read,
        "write" => RepositoryRole::Write,
        "admin" => RepositoryRole::Admin,
        _ => return written(asked, &allowed, form, Errors::at("role", "Choose a permission")).await,
    };
    if form.subject.is_empty() {
        let errors = Errors::at("subject", "Name a user, a robot account or a team");
        return written(asked, &allowed, form, errors).await;
    }
    match asked.app.core.grant(&allowed, &grantee(&form.kind, &form.subject), role).await {
        Ok(()) => {
            back(asked, "settings", &format!("{} has the permission: {}.", form.subject, role.as_str()))
        }
        Err(error) => written(asked, &allowed, form, Errors::of(error, "subject")?).await,
    }
}

/// Takes a permission away.
pub(super) async fn revoke(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = administer(asked).await?;
    let subject = fields.text("subject");
    match asked.app.core.revoke(&allowed, &grantee(fields.text("kind"), subject)).await {
        Ok(()) => back(asked, "settings", &format!("{subject} has no permission of its own here any more.")),
        Err(error) => written(asked, &allowed, Typed::default(), Errors::of(error, "subject")?).await,
    }
}

fn grantee(kind: &str, name: &str) -> Grantee {
    if kind == "team" { Grantee::Team(name.to_owned()) } else { Grantee::User(name.to_owned()) }
}

#[derive(Template)]
#[template(path = "repository/delete.html")]
struct Deletion<'a> {
    frame: Frame,
    head: Head,
    typed: &'a str,
    errors: Errors,
}

/// Asks for the name before a repository is deleted.
pub(super) async fn delete_form(asked: &Asked<'_>) -> Answer {
    administer(asked).await?;
    ask(asked, "", Errors::default())
}

fn ask(asked: &Asked<'_>, typed: &str, errors: Errors) -> Answer {
    let (frame, head) = (asked.frame("Delete repository", true), asked.head("settings"));
    Ok(render(errors.status(), &Deletion { frame, head, typed, errors }))
}

/// Deletes the repository.
pub(super) async fn delete(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let allowed = administer(asked).await?;
    let typed = fields.text("name");
    if typed != asked.name.as_str() {
        return ask(asked, typed, Errors::at("name", format!("Type {} to delete it", asked.name)));
    }
    match asked.app.core.delete_repository(&allowed).await {
        Ok(()) => done(asked.app, "/repository", &format!("Repository {} was deleted.", asked.name)),
        Err(error) => ask(asked, typed, Errors::of(error, "name")?),
    }
}

async fn administer(asked: &Asked<'_>) -> Answer<Allowed<Administer>> {
    Ok(asked.app.core.allow::<Administer>(asked.visit.caller(), &asked.name).await?)
}
