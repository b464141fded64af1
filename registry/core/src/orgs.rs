//! Organizations: namespaces with teams, and who is in them.

use jiff::Timestamp;
use quay_db::tables::orgs::{self, TeamRole};
use quay_db::tables::repos;
use quay_db::tables::users::{self, Kind};
use quay_db::{Tx, UserId};

use crate::accounts;
use crate::audit::Entry;
use crate::auth::ApiScopes;
use crate::caller::Caller;
use crate::clock::timestamp;
use crate::core::Core;
use crate::error::{Error, Missing, Refusal, Result};
use crate::invoicing::Invoicing;
use crate::landing::found_organization;
use crate::perms::{Account, Allowed, ManageNamespace, ViewNamespace};
use crate::renaming::taken;

/// An organization as one asker sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Id of the namespace.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// How to reach it; for members only.
    pub email: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Whether the asker manages it.
    pub is_admin: bool,
    /// Whether the asker belongs to it.
    pub is_member: bool,
    /// How long deleted tags can be restored, in seconds.
    pub tag_expiration_s: i64,
    /// Its teams; for members only.
    pub teams: Vec<Team>,
    /// Where its invoices go; for those who manage it.
    pub invoicing: Option<Invoicing>,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Its name.
    pub name: String,
    /// What its members may do in the organization.
    pub role: TeamRole,
    /// What it is for.
    pub description: String,
    /// How many are in it.
    pub members: u64,
    /// On how many repositories it has a permission.
    pub repositories: u64,
    /// Whether the asker is in it or manages the organization.
    pub can_view: bool,
}

/// Somebody in an organization or team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Their name.
    pub name: String,
    /// Whether it is a robot.
    pub robot: bool,
    /// Teams they are in; empty in the list of one team.
    pub teams: Vec<String>,
    /// Repositories on which they have a permission of their own; empty in the list of one team.
    pub repositories: Vec<String>,
}

/// How long deleted tags of a namespace can be restored, as the configuration allows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TagWindow {
    seconds: u64,
}

impl TagWindow {
    pub(crate) async fn apply(self, tx: &mut Tx, id: UserId, entry: Entry) -> Result<()> {
        users::set_tag_expiration(tx, id, i64::try_from(self.seconds).unwrap_or(i64::MAX)).await?;
        entry.detail("tag_expiration_s", self.seconds).record(tx).await?;
        Ok(())
    }
}

impl Core {
    /// Founds an organization; the founder becomes its owner.
    pub async fn create_organization(
        &self,
        who: &Allowed<Account>,
        name: &str,
        email: Option<&str>,
    ) -> Result<Organization> {
        if !who.caller.ceiling.reaches(ApiScopes::ORG_ADMIN) {
            return Err(Refusal::Denied.into());
        }
        accounts::check_name("namespace", name)?;
        let rules = self.rules();
        let founds_library = rules.library() == Some(name) && rules.is_superuser(&who.place.name);
        if rules.is_kept(name) && !founds_library {
            return Err(taken());
        }
        let email = email.map(str::trim).filter(|email| !email.is_empty()).map(str::to_lowercase);
        email.as_deref().map_or(Ok(()), accounts::check_email)?;
        let (caller, founder, uuid, now_ms) = (who.caller.clone(), who.place.id, self.uuid()?, self.now_ms());
        let name = name.to_owned();
        let org = self
            .db()
            .write(async move |tx| -> Result<_> {
                let email = email.as_deref();
                found_organization(tx, &rules, &caller, founder, &name, email, &uuid, now_ms)
                    .await?
                    .ok_or_else(taken)
            })
            .await?;
        self.organization(&who.caller, &org.username).await
    }

    /// An organization as the caller sees it: everybody may know that it exists.
    pub async fn organization(&self, caller: &Caller, name: &str) -> Result<Organization> {
        let (home, rights) = self.namespace_standing(caller, name).await?.ok_or(Missing::Organization)?;
        if !home.organization {
            return Err(Missing::Organization.into());
        }
        let reading = ApiScopes::ORG_ADMIN.with(ApiScopes::REPO_READ).with(ApiScopes::USER_READ);
        let belongs = rights.belongs && caller.ceiling.reaches(reading);
        let me = caller.user_id().map(UserId);
        let (row, teams) = self
            .db()
            .read(async |c| -> Result<_> {
                let row = users::get(c, home.id).await?.ok_or(Missing::Organization)?;
                let mut teams = Vec::new();
                if belongs {
                    for summary in orgs::teams(c, home.id).await? {
                        let inside = home.manages
                            || orgs::members(c, summary.team.id)
                                .await?
                                .iter()
                                .any(|member| Some(member.id) == me);
                        teams.push(shown(summary, inside));
                    }
                }
                Ok((row, teams))
            })
            .await?;
        Ok(Organization {
            id: row.id.0,
            name: row.username,
            email: row.email.filter(|_| belongs),
            created: timestamp(row.created_ms),
            is_admin: home.manages,
            is_member: belongs,
            tag_expiration_s: row.tag_expiration_s,
            teams,
            invoicing: home.manages.then(|| Invoicing::read(row.invoice_email.as_deref())),
        })
    }

