//! Lists of repositories, and making a new one.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::Uri;
use quay_core::perms::CreateRepository;
use quay_core::{Error, NamespaceQuery, Refusal, RepositoryQuery, RepositoryRow, RepositorySort, Visibility};
use quay_oci::RepositoryName;

use super::flash::done;
use super::forms::{Errors, Fields};
use super::frame::{Frame, Section, page, render};
use super::markdown;
use super::parts::Moment;
use super::problem::Answer;
use super::repository::base;
use super::repository::wish::{Wish, address};
use super::visit::Visit;
use crate::http::App;

/// Rows on a page.
const ROWS: u32 = 25;
/// Namespaces to choose from.
const NAMESPACES: u32 = 100;
/// Letters of a description in a list.
const GLANCE: usize = 120;

/// The list of repositories and the form for a new one.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/repository", get(show)).route("/new", get(form).post(create))
}

/// A part of the repositories that somebody may see: what `repository-table.html` draws, in a variable of the name
/// `repositories`.
pub(super) struct List {
    pub(super) path: String,
    pub(super) tab: &'static str,
    pub(super) namespace: Option<String>,
    pub(super) search: String,
    pub(super) sort: RepositorySort,
    pub(super) descending: bool,
    pub(super) rows: Vec<Row>,
    /// Whether this is not the first page.
    pub(super) later: bool,
    pub(super) next: Option<String>,
    /// Only those with a star of one's own.
    pub(super) starred: bool,
    /// Whether the visitor can give stars.
    pub(super) can_star: bool,
    /// The address of this page.
    pub(super) here: String,
}

/// A repository in a list.
pub(super) struct Row {
    pub(super) base: String,
    pub(super) full: String,
    pub(super) name: String,
    pub(super) public: bool,
    pub(super) starred: bool,
    pub(super) description: String,
    pub(super) modified: Moment,
}

impl List {
    /// Reads a page of a list: of one namespace or of all, shown at `path` on the tab `tab`, if there are tabs.
    pub(super) async fn read(
        app: &App,
        visit: &Visit,
        uri: &Uri,
        path: &str,
        tab: &'static str,
        namespace: Option<&str>,
    ) -> Answer<Self> {
        let wish = Wish::of(uri);
        let sort =
            if wish.get("sort") == "modified" { RepositorySort::Modified } else { RepositorySort::Name };
        let descending = match wish.get("order") {
            "asc" => false,
            "desc" => true,
            _ => sort == RepositorySort::Modified,
        };
        let mut list = Self {
            path: path.to_owned(),
            tab,
            namespace: namespace.map(str::to_owned),
            search: wish.get("search").to_owned(),
            sort,
            descending,
            rows: Vec::new(),
            later: false,
            next: None,
            starred: wish.get("starred") == "1" && visit.user().is_some(),
            can_star: visit.user().is_some(),
            here: visit.here().to_owned(),
        };
        if list.starred {
            return list.of_stars(app, visit, wish.get("after")).await;
        }
        let after = Some(wish.get("after")).filter(|text| !text.is_empty());
        let found = match app.core.repository_rows(visit.caller(), &list.query(after)).await {
            // A mangled link shows the first page.
            Err(Error::Invalid { .. }) if after.is_some() => {
                app.core.repository_rows(visit.caller(), &list.query(None)).await?
            }
            found => {
                list.later = after.is_some();
                found?
            }
        };
        list.rows = found.rows.into_iter().map(|row| shown(row, namespace.is_some())).collect();
        list.next = found.next.map(|next| list.address(sort, descending, &next));
        Ok(list)
    }

    /// Fills the list with what has a star. Nobody has more stars than can be sorted here.
    async fn of_stars(mut self, app: &App, visit: &Visit, after: &str) -> Answer<Self> {
        let mut found = app.core.starred(&visit.account(app).await?).await?;
        found.retain(|row| {
            self.namespace.as_ref().is_none_or(|name| *name == row.repository.namespace)
                && row.repository.name.contains(&self.search.to_lowercase())
        });
        if self.sort == RepositorySort::Modified {
            found.sort_by_key(|row| row.repository.modified);
        }
        if self.descending {
            found.reverse();
        }
        let before = after.parse::<usize>().unwrap_or(0).min(found.len());
        let end = found.len().min(before + ROWS as usize);
        self.later = before > 0;
        self.next = (end < found.len()).then(|| self.address(self.sort, self.descending, &end.to_string()));
        let within = self.namespace.is_some();
        self.rows = found.drain(before..end).map(|row| shown(row, within)).collect();
        Ok(self)
    }

    fn query(&self, after: Option<&str>) -> RepositoryQuery {
        RepositoryQuery {
            namespace: self.namespace.clone(),
            search: Some(self.search.clone()).filter(|text| !text.is_empty()),
            sort: self.sort,
            descending: self.descending,
            public_only: false,
            after: after.map(str::to_owned),
            limit: ROWS,
        }
    }

    /// Whether there is nothing at all, whatever is searched for.
    pub(super) fn is_bare(&self) -> bool {
        self.rows.is_empty() && self.search.is_empty() && !self.later && !self.starred
    }

    fn address(&self, sort: RepositorySort, descending: bool, after: &str) -> String {
        let order = if descending { "desc" } else { "asc" };
        let parameters = [
            ("tab", self.tab),
            ("search", &*self.search),
            ("sort", word(sort)),
            ("order", order),
            ("starred", if self.starred { "1" } else { "" }),
            ("after", after),
        ];
        address(&self.path, &parameters)
    }

