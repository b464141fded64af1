//! Signing in and out, and creating an account.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use http::StatusCode;
use http::header::{RETRY_AFTER, SET_COOKIE};
use quay_core::{Core, Error, NewUser, Secret, SignedIn};
use serde::Deserialize;

use super::flash::done;
use super::forms::{Errors, Fields, is_path_of_ours, see_other};
use super::frame::{Frame, page, render};
use super::problem::{Answer, Problem};
use super::visit::Visit;
use crate::http::{App, session};

/// Where one lands after signing in.
const HOME: &str = "/organization";

/// Where to go after signing in.
#[derive(Deserialize)]
pub(super) struct Way {
    #[serde(default)]
    redirect_url: String,
}

#[derive(Template)]
#[template(path = "signin.html")]
struct SignIn {
    frame: Frame,
    errors: Errors,
    username: String,
    redirect_url: String,
}

/// `GET /signin`.
pub(super) async fn sign_in_form(visit: Visit, Query(way): Query<Way>) -> Answer {
    let target = target(&way.redirect_url);
    if visit.user().is_some() {
        return Ok(see_other(target));
    }
    page(&SignIn {
        errors: Errors::default(),
        username: String::new(),
        redirect_url: target.to_owned(),
        frame: visit.frame("Sign in"),
    })
}

/// `POST /signin`.
pub(super) async fn sign_in(State(app): State<App>, visit: Visit, fields: Fields) -> Answer {
    let username = fields.text("username").to_owned();
    let password = Secret::new(fields.raw("password"));
    let target = target(fields.raw("redirect_url")).to_owned();
    let outcome =
        session::sign_in(&app.core, &username, &password, visit.caller().from(), old_session(&visit)).await;
    app.metrics.attempt("session", outcome.is_ok());
    let mut retry = None;
    let (status, said) = match outcome {
        Ok(signed_in) => return welcome(&app.core, &signed_in, see_other(&target)),
        Err(Error::BadCredentials(said)) => (StatusCode::UNPROCESSABLE_ENTITY, said.to_owned()),
        Err(error @ Error::TooManyAttempts { retry_after }) => {
            retry = Some(retry_after.as_secs() + 1);
            (StatusCode::TOO_MANY_REQUESTS, capitalised(&error.message()))
        }
        Err(other) => return Err(other.into()),
    };
    let form =
        SignIn { frame: visit.frame("Sign in"), errors: Errors::whole(said), username, redirect_url: target };
    let mut response = render(status, &form);
    if let Some(seconds) = retry {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

/// `POST /signout`.
pub(super) async fn sign_out(State(app): State<App>, visit: Visit) -> Answer {
    if visit.user().is_some() {
        app.core.sign_out(&visit.account(&app).await?).await?;
    }
    let mut response = see_other("/signin");
    response.headers_mut().append(SET_COOKIE, session::set_any(&app.core, session::COOKIE_NAME, "", 0)?);
    Ok(response)
}

#[derive(Template)]
#[template(path = "createaccount.html")]
struct CreateAccount {
    frame: Frame,
    errors: Errors,
    username: String,
    email: String,
}

/// `GET /createaccount`.
pub(super) async fn create_form(visit: Visit) -> Answer {
    if !visit.sign_up() {
        return Err(Problem::NotFound);
    }
    if visit.user().is_some() {
        return Ok(see_other(HOME));
    }
    page(&CreateAccount {
        frame: visit.frame("Create Account"),
        errors: Errors::default(),
        username: String::new(),
        email: String::new(),
    })
}

/// `POST /createaccount`: makes the account and signs it in.
pub(super) async fn create(State(app): State<App>, visit: Visit, fields: Fields) -> Answer {
    if !visit.sign_up() {
        return Err(Problem::NotFound);
    }
    let new = NewUser {
        username: fields.text("username").to_owned(),
        email: Some(fields.text("email").to_owned()),
        password: Secret::new(fields.raw("password")),
    };
    let mut errors = wrong(&app.core, &new, &fields).await?;
    if errors.is_empty() {
        match app.core.create_user(visit.caller(), new.clone()).await {
            Ok(user) => {
                let (from, old) = (visit.caller().from(), old_session(&visit));
                let signed_in = session::sign_in(&app.core, &user.username, &new.password, from, old).await?;
                let said = format!("Welcome, {}. Your account has been created.", user.username);
                return welcome(&app.core, &signed_in, done(&app, HOME, &said)?);
            }
            // Somebody else was faster with the name, or has the address.
            Err(error @ (Error::Invalid { .. } | Error::Conflict(_))) => {
                errors = wrong(&app.core, &new, &fields).await?;
                if errors.is_empty() {
                    errors.add("email", error.message());
                }
            }
            Err(other) => return Err(other.into()),
        }
    }
    let form = CreateAccount {
        frame: visit.frame("Create Account"),
        username: new.username,
        email: fields.text("email").to_owned(),
        errors,
    };
    Ok(render(StatusCode::UNPROCESSABLE_ENTITY, &form))
}

/// Everything that is wrong with the form for an account.
async fn wrong(core: &Core, new: &NewUser, fields: &Fields) -> Answer<Errors> {
    let mut errors = Errors::default();
    if new.username.is_empty() {
        errors.add("username", "Choose a username");
    }
    if fields.text("email").is_empty() {
        errors.add("email", "Email address is required");
    }
    if fields.raw("confirm") != fields.raw("password") {
        errors.add("confirm", "The passwords do not match");
    }
    for fault in core.sign_up_faults(new).await? {
        errors.fault(fault);
    }
    Ok(errors)
}

/// Checks the password, in a field of this name, before something sensitive.
pub(super) async fn shown_again(
    app: &App,
    visit: &Visit,
    fields: &Fields,
    field: &'static str,
) -> Answer<Result<(), Errors>> {
    let account = visit.account(app).await?;
    match app.core.verify_fresh(&account, &Secret::new(fields.raw(field))).await {
        // The browser goes on with the session it has.
        Ok(signed_in) => Ok(Ok(app.core.end_session(signed_in.cookie.expose()).await?)),
        Err(Error::BadCredentials(_)) => Ok(Err(Errors::at(field, "This is not your password"))),
        Err(error @ Error::TooManyAttempts { .. }) => Ok(Err(Errors::at(field, error.message()))),
        Err(other) => Err(other.into()),
    }
}

/// The cookie of a session that another is about to take the place of.
fn old_session(visit: &Visit) -> Option<&str> {
    visit.user().map(|_| visit.cookie().expose())
}

/// Gives the browser its session.
pub(in crate::console) fn welcome(core: &Core, signed_in: &SignedIn, mut response: Response) -> Answer {
    response.headers_mut().append(SET_COOKIE, session::set_cookie(core, &signed_in.cookie)?);
    Ok(response)
}

/// Where to go after signing in: only to a path of ours, and not back to signing in.
fn target(wanted: &str) -> &str {
    let path = wanted.split(['?', '#']).next().unwrap_or_default();
    if !is_path_of_ours(wanted) || matches!(path, "/" | "/signin" | "/createaccount" | "/signout" | "/theme")
    {
        return HOME;
    }
    wanted
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_a_page_of_ours_only() {
        assert_eq!(target("/repository/a/b?tab=tags"), "/repository/a/b?tab=tags");
        for elsewhere in
            ["", "/", "//evil.example/", "https://evil.example", "/signin?redirect_url=/x", "/signout"]
        {
            assert_eq!(target(elsewhere), HOME, "{elsewhere}");
        }
    }
}
