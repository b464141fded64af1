//! Settings of a namespace: how to reach it, how long deleted tags can be restored, its end; for a person, the password.

use askama::Template;
use quay_core::perms::ManageNamespace;
use quay_core::{Allowed, Error, Secret, SignedIn};

use super::super::flash::done;
use super::super::forms::{Errors, Fields};
use super::super::frame::{Frame, render};
use super::super::problem::{Answer, Problem};
use super::super::session::welcome;
use super::Asked;
use super::place::Place;

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
    errors: Errors,
}

pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    written(asked, Errors::default(), None).await
}

async fn written(asked: &Asked<'_>, errors: Errors, typed_email: Option<&str>) -> Answer {
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
    let email = match (typed_email, own_account) {
        (Some(typed), _) => typed.to_owned(),
        (None, true) => {
            asked.app.core.user(&asked.visit.account(asked.app).await?).await?.email.unwrap_or_default()
        }
        (None, false) => place.email().unwrap_or_default().to_owned(),
    };
    let status = errors.status();
    let page = Settings {
        frame: asked.frame(),
        email,
        windows,
        window: window.to_string(),
        can_choose: config.feature_change_tag_expiration,
        stale: asked.visit.is_stale(asked.app),
        own_account,
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
        "delete" => delete(asked, &manage, fields).await,
        _ => Err(Problem::NotFound),
    }
}

async fn email(asked: &Asked<'_>, manage: &Allowed<ManageNamespace>, fields: &Fields) -> Answer {
    let core = &asked.app.core;
    let outcome = if asked.place.is_organization() {
        core.set_organization_email(manage, fields.optional("email")).await
    } else {
        let account = own(asked).await?;
        if asked.visit.is_stale(asked.app)
            && let Err(errors) = shown_again(asked, fields).await?
        {
            return written(asked, errors, Some(fields.text("email"))).await;
        }
        core.set_email(&account, fields.text("email")).await
    };
    match outcome {
        Ok(()) => done(asked.app, &asked.place.here(), "Saved the email address"),
        Err(error) => written(asked, Errors::of(error, "email")?, Some(fields.text("email"))).await,
    }
}

async fn window(asked: &Asked<'_>, manage: &Allowed<ManageNamespace>, fields: &Fields) -> Answer {
    let seconds = fields.text("window").parse().unwrap_or(0);
    match asked.app.core.set_tag_expiration(manage, seconds).await {
        Ok(()) => done(asked.app, &asked.place.here(), "Saved how long deleted tags can be restored"),
        Err(error) => written(asked, Errors::of(error, "window")?, None).await,
    }
}

async fn password(asked: &Asked<'_>, fields: &Fields) -> Answer {
    let account = own(asked).await?;
    let new = fields.raw("new");
    if fields.raw("confirm") != new {
        return written(asked, Errors::at("confirm", "The passwords do not match"), None).await;
    }
    let current = Secret::new(fields.raw("current"));
    match asked.app.core.replace_password(&account, &current, &Secret::new(new)).await {
        Ok(signed_in) => {
            let said = "Changed the password; all other sessions have ended";
            welcome(&asked.app.core, &signed_in, done(asked.app, &asked.place.here(), said)?)
        }
        Err(Error::BadCredentials(_)) => {
            written(asked, Errors::at("current", "This is not the current password"), None).await
        }
        Err(error @ Error::TooManyAttempts { .. }) => {
            written(asked, Errors::at("current", error.message()), None).await
        }
        Err(error) => written(asked, Errors::of(error, "new")?, None).await,
    }
}

async fn delete(asked: &Asked<'_>, manage: &Allowed<ManageNamespace>, fields: &Fields) -> Answer {
    if !asked.place.is_organization() {
        return Err(Problem::NotFound);
    }
    if fields.text("name") != asked.place.name() {
        let said = format!("Type {} to confirm", asked.place.name());
        return written(asked, Errors::at("name", said), None).await;
    }
    if asked.visit.is_stale(asked.app)
        && let Err(errors) = shown_again(asked, fields).await?
    {
        return written(asked, errors, None).await;
    }
    match asked.app.core.delete_organization(manage).await {
        Ok(()) => done(asked.app, "/organization", &format!("Deleted organization {}", asked.place.name())),
        Err(error) => written(asked, Errors::of(error, "name")?, None).await,
    }
}

/// The right to change one's own account: on one's own page only, whoever else may manage it.
async fn own(asked: &Asked<'_>) -> Answer<Allowed<quay_core::perms::Account>> {
    if asked.place.is_organization() || asked.visit.user() != Some(asked.place.name()) {
        return Err(Problem::NotFound);
    }
    asked.visit.account(asked.app).await
}

/// Checks the password before something sensitive, in a session in which it was shown too long ago.
async fn shown_again(asked: &Asked<'_>, fields: &Fields) -> Answer<Result<SignedIn, Errors>> {
    let account = asked.visit.account(asked.app).await?;
    match asked.app.core.verify_fresh(&account, &Secret::new(fields.raw("password"))).await {
        Ok(signed_in) => Ok(Ok(signed_in)),
        Err(Error::BadCredentials(_)) => Ok(Err(Errors::at("password", "This is not your password"))),
        Err(error @ Error::TooManyAttempts { .. }) => Ok(Err(Errors::at("password", error.message()))),
        Err(other) => Err(other.into()),
    }
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
