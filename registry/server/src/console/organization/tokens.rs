//! What programs log in with, on the settings of one's own account: application tokens and the encrypted password.
//!
//! Both are shown in the answer to the form that made them, and never again here: no address leads to them.

use askama::Template;
use http::StatusCode;
use jiff::Timestamp;
use quay_core::perms::Account;
use quay_core::{Allowed, AppToken, Error, Secret};

use super::super::commands::Command;
use super::super::flash::done;
use super::super::forms::{Errors, Fields};
use super::super::frame::{Frame, render};
use super::super::parts::{Copyable, Moment, copyable, own_ca};
use super::super::problem::{Answer, Problem};
use super::super::session::shown_again;
use super::Asked;
use super::credentials::Login;
use super::place::Place;
use super::settings::{self, Typed};

/// The name by which programs log in with such a token.
const LOGIN_NAME: &str = "$app";

/// A token in the list.
pub(super) struct Row {
    pub(super) uuid: String,
    pub(super) title: String,
    pub(super) created: Moment,
    pub(super) last_used: Option<Moment>,
    pub(super) expires: Option<Moment>,
    pub(super) expired: bool,
}

impl Row {
    fn new(token: AppToken) -> Self {
        Self {
            uuid: token.uuid,
            title: token.title,
            created: Moment::new(token.created),
            last_used: token.last_accessed.map(Moment::new),
            expired: token.expiration.is_some_and(|end| end <= Timestamp::now()),
            expires: token.expiration.map(Moment::new),
        }
    }
}

/// One's own tokens; nothing where they are switched off.
pub(super) async fn rows(asked: &Asked<'_>, account: &Allowed<Account>) -> Answer<Option<Vec<Row>>> {
    if !asked.app.core.config().feature_app_specific_tokens {
        return Ok(None);
    }
    Ok(Some(asked.app.core.app_tokens(account).await?.into_iter().map(Row::new).collect()))
}

#[derive(Template)]
#[template(path = "organization/token.html")]
struct Made {
    frame: Frame,
    place: Place,
    what: &'static str,
    /// What it is for, and what not.
    about: &'static str,
    /// What its owner calls it.
    title: Option<String>,
    user: String,
    token: String,
    expires: Option<Moment>,
    commands: Vec<Copyable>,
    secret: String,
    docker_config: String,
}

/// Makes a token and shows it.
pub(super) async fn create(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let account = switched_on(asked).await?;
    let title = fields.text("title");
    let typed = Typed { token_title: title, ..Typed::default() };
    if asked.visit.is_stale(asked.app)
        && let Err(errors) = shown_again(asked.app, asked.visit, fields, "token-password").await?
    {
        return settings::written(asked, errors, typed).await;
    }
    let (token, secret) = match asked.app.core.create_app_token(&account, title).await {
        Ok(made) => made,
        Err(error) => return settings::written(asked, Errors::of(error, "title")?, typed).await,
    };
    let about =
        "It logs in as $app, and reaches the repositories that you reach, but nothing of your account.";
    let mut made = made(asked, "Application token", about, LOGIN_NAME, "app", &secret);
    made.title = Some(token.title);
    made.expires = token.expiration.map(Moment::new);
    Ok(render(StatusCode::CREATED, &made))
}

/// Makes an encrypted password and shows it.
pub(super) async fn encrypt(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let account = settings::own(asked).await?;
    let password = Secret::new(fields.raw("client-password"));
    let wrong = |said: String| Errors::at("client-password", said);
    let errors = match asked.app.core.client_key(&account, &password).await {
        Ok(key) => {
            let about = "Programs that pull and push take it in the place of your password. It signs nobody in to \
                         this console, and is void as soon as your password changes.";
            let made = made(asked, "Encrypted password", about, asked.place.name(), "encrypted", &key);
            return Ok(render(StatusCode::CREATED, &made));
        }
        Err(Error::BadCredentials(_)) => wrong("This is not your password".to_owned()),
        Err(error @ Error::TooManyAttempts { .. }) => wrong(error.message()),
        Err(error) => Errors::of(error, "client-password")?,
    };
    settings::written(asked, errors, Typed::default()).await
}

/// The page that shows what was made; its Secret is called after the account and `kind`.
fn made(
    asked: &Asked<'_>,
    what: &'static str,
    about: &'static str,
    user: &str,
    kind: &str,
    secret: &Secret,
) -> Made {
    let login = Login {
        host: asked.visit.host(),
        user,
        name: &format!("{}-{kind}", asked.place.name()),
        token: secret.expose(),
        own_ca: own_ca(asked.app),
    };
    let mut commands = vec![
        Command { does: "Log in with Podman", ..login.line("podman", "") },
        Command { does: "Log in with Docker", ..login.line("docker", "") },
    ];
    commands.extend(login.helm());
    if let Some(helm) = commands.last_mut() {
        helm.does = "Log in with Helm";
    }
    commands.extend(login.kubernetes_commands());
    Made {
        frame: asked.frame().crumb(asked.place.name(), asked.place.here()).titled(what),
        place: asked.place.clone(),
        what,
        about,
        title: None,
        user: user.to_owned(),
        commands: copyable("token-command", commands),
        secret: login.kubernetes(),
        docker_config: login.docker_config(),
        token: secret.expose().to_owned(),
        expires: None,
    }
}

/// Ends a token.
pub(super) async fn revoke(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let account = switched_on(asked).await?;
    match asked.app.core.delete_app_token(&account, fields.text("uuid")).await {
        Ok(()) => done(asked.app, &asked.place.here(), "The application token does not work any more"),
        // It is what was wanted.
        Err(Error::NotFound(_)) => {
            done(asked.app, &asked.place.here(), "There is no such application token any more")
        }
        Err(other) => Err(other.into()),
    }
}

async fn switched_on(asked: &Asked<'_>) -> Answer<Allowed<Account>> {
    let account = settings::own(asked).await?;
    match asked.app.core.config().feature_app_specific_tokens {
        true => Ok(account),
        false => Err(Problem::NotFound),
    }
}
