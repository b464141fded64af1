//! Accounts of machines: making them, what they may do, and how they log in.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use quay_core::perms::{Administer, ManageNamespace};
use quay_core::{
    Allowed, Error, Grantee, RepositoryPermission, RepositoryQuery, RepositoryRole, RobotRow, Secret,
};
use quay_oci::RepositoryName;

use super::super::flash::done;
use super::super::forms::{Errors, Fields};
use super::super::frame::{Frame, render};
use super::super::parts::{Copyable, Moment, copyable, own_ca};
use super::super::problem::{Answer, Problem};
use super::super::repository::wish::address;
use super::Asked;
use super::credentials::Login;
use super::place::Place;

/// Robots on a page.
const ROWS: u32 = 50;
/// Repositories that are offered in a form.
const OFFERED: u32 = 100;
/// The longest description.
const DESCRIPTION: usize = 255;

#[derive(Template)]
#[template(path = "organization/robots.html")]
struct Robots {
    frame: Frame,
    place: Place,
    search: String,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
    dialog: Dialog,
    errors: Errors,
}

/// A robot in the list.
struct Row {
    name: String,
    short: String,
    description: String,
    teams: Vec<String>,
    repositories: Vec<RepositoryPermission>,
    created: Moment,
    last_accessed: Option<Moment>,
}

/// What lies over the list.
enum Dialog {
    None,
    Create { name: String, description: String, offers: Vec<Offer>, more: bool },
    Robot(Box<Shown>),
    Delete { short: String, name: String },
    Regenerate { short: String, name: String },
}

/// A repository on which a robot can be given a role.
struct Offer {
    repository: String,
    /// The role it has, or was chosen.
    role: &'static str,
}

/// A robot with its credential.
struct Shown {
    name: String,
    short: String,
    token: String,
    view: View,
    secret: String,
    secret_name: String,
    docker_config: String,
    commands: Vec<Copyable>,
    offers: Vec<Offer>,
    more: bool,
}

/// A tab of the dialog.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Robot,
    Kubernetes,
    Podman,
    Docker,
    Helm,
    Permissions,
}

impl View {
    const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Robot, "robot", "Robot account"),
        (Self::Kubernetes, "kubernetes", "Kubernetes"),
        (Self::Podman, "podman", "Podman"),
        (Self::Docker, "docker", "Docker"),
        (Self::Helm, "helm", "Helm"),
        (Self::Permissions, "permissions", "Permissions"),
    ];

    fn of(key: &str) -> Self {
        Self::ALL.into_iter().find(|(_, known, _)| *known == key).map_or(Self::Robot, |(view, ..)| view)
    }
}

impl Shown {
    /// The dialog's tabs: label, address, whether it is shown.
    fn views(&self, place: &Place) -> Vec<(&'static str, String, bool)> {
        View::ALL
            .into_iter()
            .map(|(view, key, label)| (label, robot_url(place, &self.short, key), view == self.view))
            .collect()
    }

    fn is(&self, key: &str) -> bool {
        View::of(key) == self.view
    }
}

fn robot_url(place: &Place, short: &str, view: &str) -> String {
    address(&place.path(), &[("tab", place.tab.key()), ("robot", short), ("view", view)])
}

pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    let manage = asked.manage().await?;
    let wish = &asked.wish;
    if !wish.get("robot").is_empty() && wish.get("download") == "kubernetes" {
        return download(asked, &manage, wish.get("robot")).await;
    }
    let dialog = if !wish.get("robot").is_empty() {
        shown(asked, &manage, wish.get("robot"), View::of(wish.get("view"))).await?
    } else if !wish.get("create").is_empty() {
        creation(asked, None).await?
    } else if !wish.get("delete").is_empty() {
        let robot = asked.app.core.robot(&manage, wish.get("delete")).await?;
        Dialog::Delete { short: short(&robot.name), name: robot.name }
    } else if !wish.get("regenerate").is_empty() {
        let robot = asked.app.core.robot(&manage, wish.get("regenerate")).await?;
        Dialog::Regenerate { short: short(&robot.name), name: robot.name }
    } else {
        Dialog::None
    };
    list(asked, dialog, Errors::default()).await
}