    /// Where the list begins, from a later page.
    pub(super) fn first(&self) -> Option<String> {
        self.later.then(|| self.address(self.sort, self.descending, ""))
    }

    pub(super) fn sort_word(&self) -> &'static str {
        word(self.sort)
    }

    pub(super) fn order_word(&self) -> &'static str {
        if self.descending { "desc" } else { "asc" }
    }

    /// Where a click on the head of a column leads, and how it is sorted now.
    pub(super) fn column(&self, which: &str) -> (String, &'static str) {
        let sort = if which == "modified" { RepositorySort::Modified } else { RepositorySort::Name };
        let current = sort == self.sort;
        let descending = if current { !self.descending } else { sort == RepositorySort::Modified };
        let state = match (current, self.descending) {
            (false, _) => "none",
            (true, true) => "descending",
            (true, false) => "ascending",
        };
        (self.address(sort, descending, ""), state)
    }
}

fn word(sort: RepositorySort) -> &'static str {
    match sort {
        RepositorySort::Name => "name",
        RepositorySort::Modified => "modified",
    }
}

fn shown(row: RepositoryRow, within: bool) -> Row {
    let RepositoryRow { repository, starred } = row;
    let full = format!("{}/{}", repository.namespace, repository.name);
    Row {
        base: format!("/repository/{full}"),
        name: if within { repository.name } else { full.clone() },
        full,
        public: repository.visibility == Visibility::Public,
        starred,
        description: markdown::glance(&repository.description, GLANCE),
        modified: Moment::new(repository.modified),
    }
}

#[derive(Template)]
#[template(path = "repositories.html")]
struct Page {
    frame: Frame,
    repositories: List,
}

impl Page {
    fn login(&self, user: &str) -> String {
        format!("podman login --username {user} {}", self.frame.visit.host())
    }

    fn push(&self, user: &str) -> String {
        format!("podman push localhost/IMAGE:TAG {}/{user}/IMAGE:TAG", self.frame.visit.host())
    }
}

/// `GET /repository`.
async fn show(State(app): State<App>, visit: Visit, uri: Uri) -> Answer {
    let repositories = List::read(&app, &visit, &uri, "/repository", "", None).await?;
    page(&Page { frame: visit.frame("Repositories").section(Section::Repositories), repositories })
}

#[derive(Template)]
#[template(path = "new.html")]
struct NewPage {
    frame: Frame,
    namespaces: Vec<(String, String)>,
    form: Typed,
    errors: Errors,
}

/// What was typed.
#[derive(Default)]
struct Typed {
    namespace: String,
    repository: String,
    description: String,
    public: bool,
}

/// `GET /new`.
async fn form(State(app): State<App>, visit: Visit, uri: Uri) -> Answer {
    let form = Typed { namespace: Wish::of(&uri).get("namespace").to_owned(), ..Typed::default() };
    written(&app, &visit, form, Errors::default()).await
}

async fn written(app: &App, visit: &Visit, form: Typed, errors: Errors) -> Answer {
    let account = visit.account(app).await?;
    let query = NamespaceQuery { limit: NAMESPACES, ..NamespaceQuery::default() };
    let found = app.core.namespaces(&account, &query).await?;
    let creatable = found.items.into_iter().filter(|namespace| namespace.can_create);
    let mut namespaces: Vec<String> = creatable.map(|namespace| namespace.name).collect();
    let wanted = &form.namespace;
    if !wanted.is_empty()
        && !namespaces.contains(wanted)
        && app.core.allow_in::<CreateRepository>(visit.caller(), wanted).await.is_ok()
    {
        namespaces.push(wanted.clone());
    }
    let namespaces = namespaces.into_iter().map(|name| (name.clone(), name)).collect();
    let frame =
        visit.frame("Create repository").section(Section::Repositories).crumb("Repositories", "/repository");
    Ok(render(errors.status(), &NewPage { frame, namespaces, form, errors }))
}

/// `POST /new`.
async fn create(State(app): State<App>, visit: Visit, fields: Fields) -> Answer {
    visit.account(&app).await?;
    let form = Typed {
        namespace: fields.text("namespace").to_owned(),
        repository: fields.text("repository").to_owned(),
        description: fields.text("description").to_owned(),
        public: fields.text("visibility") == "public",
    };
    let wrong = async |form, errors| written(&app, &visit, form, errors).await;
    let allowed = match app.core.allow_in::<CreateRepository>(visit.caller(), &form.namespace).await {
        Ok(allowed) => allowed,
        Err(Error::Refused(Refusal::Denied | Refusal::NameUnknown) | Error::NotFound(_)) => {
            let errors = Errors::at("namespace", "You have no right to create repositories there");
            return wrong(form, errors).await;
        }
        Err(other) => return Err(other.into()),
    };
    let Ok(name) = RepositoryName::from_parts(&form.namespace, &form.repository) else {
        let rule = "Use lower-case letters and digits, with single '.', '_', '-' or '/' between them";
        return wrong(form, Errors::at("repository", rule)).await;
    };
    let visibility = if form.public { Visibility::Public } else { Visibility::Private };
    match app.core.create_repository(&allowed, &name, visibility, &form.description).await {
        Ok(_) => done(&app, &format!("{}?tab=tags", base(&name)), &format!("Repository {name} was created.")),
        Err(error) => wrong(form, Errors::of(error, "repository")?).await,
    }
}
