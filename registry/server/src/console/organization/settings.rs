//! Settings of a namespace: how to reach it, how long deleted tags can be restored, its end; for a person, the
//! password and the end of the account.

use askama::Template;
use quay_core::perms::ManageNamespace;
use quay_core::{Allowed, Error, Secret};

use http::header::SET_COOKIE;

use super::super::flash::done;
use super::super::forms::{Errors, Fields};
use super::super::frame::{Frame, render};
use super::super::problem::{Answer, Problem};
use super::super::session::{shown_again, welcome};
use super::place::Place;
use super::{Asked, tokens};
use crate::http::session;

#[derive(Template)]
#[template(path = "organization/settings.html")]
struct Settings {
    frame: Frame,
    place: Place,
    email: String,
    windows: Vec<(String, String)>,
    window: String,
    /// Whether the time can be chosen.
    can_choose: bool,
    /// Whether the password must be shown again before something sensitive.
    stale: bool,
    own_account: bool,
    /// One's own application tokens, where there are any to be had.
    tokens: Option<Vec<tokens::Row>>,
    token_title: String,
    /// The token that is about to be revoked.
    revoking: Option<String>,
    /// Whether clients may log in with plain passwords.
    takes_plain: bool,
    superuser: bool,
    confirm_name: String,
    errors: Errors,
}

/// What was typed, where it is shown again.
#[derive(Clone, Copy, Default)]
pub(super) struct Typed<'a> {
    pub(super) email: Option<&'a str>,
    pub(super) token_title: &'a str,
    pub(super) confirm_name: &'a str,
}

pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    written(asked, Errors::default(), Typed::default()).await
}

/// The page, with what is wrong with one of its forms.
pub(super) async fn written(asked: &Asked<'_>, errors: Errors, typed: Typed<'_>) -> Answer {
    let place = asked.place.clone();
    let config = asked.app.core.config();
    let window = u64::try_from(place.tag_expiration_s()).unwrap_or(0);
    let mut windows: Vec<(String, String)> = config
        .tag_expiration_options
        .iter()
        .map(|period| (period.seconds().to_string(), length(period.seconds())))
        .collect();
    if !windows.iter().any(|(seconds, _)| *seconds == window.to_string()) {
        windows.insert(0, (window.to_string(), length(window)));
    }
    let own_account = !place.is_organization() && asked.visit.user() == Some(place.name());
    let account = match own_account {
        true => Some(asked.visit.account(asked.app).await?),
        false => None,
    };
    let email = match (typed.email, &account) {
        (Some(typed), _) => typed.to_owned(),
        (None, Some(account)) => asked.app.core.user(account).await?.email.unwrap_or_default(),
        (None, None) => place.email().unwrap_or_default().to_owned(),
    };
    let tokens = match &account {
        Some(account) => tokens::rows(asked, account).await?,
        None => None,
    };
    let revoking = asked.wish.get("revoke").to_owned();
    let revoking = Some(revoking)
        .filter(|uuid| errors.is_empty() && tokens.iter().flatten().any(|token| token.uuid == *uuid));
    let status = errors.status();
    let page = Settings {
        frame: asked.frame(),
        email,
        windows,
        window: window.to_string(),
        can_choose: config.feature_change_tag_expiration,
        stale: asked.visit.is_stale(asked.app),
        own_account,
        tokens,
        token_title: typed.token_title.to_owned(),
        revoking,
        takes_plain: !config.feature_require_encrypted_basic_auth,
        superuser: asked.visit.is_superuser(),
        confirm_name: typed.confirm_name.to_owned(),
        place,
        errors,
    };
    Ok(render(status, &page))
}

pub(super) async fn act(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let manage = asked.manage().await?;
    match fields.text("action") {
        "email" => email(asked, &manage, fields).await,
        "window" => window(asked, &manage, fields).await,
        "password" => password(asked, fields).await,
        "delete" if asked.place.is_organization() => delete(asked, &manage, fields).await,
        "delete" => delete_account(asked, fields).await,
        "create-token" => tokens::create(asked, fields).await,
        "encrypt-password" => tokens::encrypt(asked, fields).await,
        "revoke-token" => tokens::revoke(asked, fields).await,
        _ => Err(Problem::NotFound),
    }
}

async fn email(asked: &Asked<'_>, manage: &Allowed<ManageNamespace>, fields: &Fields) -> Answer {
    let core = &asked.app.core;
    let email = Typed { email: Some(fields.text("email")), ..Typed::default() };
    let outcome = if asked.place.is_organization() {
        core.set_organization_email(manage, fields.optional("email")).await
    } else {
        let account = own(asked).await?;
        if asked.visit.is_stale(asked.app)
            && let Err(errors) = shown_again(asked.app, asked.visit, fields, "password").await?
        {
            return written(asked, errors, email).await;
        }
        core.set_email(&account, fields.text("email")).await
    };
    match outcome {
        Ok(()) => done(asked.app, &asked.place.here(), "Saved the email address"),
        Err(error) => written(asked, Errors::of(error, "email")?, email).await,
    }
}

