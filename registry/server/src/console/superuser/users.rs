//! All accounts of people: found, made, changed, disabled and enabled again, given another password, taken over,
//! deleted.
//!
//! A password that is generated is shown in the answer to the form that asked for it, and nowhere else.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use quay_core::accounts::Field;
use quay_core::perms::Superuser;
use quay_core::{AccountChange, Allowed, NewUser, User};

use super::super::flash::done;
use super::super::forms::{Errors, Fields};
use super::super::frame::{Frame, Section, render};
use super::super::parts::Moment;
use super::super::problem::{Answer, Problem};
use super::super::repository::wish::{Wish, address};
use super::super::session::shown_again;
use super::super::visit::Visit;
use super::powers;
use crate::http::App;

const PATH: &str = "/superuser/users";
/// Rows on a page.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "superuser/users.html")]
struct Users {
    frame: Frame,
    search: String,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
    dialog: Dialog,
    /// Whether the password must be shown again.
    stale: bool,
    errors: Errors,
}

/// An account in the list.
struct Row {
    name: String,
    email: String,
    created: Moment,
    enabled: bool,
    superuser: bool,
}

/// What lies over the list.
enum Dialog {
    None,
    Create {
        username: String,
        email: String,
    },
    Change {
        name: String,
        username: String,
        email: String,
        /// The address that the account had when the dialog was opened.
        shown: String,
        can_rename: bool,
    },
    Ask {
        deed: Deed,
        name: String,
    },
}

/// What is done to an account after a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Disable,
    Enable,
    Reset,
    Take,
    Delete,
}

impl Deed {
    const ALL: [Self; 5] = [Self::Disable, Self::Enable, Self::Reset, Self::Take, Self::Delete];

    /// Its word, in addresses and forms.
    fn key(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Reset => "reset",
            Self::Take => "take",
            Self::Delete => "delete",
        }
    }

    fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|deed| deed.key() == key)
    }

    /// What its button says.
    fn button(self) -> &'static str {
        match self {
            Self::Disable => "Disable",
            Self::Enable => "Enable",
            Self::Reset => "Reset password",
            Self::Take => "Take over",
            Self::Delete => "Delete",
        }
    }

    /// What the question is.
    fn asks(self) -> &'static str {
        match self {
            Self::Disable => "Disable the account",
            Self::Enable => "Enable the account",
            Self::Reset => "Reset the password of",
            Self::Take => "Take over the account",
            Self::Delete => "Delete the account",
        }
    }

    /// What will happen.
    fn explains(self) -> &'static str {
        match self {
            Self::Disable => {
                "Whoever uses it is signed out and refused from then on, by any credential. What it owns stays, and it \
                 can be enabled again."
            }
            Self::Enable => {
                "It can be used again, with the password that it had. Everybody has to sign in anew."
            }
            Self::Reset => {
                "A new password is generated and shown to you once. Every session ends, and whatever logs in with the \
                 old password is refused."
            }
            Self::Take => {
                "It becomes an organization that you own, with its repositories and robot accounts. Nobody can sign in \
                 with it any more. This cannot be undone."
            }
            Self::Delete => {
                "Every repository and robot account of it is deleted with it. This cannot be undone."
            }
        }
    }

    fn is_dangerous(self) -> bool {
        matches!(self, Self::Disable | Self::Take | Self::Delete)
    }
}

/// `GET /superuser/users`.
pub(super) async fn show(State(app): State<App>, visit: Visit, uri: Uri) -> Answer {
    let allowed = powers(&app, &visit).await?;
    let wish = Wish::of(&uri);
    let asked = Deed::ALL.into_iter().find(|deed| !wish.get(deed.key()).is_empty());
    let dialog = match asked {
        Some(deed) => {
            let user = app.core.account_of(&allowed, wish.get(deed.key())).await?;
            Dialog::Ask { deed, name: user.username }
        }
        None if !wish.get("change").is_empty() => {
            let user = app.core.account_of(&allowed, wish.get("change")).await?;
            let email = user.email.unwrap_or_default();
            Dialog::Change {
                name: user.username.clone(),
                username: user.username,
                shown: email.clone(),
                email,
                can_rename: app.core.config().feature_user_rename,
            }
        }
        None if wish.get("create") == "1" => Dialog::Create { username: String::new(), email: String::new() },
        None => Dialog::None,
    };
    list(&app, &visit, &allowed, &wish, dialog, Errors::default()).await
}

