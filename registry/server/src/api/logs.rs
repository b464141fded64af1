//! The audit log of a person, an organization, a repository, and of all of it: lines in pages, and counts by day.

use axum::extract::{Path, Query, State};
use http::StatusCode;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use quay_core::perms::{Administer, ManageNamespace};
use quay_core::{LogCount, LogEntry, LogQuery, LogScope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::outcome::{Answer, Trouble};
use super::repository::Asked;
use super::view::{Avatar, date};
use super::visitor::Visitor;
use crate::http::{App, reply};

/// Lines on a page.
const PAGE: u32 = 20;
const DAY: SignedDuration = SignedDuration::from_hours(24);

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// First day, `MM/DD/YYYY`; yesterday when it is left out.
    #[serde(default)]
    starttime: Option<String>,
    /// Last day, `MM/DD/YYYY`; today when it is left out.
    #[serde(default)]
    endtime: Option<String>,
    /// Only deeds of this account.
    #[serde(default)]
    performer: Option<String>,
    /// Where the page before ended.
    #[serde(default)]
    next_page: Option<String>,
}

impl Range {
    fn query(self) -> Answer<LogQuery> {
        let now = Timestamp::now();
        let today = start_of(now.to_zoned(TimeZone::UTC).date())?;
        let from = self.starttime.as_deref().map(day).transpose()?.unwrap_or(earlier(today)?);
        let last = self.endtime.as_deref().map(day).transpose()?.unwrap_or(today);
        let to = last.checked_add(DAY).map_err(out_of_range)?;
        if from >= to {
            return Err(Trouble::Request("starttime must not be behind endtime".to_owned()));
        }
        let before = self.next_page.as_deref().map(str::parse).transpose()?;
        let performer = self.performer.filter(|name| !name.is_empty());
        Ok(LogQuery { from, to, performer, before, limit: PAGE })
    }
}

fn day(text: &str) -> Answer<Timestamp> {
    let date = Date::strptime("%m/%d/%Y", text.trim())
        .map_err(|_| Trouble::Request("a date is not valid: write it as MM/DD/YYYY".to_owned()))?;
    start_of(date)
}

fn start_of(date: Date) -> Answer<Timestamp> {
    Ok(date.to_zoned(TimeZone::UTC).map_err(out_of_range)?.timestamp())
}

fn earlier(day: Timestamp) -> Answer<Timestamp> {
    day.checked_sub(DAY).map_err(out_of_range)
}

fn out_of_range(_: jiff::Error) -> Trouble {
    Trouble::Request("a date is out of range".to_owned())
}

#[derive(Serialize, ToSchema)]
struct LogsView {
    start_time: String,
    end_time: String,
    logs: Vec<LineView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct LineView {
    kind: String,
    #[schema(value_type = Object)]
    metadata: serde_json::Value,
    ip: Option<String>,
    datetime: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    performer: Option<PerformerView>,
}

#[derive(Serialize, ToSchema)]
struct PerformerView {
    kind: &'static str,
    name: String,
    is_robot: bool,
    avatar: Avatar,
}

impl LineView {
    fn new(line: LogEntry) -> Self {
        let performer = |name: String| {
            let is_robot = name.contains('+');
            PerformerView { kind: "user", is_robot, avatar: Avatar::of_account(&name, is_robot), name }
        };
        Self {
            kind: line.kind,
            metadata: line.metadata,
            ip: line.address,
            datetime: date(line.at),
            performer: line.performer.map(performer),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct CountsView {
    aggregated: Vec<CountView>,
}

#[derive(Serialize, ToSchema)]
struct CountView {
    kind: String,
    count: u64,
    datetime: String,
}

async fn lines(app: &App, scope: LogScope<'_>, range: Range) -> Answer {
    let query = range.query()?;
    let page = app.core.log_lines(scope, &query).await?;
    let next_page = page.items.last().filter(|_| page.more).map(|last| last.position.to_string());
    let view = LogsView {
        start_time: date(query.from),
        end_time: date(query.to),
        logs: page.items.into_iter().map(LineView::new).collect(),
        next_page,
    };
    Ok(reply::json(StatusCode::OK, &view))
}

async fn counts(app: &App, scope: LogScope<'_>, range: Range) -> Answer {
    let found = app.core.log_counts(scope, &range.query()?).await?;
    let count = |LogCount { kind, day, count }| CountView { kind, count, datetime: date(day) };
    let aggregated = found.into_iter().map(count).collect();
    Ok(reply::json(StatusCode::OK, &CountsView { aggregated }))
}

/// One's own log.
#[utoipa::path(get, path = "/api/v1/user/logs", tag = "logs", params(Range), responses((status = 200, body = LogsView)))]
pub(super) async fn of_user(State(app): State<App>, visitor: Visitor, Query(range): Query<Range>) -> Answer {
    let account = visitor.account(&app).await?;
    lines(&app, LogScope::Account(&account), range).await
}

/// One's own log, counted.
#[utoipa::path(get, path = "/api/v1/user/aggregatelogs", tag = "logs", params(Range), responses((status = 200, body = CountsView)))]
pub(super) async fn counts_of_user(
    State(app): State<App>,
    visitor: Visitor,
    Query(range): Query<Range>,
) -> Answer {
    let account = visitor.account(&app).await?;
    counts(&app, LogScope::Account(&account), range).await
}

/// The log of an organization.
#[utoipa::path(get, path = "/api/v1/organization/{orgname}/logs", tag = "logs", params(("orgname" = String, Path), Range),
    responses((status = 200, body = LogsView), (status = 403)))]
pub(super) async fn of_organization(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Query(range): Query<Range>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &name).await?;
    lines(&app, LogScope::Namespace(&allowed), range).await
}

/// The log of an organization, counted.
#[utoipa::path(get, path = "/api/v1/organization/{orgname}/aggregatelogs", tag = "logs", params(("orgname" = String, Path), Range),
    responses((status = 200, body = CountsView), (status = 403)))]
