//! Where one lands: the front door, and paths that lead nowhere.

use axum::response::Response;

use super::forms::see_other;
use super::problem::{Answer, Problem};
use super::visit::Visit;

/// `/`: to the organizations, or to the sign-in page.
pub(super) async fn front(visit: Visit) -> Response {
    see_other(if visit.user().is_some() { "/organization" } else { "/signin" })
}

/// Any other path.
pub(super) async fn nothing_here() -> Answer {
    Err(Problem::NotFound)
}