    /// Deletes an organization with everything in it; its name is free at once, its bytes go later.
    pub async fn delete_organization(&self, at: &Allowed<ManageNamespace>) -> Result<()> {
        self.retire_organization(&at.caller, organization(at)?, at.namespace()).await
    }

    /// The part of deleting after the right is proven.
    pub(crate) async fn retire_organization(&self, caller: &Caller, id: UserId, name: &str) -> Result<()> {
        let (uuid, now_ms) = (self.uuid()?, self.now_ms());
        let entry = Entry::by("org_delete", caller, now_ms).on_namespace(id).detail("namespace", name);
        self.db()
            .write(async move |tx| -> Result<()> {
                repos::retire_namespace(tx, id, now_ms).await?;
                if !users::retire(tx, id, &uuid, now_ms).await? {
                    return Err(Missing::Organization.into());
                }
                entry.record(tx).await?;
                Ok(())
            })
            .await
    }

    /// Changes how to reach an organization.
    pub async fn set_organization_email(
        &self,
        at: &Allowed<ManageNamespace>,
        email: Option<&str>,
    ) -> Result<()> {
        let id = organization(at)?;
        let email = email.map(str::trim).filter(|email| !email.is_empty()).map(str::to_lowercase);
        email.as_deref().map_or(Ok(()), accounts::check_email)?;
        let entry = Entry::by("org_change_email", &at.caller, self.now_ms())
            .on_namespace(id)
            .detail("namespace", at.namespace());
        self.db()
            .write(async move |tx| -> Result<()> {
                users::set_email(tx, id, email.as_deref(), true).await?;
                entry.record(tx).await?;
                Ok(())
            })
            .await
    }

    /// Changes how long deleted tags of a namespace can be restored, to one of the configured choices.
    pub async fn set_tag_expiration(&self, at: &Allowed<ManageNamespace>, seconds: u64) -> Result<()> {
        let (window, id) = (self.tag_window(seconds)?, at.place.id);
        let entry = Entry::by("change_namespace_tag_expiration", &at.caller, self.now_ms())
            .on_namespace(id)
            .detail("namespace", at.namespace());
        self.db().write(async move |tx| window.apply(tx, id, entry).await).await
    }

    /// One of the configured choices, where there is a choice at all.
    pub(crate) fn tag_window(&self, seconds: u64) -> Result<TagWindow> {
        let config = self.config();
        if !config.feature_change_tag_expiration {
            return Err(Missing::Route.into());
        }
        if !config.tag_expiration_options.iter().any(|option| option.seconds() == seconds) {
            let options: Vec<_> =
                config.tag_expiration_options.iter().map(|option| option.as_str()).collect();
            return Err(Error::bad_request(format!(
                "Invalid tag expiration: choose one of {}",
                options.join(", ")
            )));
        }
        Ok(TagWindow { seconds })
    }

    /// Takes somebody out of every team.
    pub async fn remove_member(&self, at: &Allowed<ManageNamespace>, username: &str) -> Result<()> {
        let id = organization(at)?;
        let entry = Entry::by("org_remove_team_member", &at.caller, self.now_ms())
            .on_namespace(id)
            .detail("namespace", at.namespace())
            .detail("member", username);
        let username = username.to_owned();
        self.db()
            .write(async move |tx| -> Result<()> {
                let user = users::by_name(tx, &username).await?.ok_or(Missing::Member)?;
                if orgs::remove_from_org(tx, id, user.id).await? == 0 {
                    return Err(Missing::Member.into());
                }
                keep_an_owner(tx, id).await?;
                entry.record(tx).await?;
                Ok(())
            })
            .await
    }

    /// Makes a team, or changes what it is; the answer tells whether it is new.
    pub async fn put_team(
        &self,
        at: &Allowed<ManageNamespace>,
        name: &str,
        role: TeamRole,
        description: Option<&str>,
    ) -> Result<(Team, bool)> {
        accounts::check_name("team name", name)?;
        let (id, now_ms) = (organization(at)?, self.now_ms());
        let entry = |kind| {
            Entry::by(kind, &at.caller, now_ms)
                .on_namespace(id)
                .detail("namespace", at.namespace())
                .detail("team", name)
                .detail("role", role_name(role))
        };
        let (created, changed) = (entry("org_create_team"), entry("org_set_team_role"));
        let (name, description) = (name.to_owned(), description.map(str::to_owned));
        self.db()
            .write(async move |tx| -> Result<_> {
                let known = orgs::team(tx, id, &name).await?;
                let new = known.is_none();
                match known {
                    Some(team) => {
                        orgs::update_team(tx, team.id, role, description.as_deref()).await?;
                        keep_an_owner(tx, id).await?;
                        changed.record(tx).await?;
                    }
                    None => {
                        let description = description.as_deref().unwrap_or_default();
                        orgs::create_team(tx, id, &name, role, description, now_ms).await?;
                        created.record(tx).await?;
                    }
                }
                let summary =
                    orgs::teams(tx, id).await?.into_iter().find(|summary| summary.team.name == name);
                Ok((shown(summary.ok_or(Missing::Team)?, true), new))
            })
            .await
    }

