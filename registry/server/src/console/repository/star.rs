//! A star for a repository, and taking it back.

use quay_core::Error;

use super::super::flash::done;
use super::super::forms::{Fields, see_other};
use super::super::problem::Answer;
use super::Asked;

/// Gives or takes a star, and goes back to the list with the button.
pub(super) async fn set(asked: &Asked<'_>, fields: &Fields, on: bool) -> Answer {
    let account = asked.visit.account(asked.app).await?;
    let core = &asked.app.core;
    let outcome = match on {
        true => core.star(&account, &asked.pull).await,
        false => core.unstar(&account, &asked.pull).await,
    };
    let back = fields.path("back").unwrap_or("/repository");
    match outcome {
        Ok(()) => Ok(see_other(back)),
        Err(error @ Error::Invalid { .. }) => done(asked.app, back, &error.message()),
        Err(other) => Err(other.into()),
    }
}
