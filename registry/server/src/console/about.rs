//! What this registry is, and under which name clients reach it.

use askama::Template;

use super::frame::{Frame, Section, page};
use super::problem::Answer;
use super::visit::Visit;

#[derive(Template)]
#[template(path = "about.html")]
struct About {
    frame: Frame,
}

/// `GET /about`.
pub(super) async fn show(visit: Visit) -> Answer {
    page(&About { frame: visit.frame("About").section(Section::About) })
}