    /// Deletes a team.
    pub async fn delete_team(&self, at: &Allowed<ManageNamespace>, name: &str) -> Result<()> {
        let id = organization(at)?;
        let entry = Entry::by("org_delete_team", &at.caller, self.now_ms())
            .on_namespace(id)
            .detail("namespace", at.namespace())
            .detail("team", name);
        let name = name.to_owned();
        self.db()
            .write(async move |tx| -> Result<()> {
                let team = orgs::team(tx, id, &name).await?.ok_or(Missing::Team)?;
                orgs::delete_team(tx, team.id).await?;
                keep_an_owner(tx, id).await?;
                entry.record(tx).await?;
                Ok(())
            })
            .await
    }

    /// Who is in a team: for those who are in it themselves or manage the organization.
    pub async fn team_members(&self, at: &Allowed<ViewNamespace>, team: &str) -> Result<Vec<Member>> {
        let (id, me) = (at.place.id, at.caller.user_id().map(UserId));
        let found = self
            .db()
            .read(async |c| -> Result<_> {
                let team = orgs::team(c, id, team).await?.ok_or(Missing::Team)?;
                Ok(orgs::members(c, team.id).await?)
            })
            .await?;
        if !at.place.manages && !found.iter().any(|member| Some(member.id) == me) {
            return Err(Refusal::Denied.into());
        }
        Ok(found.into_iter().map(member).collect())
    }

    /// Puts somebody into a team: a person, or a robot of this organization.
    pub async fn add_team_member(
        &self,
        at: &Allowed<ManageNamespace>,
        team: &str,
        username: &str,
    ) -> Result<Member> {
        let (id, now_ms) = (organization(at)?, self.now_ms());
        let entry = Entry::by("org_add_team_member", &at.caller, now_ms)
            .on_namespace(id)
            .detail("namespace", at.namespace())
            .detail("team", team)
            .detail("member", username);
        let (team, username) = (team.to_owned(), username.to_owned());
        self.db()
            .write(async move |tx| -> Result<Member> {
                let team = orgs::team(tx, id, &team).await?.ok_or(Missing::Team)?;
                let user = users::by_name(tx, &username).await?.ok_or(Missing::User)?;
                match user.kind {
                    Kind::User => {}
                    Kind::Robot if user.owner == Some(id) => {}
                    Kind::Robot => {
                        return Err(Error::bad_request("Cannot add a robot of another namespace to a team"));
                    }
                    Kind::Organization => return Err(Missing::User.into()),
                }
                if orgs::add_member(tx, team.id, user.id, now_ms).await? {
                    entry.record(tx).await?;
                }
                let robot = user.kind == Kind::Robot;
                Ok(Member { name: user.username, robot, teams: Vec::new(), repositories: Vec::new() })
            })
            .await
    }

    /// Takes somebody out of a team.
    pub async fn remove_team_member(
        &self,
        at: &Allowed<ManageNamespace>,
        team: &str,
        username: &str,
    ) -> Result<()> {
        let id = organization(at)?;
        let entry = Entry::by("org_remove_team_member", &at.caller, self.now_ms())
            .on_namespace(id)
            .detail("namespace", at.namespace())
            .detail("team", team)
            .detail("member", username);
        let (team, username) = (team.to_owned(), username.to_owned());
        self.db()
            .write(async move |tx| -> Result<()> {
                let team = orgs::team(tx, id, &team).await?.ok_or(Missing::Team)?;
                let user = users::by_name(tx, &username).await?.ok_or(Missing::Member)?;
                if !orgs::remove_member(tx, team.id, user.id).await? {
                    return Err(Missing::Member.into());
                }
                keep_an_owner(tx, id).await?;
                entry.record(tx).await?;
                Ok(())
            })
            .await
    }
}

/// The id of a namespace that is an organization.
pub(crate) fn organization(at: &Allowed<ManageNamespace>) -> Result<UserId> {
    if at.place.organization { Ok(at.place.id) } else { Err(Missing::Organization.into()) }
}

/// Undoes a change that would leave the organization to nobody.
async fn keep_an_owner(tx: &mut Tx, org: UserId) -> Result<()> {
    if orgs::admin_count(tx, org).await? == 0 {
        return Err(Error::bad_request(
            "An organization must keep at least one member in a team with the admin role",
        ));
    }
    Ok(())
}

/// A team role in Quay's words.
pub(crate) fn role_name(role: TeamRole) -> &'static str {
    match role {
        TeamRole::Member => "member",
        TeamRole::Creator => "creator",
        TeamRole::Admin => "admin",
    }
}

fn shown(summary: orgs::TeamSummary, can_view: bool) -> Team {
    Team {
        name: summary.team.name,
        role: summary.team.role,
        description: summary.team.description,
        members: summary.members.cast_unsigned(),
        repositories: summary.repositories.cast_unsigned(),
        can_view,
    }
}

pub(crate) fn member(found: orgs::Member) -> Member {
    Member {
        name: found.username,
        robot: found.kind == Kind::Robot,
        teams: Vec::new(),
        repositories: Vec::new(),
    }
}