async fn list(
    app: &App,
    visit: &Visit,
    allowed: &Allowed<Superuser>,
    wish: &Wish,
    dialog: Dialog,
    errors: Errors,
) -> Answer {
    let search = wish.get("search").to_lowercase();
    let after = Some(wish.get("after")).filter(|name| !name.is_empty());
    let found = app.core.search_users(allowed, &search, ROWS, after).await?;
    let to = |after: &str| address(PATH, &[("search", &search), ("after", after)]);
    let next = found.items.last().filter(|_| found.more).map(|last| to(&last.username));
    let status = errors.status();
    let page = Users {
        frame: visit.frame("Users").section(Section::Users),
        first: after.map(|_| to("")),
        next,
        rows: found.items.into_iter().map(row).collect(),
        search,
        dialog,
        stale: visit.is_stale(app),
        errors,
    };
    Ok(render(status, &page))
}

fn row(user: User) -> Row {
    Row {
        name: user.username,
        email: user.email.unwrap_or_default(),
        created: Moment::new(user.created),
        enabled: user.enabled,
        superuser: user.superuser,
    }
}

/// `POST /superuser/users`.
pub(super) async fn act(State(app): State<App>, visit: Visit, uri: Uri, fields: Fields) -> Answer {
    let allowed = powers(&app, &visit).await?;
    let wish = Wish::of(&uri);
    let (action, name) = (fields.text("action"), fields.text("user"));
    let deed = Deed::of(action);
    if deed.is_none() && action != "create" && action != "change" {
        return Err(Problem::NotFound);
    }
    let proven = match visit.is_stale(&app) {
        true => shown_again(&app, &visit, &fields, "password").await?,
        false => Ok(()),
    };
    let outcome = match (proven, deed) {
        (Err(errors), _) => Err(errors),
        (Ok(()), Some(deed)) => perform(&app, &visit, &allowed, deed, name).await?,
        (Ok(()), None) if action == "change" => change(&app, &allowed, name, &fields).await?,
        (Ok(()), None) => create(&app, &visit, &allowed, &fields).await?,
    };
    match outcome {
        Ok(response) => Ok(response),
        Err(errors) => {
            let (username, email) = (fields.text("username").to_owned(), fields.text("email").to_owned());
            let dialog = match deed {
                Some(deed) => Dialog::Ask { deed, name: name.to_owned() },
                None if action == "change" => {
                    let can_rename = app.core.config().feature_user_rename;
                    let shown = fields.text("shown_email").to_owned();
                    Dialog::Change { name: name.to_owned(), username, email, shown, can_rename }
                }
                None => Dialog::Create { username, email },
            };
            list(&app, &visit, &allowed, &wish, dialog, errors).await
        }
    }
}

/// Does what was asked.
async fn perform(
    app: &App,
    visit: &Visit,
    allowed: &Allowed<Superuser>,
    deed: Deed,
    name: &str,
) -> Answer<Result<Response, Errors>> {
    let core = &app.core;
    let enabled = |enabled| AccountChange { enabled: Some(enabled), ..AccountChange::default() };
    let (outcome, said) = match deed {
        Deed::Reset => return reset(app, visit, allowed, name).await,
        Deed::Disable => {
            let outcome = core.change_account(allowed, name, enabled(false)).await;
            (outcome.map(drop), format!("Disabled the account {name}"))
        }
        Deed::Enable => {
            let outcome = core.change_account(allowed, name, enabled(true)).await;
            (outcome.map(drop), format!("Enabled the account {name}"))
        }
        Deed::Take => {
            (core.take_ownership(allowed, name).await, format!("{name} is an organization of yours now"))
        }
        Deed::Delete => (core.delete_account_of(allowed, name).await, format!("Deleted the account {name}")),
    };
    match outcome {
        Ok(()) if deed == Deed::Take => Ok(Ok(done(app, &format!("/organization/{name}"), &said)?)),
        Ok(()) => Ok(Ok(done(app, PATH, &said)?)),
        Err(error) => Ok(Err(Errors::of_whole(error)?)),
    }
}