pub(super) async fn act(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let manage = asked.manage().await?;
    let core = &asked.app.core;
    let short = fields.text("robot");
    match fields.text("action") {
        "create" => create(asked, &manage, fields).await,
        "delete" => {
            core.delete_robot(&manage, short).await?;
            let said = format!("Deleted robot account {}+{short}", asked.place.name());
            done(asked.app, &asked.place.here(), &said)
        }
        "regenerate" => {
            core.regenerate_robot(&manage, short).await?;
            let said = "The robot has a new token; the old one does not work any more";
            done(asked.app, &robot_url(&asked.place, short, "robot"), said)
        }
        "permit" => {
            let robot = core.robot(&manage, short).await?;
            let held = core.robot_permissions(&manage, short).await?;
            for (repository, role) in chosen(fields) {
                let before = held.iter().find(|held| held.repository == repository).map(|held| held.role);
                if before != role {
                    permit(asked, &repository, &robot.name, role).await?;
                }
            }
            let said = format!("Changed the permissions of {}", robot.name);
            done(asked.app, &robot_url(&asked.place, short, "permissions"), &said)
        }
        _ => Err(Problem::NotFound),
    }
}

async fn create(asked: &Asked<'_>, manage: &Allowed<ManageNamespace>, fields: &Fields) -> Answer {
    let (short, description) = (fields.text("name"), fields.text("description"));
    if description.chars().count() > DESCRIPTION {
        let errors = Errors::at("description", format!("At most {DESCRIPTION} characters"));
        return list(asked, creation(asked, Some(fields)).await?, errors).await;
    }
    let robot = match asked.app.core.create_robot(manage, short, description, None).await {
        Ok(robot) => robot,
        Err(error) => {
            let errors = Errors::of(error, "name")?;
            return list(asked, creation(asked, Some(fields)).await?, errors).await;
        }
    };
    for (repository, role) in chosen(fields) {
        if role.is_some() {
            permit(asked, &repository, &robot.name, role).await?;
        }
    }
    let said = format!("Successfully created robot account {}", robot.name);
    done(asked.app, &robot_url(&asked.place, short, "robot"), &said)
}

/// The roles that were chosen in a form; `None` takes the role away.
fn chosen(fields: &Fields) -> impl Iterator<Item = (String, Option<RepositoryRole>)> {
    fields.beginning("role/").map(|(repository, role)| (repository.to_owned(), role_of(role)))
}

fn role_of(word: &str) -> Option<RepositoryRole> {
    [RepositoryRole::Read, RepositoryRole::Write, RepositoryRole::Admin]
        .into_iter()
        .find(|role| role.as_str() == word)
}

async fn permit(
    asked: &Asked<'_>,
    repository: &str,
    robot: &str,
    role: Option<RepositoryRole>,
) -> Result<(), Problem> {
    let Ok(name) = RepositoryName::from_parts(asked.place.name(), repository) else {
        return Err(Problem::NotFound);
    };
    let core = &asked.app.core;
    let allowed = core.allow::<Administer>(asked.visit.caller(), &name).await?;
    let grantee = Grantee::User(robot.to_owned());
    match role {
        Some(role) => core.grant(&allowed, &grantee, role).await?,
        None => match core.revoke(&allowed, &grantee).await {
            // It is what was wanted.
            Ok(()) | Err(Error::NotFound(_)) => {}
            Err(other) => return Err(other.into()),
        },
    }
    Ok(())
}

async fn list(asked: &Asked<'_>, dialog: Dialog, errors: Errors) -> Answer {
    let view = asked.view().await?;
    let search = asked.wish.get("q");
    let last = Some(asked.wish.get("after")).filter(|last| !last.is_empty());
    let wanted = Some(search).filter(|search| !search.is_empty());
    let found = asked.app.core.robot_rows(&view, wanted, false, ROWS, last).await?;
    let (path, tab) = (asked.place.path(), asked.place.tab.key());
    let to = |after: &str| address(&path, &[("tab", tab), ("q", search), ("after", after)]);
    let first = last.map(|_| to(""));
    let next = found.items.last().filter(|_| found.more).map(|row| to(&row.robot.name));
    let status = errors.status();
    let page = Robots {
        frame: asked.frame(),
        place: asked.place.clone(),
        search: search.to_owned(),
        rows: found.items.into_iter().map(row).collect(),
        first,
        next,
        dialog,
        errors,
    };
    Ok(render(status, &page))
}