async fn window(asked: &Asked<'_>, manage: &Allowed<ManageNamespace>, fields: &Fields) -> Answer {
    let seconds = fields.text("window").parse().unwrap_or(0);
    match asked.app.core.set_tag_expiration(manage, seconds).await {
        Ok(()) => done(asked.app, &asked.place.here(), "Saved how long deleted tags can be restored"),
        Err(error) => written(asked, Errors::of(error, "window")?, Typed::default()).await,
    }
}

async fn password(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let account = own(asked).await?;
    let new = fields.raw("new");
    if fields.raw("confirm") != new {
        return written(asked, Errors::at("confirm", "The passwords do not match"), Typed::default()).await;
    }
    let current = Secret::new(fields.raw("current"));
    match asked.app.core.replace_password(&account, &current, &Secret::new(new)).await {
        Ok(signed_in) => {
            let said = "Changed the password; all other sessions have ended";
            welcome(&asked.app.core, &signed_in, done(asked.app, &asked.place.here(), said)?)
        }
        Err(Error::BadCredentials(_)) => {
            written(asked, Errors::at("current", "This is not the current password"), Typed::default()).await
        }
        Err(error @ Error::TooManyAttempts { .. }) => {
            written(asked, Errors::at("current", error.message()), Typed::default()).await
        }
        Err(error) => written(asked, Errors::of(error, "new")?, Typed::default()).await,
    }
}

async fn delete(asked: &Asked<'_>, manage: &Allowed<ManageNamespace>, fields: &Fields) -> Answer {
    let typed = Typed { confirm_name: fields.text("name"), ..Typed::default() };
    if typed.confirm_name != asked.place.name() {
        let said = format!("Type {} to confirm", asked.place.name());
        return written(asked, Errors::at("name", said), typed).await;
    }
    if asked.visit.is_stale(asked.app)
        && let Err(errors) = shown_again(asked.app, asked.visit, fields, "password").await?
    {
        return written(asked, errors, typed).await;
    }
    match asked.app.core.delete_organization(manage).await {
        Ok(()) => done(asked.app, "/organization", &format!("Deleted organization {}", asked.place.name())),
        Err(error) => written(asked, Errors::of(error, "name")?, typed).await,
    }
}

/// Deletes one's own account, proven by its name and its password however fresh the session is.
async fn delete_account(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let account = own(asked).await?;
    let typed = Typed { confirm_name: fields.text("name"), ..Typed::default() };
    let mut errors = Errors::default();
    if typed.confirm_name != asked.place.name() {
        errors.add("name", format!("Type {} to confirm", asked.place.name()));
    } else if let Err(wrong) = shown_again(asked.app, asked.visit, fields, "account-password").await? {
        errors = wrong;
    }
    if !errors.is_empty() {
        return written(asked, errors, typed).await;
    }
    match asked.app.core.delete_account(&account).await {
        Ok(()) => {
            let said = format!("The account {} was deleted.", asked.place.name());
            let mut response = done(asked.app, "/signin", &said)?;
            let gone = session::set_any(&asked.app.core, session::COOKIE_NAME, "", 0)?;
            response.headers_mut().append(SET_COOKIE, gone);
            Ok(response)
        }
        Err(error) => written(asked, Errors::of(error, "name")?, typed).await,
    }
}

/// The right to change one's own account: on one's own page only, whoever else may manage it.
pub(super) async fn own(asked: &Asked<'_>) -> Answer<Allowed<quay_core::perms::Account>> {
    if asked.place.is_organization() || asked.visit.user() != Some(asked.place.name()) {
        return Err(Problem::NotFound);
    }
    asked.visit.account(asked.app).await
}

/// `1209600` → `2 weeks`.
fn length(seconds: u64) -> String {
    if seconds == 0 {
        return "not at all".to_owned();
    }
    const UNITS: [(u64, &str); 5] =
        [(604_800, "week"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let (unit, word) =
        UNITS.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit)).unwrap_or((1, "second"));
    let count = seconds / unit;
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_in_the_largest_unit_that_fits() {
        for (seconds, text) in [
            (0, "not at all"),
            (86_400, "1 day"),
            (1_209_600, "2 weeks"),
            (90, "90 seconds"),
            (7200, "2 hours"),
        ] {
            assert_eq!(length(seconds), text);
        }
    }
}
