//! Teams of an organization, who is in them, and everybody who is in any.

use askama::Template;
use axum::extract::{Path, State};
use http::Uri;
use quay_core::{Member, RepositoryPermission, Team, TeamRole};

use super::super::flash::done;
use super::super::forms::{Errors, Fields};
use super::super::frame::{Frame, Section, render};
use super::super::problem::{Answer, Problem};
use super::super::visit::Visit;
use super::place::{Place, Tab};
use super::{Asked, ask};
use crate::http::App;

/// What a role is called in forms, and what it means.
const ROLES: [(&str, &str); 3] = [
    ("member", "Member: only what the team is granted"),
    ("creator", "Creator: may create repositories"),
    ("admin", "Admin: may do everything"),
];

#[derive(Template)]
#[template(path = "organization/teams.html")]
struct Teams {
    frame: Frame,
    place: Place,
    view: View,
    dialog: Dialog,
    errors: Errors,
}

/// One of the three lists.
enum View {
    Teams(Vec<Team>),
    Members(Vec<Member>),
    Collaborators(Vec<Member>),
}

impl View {
    fn is(&self, key: &str) -> bool {
        key == match self {
            Self::Teams(_) => "teams",
            Self::Members(_) => "members",
            Self::Collaborators(_) => "collaborators",
        }
    }
}

/// What lies over the list.
enum Dialog {
    None,
    Create { name: String, description: String, role: String },
    Delete { team: String },
    Remove { member: String },
}

fn word(role: TeamRole) -> &'static str {
    match role {
        TeamRole::Member => "member",
        TeamRole::Creator => "creator",
        TeamRole::Admin => "admin",
    }
}

fn role_of(word: &str) -> Option<TeamRole> {
    [TeamRole::Member, TeamRole::Creator, TeamRole::Admin].into_iter().find(|role| self::word(*role) == word)
}

pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    let dialog = if !asked.place.can_manage() {
        Dialog::None
    } else if !asked.wish.get("create").is_empty() {
        Dialog::Create { name: String::new(), description: String::new(), role: "member".to_owned() }
    } else if !asked.wish.get("delete").is_empty() {
        Dialog::Delete { team: asked.wish.get("delete").to_owned() }
    } else if !asked.wish.get("remove").is_empty() {
        Dialog::Remove { member: asked.wish.get("remove").to_owned() }
    } else {
        Dialog::None
    };
    list(asked, dialog, Errors::default()).await
}

async fn list(asked: &Asked<'_>, dialog: Dialog, errors: Errors) -> Answer {
    let core = &asked.app.core;
    let view = match asked.wish.get("view") {
        "members" if asked.place.can_manage() => {
            View::Members(core.organization_members(&asked.manage().await?).await?)
        }
        "collaborators" if asked.place.can_manage() => {
            View::Collaborators(core.collaborators(&asked.manage().await?).await?)
        }
        _ => View::Teams(core.organization(asked.visit.caller(), asked.place.name()).await?.teams),
    };
    let status = errors.status();
    let page = Teams { frame: asked.frame(), place: asked.place.clone(), view, dialog, errors };
    Ok(render(status, &page))
}

pub(super) async fn act(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let manage = asked.manage().await?;
    let core = &asked.app.core;
    match fields.text("action") {
        "create" => {
            let (name, role) = (fields.text("name"), fields.text("role"));
            let known = core.organization(asked.visit.caller(), asked.place.name()).await?;
            let outcome = if known.teams.iter().any(|team| team.name == name) {
                Err(Errors::at("name", "A team with this name already exists"))
            } else if let Some(role) = role_of(role) {
                let made = core.put_team(&manage, name, role, fields.optional("description")).await;
                made.map_or_else(|error| Errors::of(error, "name").map(Err), |made| Ok(Ok(made)))?
            } else {
                Err(Errors::at("role", "Choose a role"))
            };
            match outcome {
                Ok((team, _)) => {
                    let said = format!("Successfully created team {}", team.name);
                    done(asked.app, &asked.place.team(&team.name), &said)
                }
                Err(errors) => {
                    let dialog = Dialog::Create {
                        name: name.to_owned(),
                        description: fields.text("description").to_owned(),
                        role: role.to_owned(),
                    };
                    list(asked, dialog, errors).await
                }
            }
        }
        "delete" => {
            let team = fields.text("team");
            match core.delete_team(&manage, team).await {
                Ok(()) => done(asked.app, &asked.place.here(), &format!("Deleted team {team}")),
                Err(error) => {
                    let errors = Errors::of_whole(error)?;
                    list(asked, Dialog::Delete { team: team.to_owned() }, errors).await
                }
            }
        }
        "remove" => {
            let member = fields.text("member");
            let to = asked.place.with("view", "members");
            match core.remove_member(&manage, member).await {
                Ok(()) => done(asked.app, &to, &format!("{member} is in no team any more")),
                Err(error) => {
                    let errors = Errors::of_whole(error)?;
                    list(asked, Dialog::Remove { member: member.to_owned() }, errors).await
                }
            }
        }
        _ => Err(Problem::NotFound),
    }
}