/// Gives an account another address, and another name where the installation allows that.
async fn change(
    app: &App,
    allowed: &Allowed<Superuser>,
    name: &str,
    fields: &Fields,
) -> Answer<Result<Response, Errors>> {
    let username = fields.optional("username").filter(|new| *new != name).map(str::to_owned);
    // Held against what was shown, not against what is there: an address that was left as it stood says nothing, and
    // the person may have given another one meanwhile.
    let email = Some(fields.text("email")).filter(|new| *new != fields.text("shown_email"));
    if email.is_some_and(str::is_empty) {
        return Ok(Err(Errors::at("email", "An address cannot be taken away; type another one")));
    }
    let email = email.map(str::to_owned);
    let change = AccountChange { username, email, ..AccountChange::default() };
    let can_rename = app.core.config().feature_user_rename;
    let mut errors = Errors::default();
    for fault in app.core.change_faults(allowed, name, &change).await? {
        // Without the field for it, there is no place beside one.
        if can_rename || fault.field != Field::Username {
            errors.fault(fault);
        }
    }
    if !errors.is_empty() {
        return Ok(Err(errors));
    }
    match app.core.change_account(allowed, name, change).await {
        Ok(user) => Ok(Ok(done(app, PATH, &format!("Changed the account {}", user.username))?)),
        // The name and the address are right: what is left is about the account.
        Err(error) => Ok(Err(Errors::of_whole(error)?)),
    }
}

#[derive(Template)]
#[template(path = "superuser/password.html")]
struct Generated<'a> {
    frame: Frame,
    username: &'a str,
    password: &'a str,
    /// Whether the account is new.
    made: bool,
}

async fn create(
    app: &App,
    visit: &Visit,
    allowed: &Allowed<Superuser>,
    fields: &Fields,
) -> Answer<Result<Response, Errors>> {
    let password = app.core.new_password()?;
    let new = NewUser {
        username: fields.text("username").to_owned(),
        email: fields.optional("email").map(str::to_owned),
        password: password.clone(),
    };
    let mut errors = Errors::default();
    for fault in app.core.account_faults(&new).await? {
        errors.fault(fault);
    }
    if !errors.is_empty() {
        return Ok(Err(errors));
    }
    match app.core.create_user_as(allowed, new).await {
        Ok((user, _)) => Ok(Ok(generated(visit, &user.username, password.expose(), true))),
        // The name and the rules are right: what is left is an address that somebody has.
        Err(error) => Ok(Err(Errors::of(error, "email")?)),
    }
}

async fn reset(
    app: &App,
    visit: &Visit,
    allowed: &Allowed<Superuser>,
    name: &str,
) -> Answer<Result<Response, Errors>> {
    let password = app.core.new_password()?;
    let change = AccountChange { password: Some(password.clone()), ..AccountChange::default() };
    match app.core.change_account(allowed, name, change).await {
        Ok(user) => Ok(Ok(generated(visit, &user.username, password.expose(), false))),
        Err(error) => Ok(Err(Errors::of_whole(error)?)),
    }
}

fn generated(visit: &Visit, username: &str, password: &str, made: bool) -> Response {
    let title = if made { "New user" } else { "New password" };
    let frame = visit.frame(title).section(Section::Users).crumb("Users", PATH);
    render(StatusCode::CREATED, &Generated { frame, username, password, made })
}