pub(super) async fn counts_of_organization(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Query(range): Query<Range>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &name).await?;
    counts(&app, LogScope::Namespace(&allowed), range).await
}

/// The log of the whole registry.
#[utoipa::path(get, path = "/api/v1/superuser/logs", tag = "logs", params(Range), responses((status = 200, body = LogsView), (status = 403)))]
pub(super) async fn of_registry(
    State(app): State<App>,
    visitor: Visitor,
    Query(range): Query<Range>,
) -> Answer {
    let allowed = app.core.allow_superuser(&visitor.caller).await?;
    visitor.fresh(&app)?;
    lines(&app, LogScope::Everything(&allowed), range).await
}

/// The log of the whole registry, counted.
#[utoipa::path(get, path = "/api/v1/superuser/aggregatelogs", tag = "logs", params(Range), responses((status = 200, body = CountsView), (status = 403)))]
pub(super) async fn counts_of_registry(
    State(app): State<App>,
    visitor: Visitor,
    Query(range): Query<Range>,
) -> Answer {
    let allowed = app.core.allow_superuser(&visitor.caller).await?;
    visitor.fresh(&app)?;
    counts(&app, LogScope::Everything(&allowed), range).await
}

/// The log of a repository.
#[utoipa::path(get, path = "/api/v1/repository/{repository}/logs", tag = "logs", params(("repository" = String, Path), Range),
    responses((status = 200, body = LogsView), (status = 403)))]
pub(super) async fn of_repository(asked: &Asked<'_>) -> Answer {
    let allowed = asked.app.core.allow::<Administer>(&asked.visitor.caller, asked.name).await?;
    lines(asked.app, LogScope::Repository(&allowed), asked.query()?).await
}

/// The log of a repository, counted.
#[utoipa::path(get, path = "/api/v1/repository/{repository}/aggregatelogs", tag = "logs", params(("repository" = String, Path), Range),
    responses((status = 200, body = CountsView), (status = 403)))]
pub(super) async fn counts_of_repository(asked: &Asked<'_>) -> Answer {
    let allowed = asked.app.core.allow::<Administer>(&asked.visitor.caller, asked.name).await?;
    counts(asked.app, LogScope::Repository(&allowed), asked.query()?).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: Option<&str>, end: Option<&str>) -> Range {
        let text = |t: Option<&str>| t.map(str::to_owned);
        Range { starttime: text(start), endtime: text(end), performer: None, next_page: None }
    }

    #[test]
    fn days_are_written_as_in_quay_and_the_last_one_counts() {
        let query = range(Some("08/01/2026"), Some("08/02/2026")).query().unwrap();
        assert_eq!(query.from.to_string(), "2026-08-01T00:00:00Z");
        assert_eq!(query.to.to_string(), "2026-08-03T00:00:00Z");
    }

    #[test]
    fn without_days_it_is_yesterday_and_today() {
        let query = range(None, None).query().unwrap();
        assert_eq!(query.to.duration_since(query.from), SignedDuration::from_hours(48));
        let now = Timestamp::now();
        assert!(query.from < now && now < query.to);
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for wrong in ["", "2026-08-01", "13/01/2026", "02/30/2026", "x"] {
            assert!(range(Some(wrong), None).query().is_err(), "{wrong}");
        }
        assert!(range(Some("08/03/2026"), Some("08/01/2026")).query().is_err());
    }
}