#[derive(Template)]
#[template(path = "organization/team.html")]
struct TeamPage {
    frame: Frame,
    place: Place,
    team: Team,
    members: Vec<Member>,
    repositories: Vec<RepositoryPermission>,
    typed: String,
    errors: Errors,
}

impl TeamPage {
    fn role(&self) -> &'static str {
        word(self.team.role)
    }
}

/// A team is looked up behind the tab of the teams: who may not see that, may not see a team.
async fn ask_team<'a>(
    app: &'a App,
    visit: &'a Visit,
    name: &str,
    team: &str,
    uri: &'a Uri,
) -> Answer<(Asked<'a>, Team)> {
    let mut asked = ask(app, visit, name, uri).await?;
    asked.place.tab = Tab::Teams;
    if !asked.place.tabs().contains(&Tab::Teams) {
        asked.view().await?;
        return Err(Problem::NotFound);
    }
    let organization = app.core.organization(visit.caller(), name).await?;
    let found = organization.teams.into_iter().find(|found| found.name == team && found.can_view);
    Ok((asked, found.ok_or(Problem::NotFound)?))
}

/// `GET /organization/{name}/teams/{team}`.
pub(super) async fn show_team(
    State(app): State<App>,
    visit: Visit,
    Path((name, team)): Path<(String, String)>,
    uri: Uri,
) -> Answer {
    let (asked, team) = ask_team(&app, &visit, &name, &team, &uri).await?;
    team_page(&asked, team, "", Errors::default()).await
}

async fn team_page(asked: &Asked<'_>, team: Team, typed: &str, errors: Errors) -> Answer {
    let core = &asked.app.core;
    let members = core.team_members(&asked.view().await?, &team.name).await?;
    let repositories = if asked.place.can_manage() {
        core.team_permissions(&asked.manage().await?, &team.name).await?
    } else {
        Vec::new()
    };
    let frame = asked.visit.frame(&team.name).section(Section::Organizations);
    let frame = frame
        .crumb("Organizations", "/organization")
        .crumb(asked.place.name(), asked.place.path())
        .crumb(Tab::Teams.label(), asked.place.here());
    let place = asked.place.clone();
    let typed = typed.to_owned();
    let status = errors.status();
    Ok(render(status, &TeamPage { frame, place, team, members, repositories, typed, errors }))
}

/// `POST /organization/{name}/teams/{team}`.
pub(super) async fn act_on_team(
    State(app): State<App>,
    visit: Visit,
    Path((name, team)): Path<(String, String)>,
    uri: Uri,
    fields: Fields,
) -> Answer {
    let (asked, team) = ask_team(&app, &visit, &name, &team, &uri).await?;
    let manage = asked.manage().await?;
    let member = fields.text("member");
    let here = asked.place.team(&team.name);
    let (outcome, field, said) = match fields.text("action") {
        "add" => {
            let added = app.core.add_team_member(&manage, &team.name, member).await.map(|_| ());
            (added, "member", format!("Added {member}"))
        }
        "remove" => {
            let removed = app.core.remove_team_member(&manage, &team.name, member).await;
            (removed, "", format!("Removed {member}"))
        }
        "change" => {
            let Some(role) = role_of(fields.text("role")) else {
                return team_page(&asked, team, "", Errors::at("role", "Choose a role")).await;
            };
            let text = fields.text("description");
            let changed = app.core.put_team(&manage, &team.name, role, Some(text)).await.map(|_| ());
            (changed, "role", format!("Changed team {}", team.name))
        }
        _ => return Err(Problem::NotFound),
    };
    match outcome {
        Ok(()) => done(&app, &here, &said),
        Err(error) => {
            let errors = if field.is_empty() { Errors::of_whole(error)? } else { Errors::of(error, field)? };
            team_page(&asked, team, member, errors).await
        }
    }
}