fn row(found: RobotRow) -> Row {
    let RobotRow { robot, teams, repositories } = found;
    Row {
        short: short(&robot.name),
        name: robot.name,
        description: robot.description,
        teams,
        repositories,
        created: Moment::new(robot.created),
        last_accessed: robot.last_accessed.map(Moment::new),
    }
}

/// `ns+name` → `name`.
fn short(name: &str) -> String {
    name.split_once('+').map_or(name, |(_, short)| short).to_owned()
}

/// Repositories of the namespace, each with the role that `role` knows for it.
async fn offers(asked: &Asked<'_>, role: impl Fn(&str) -> &'static str) -> Answer<(Vec<Offer>, bool)> {
    let query = RepositoryQuery {
        namespace: Some(asked.place.name().to_owned()),
        limit: OFFERED,
        ..RepositoryQuery::default()
    };
    let found = asked.app.core.repository_rows(asked.visit.caller(), &query).await?;
    let offer = |name: String| Offer { role: role(&name), repository: name };
    Ok((found.rows.into_iter().map(|row| offer(row.repository.name)).collect(), found.next.is_some()))
}

async fn creation(asked: &Asked<'_>, typed: Option<&Fields>) -> Answer<Dialog> {
    let role = |repository: &str| {
        typed
            .and_then(|fields| role_of(fields.text(&format!("role/{repository}"))))
            .map_or("none", RepositoryRole::as_str)
    };
    let (offers, more) = offers(asked, role).await?;
    let text = |name| typed.map_or("", |fields| fields.text(name)).to_owned();
    Ok(Dialog::Create { name: text("name"), description: text("description"), offers, more })
}

async fn shown(
    asked: &Asked<'_>,
    manage: &Allowed<ManageNamespace>,
    wanted: &str,
    view: View,
) -> Answer<Dialog> {
    let robot = asked.app.core.robot(manage, wanted).await?;
    let (offers, more) = if view == View::Permissions {
        let held = asked.app.core.robot_permissions(manage, wanted).await?;
        let role = |repository: &str| {
            held.iter().find(|held| held.repository == repository).map_or("none", |held| held.role.as_str())
        };
        offers(asked, role).await?
    } else {
        (Vec::new(), false)
    };
    let token = robot.token.as_ref().map_or("", Secret::expose);
    let login = login(asked, &robot.name, token);
    let commands = match view {
        View::Robot | View::Permissions => Vec::new(),
        View::Kubernetes => login.kubernetes_commands(),
        View::Podman => vec![login.line("podman", "")],
        View::Docker => vec![login.line("docker", "")],
        View::Helm => login.helm(),
    };
    Ok(Dialog::Robot(Box::new(Shown {
        secret: login.kubernetes(),
        secret_name: login.secret_name(),
        docker_config: login.docker_config(),
        commands: copyable("robot-command", commands),
        token: token.to_owned(),
        short: short(&robot.name),
        name: robot.name.clone(),
        view,
        offers,
        more,
    })))
}

fn login<'a>(asked: &'a Asked<'_>, robot: &'a str, token: &'a str) -> Login<'a> {
    Login { host: asked.visit.host(), user: robot, name: robot, token, own_ca: own_ca(asked.app) }
}

/// The Secret as a file.
async fn download(asked: &Asked<'_>, manage: &Allowed<ManageNamespace>, wanted: &str) -> Answer {
    let robot = asked.app.core.robot(manage, wanted).await?;
    let token = robot.token.as_ref().map_or("", Secret::expose);
    let login = login(asked, &robot.name, token);
    let name = format!("attachment; filename=\"{}.yml\"", login.secret_name());
    let mut response: Response = (StatusCode::OK, login.kubernetes()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
    let name = HeaderValue::try_from(name).map_err(|error| Problem::Core(Error::Internal(error.into())))?;
    headers.insert(CONTENT_DISPOSITION, name);
    Ok(response)
}
