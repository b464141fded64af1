//! The tags of a repository: searched, sorted, filtered and paged by core; nothing is asked per row.

use askama::Template;
use quay_core::{ArtifactKind, TagRow, TagRowQuery, TagSort};

use super::commands::{self, At};
use super::format;
use super::frame::{Frame, page};
use super::parts::{Badge, Copyable, Moment, Steps, copyable, own_ca, steps, way};
use super::problem::Answer;
use super::repository::wish::{Wish, address};
use super::repository::{Asked, Head};

/// Rows on a page.
const ROWS: u32 = 25;

#[derive(Template)]
#[template(path = "repository/tags.html")]
struct Page {
    frame: Frame,
    head: Head,
    list: List,
    rows: Vec<Row>,
    /// Tags that match.
    total: u64,
    first: u64,
    last: u64,
    pages: u32,
    /// How the first tag gets here; only for a repository without any.
    empty: Option<Vec<Steps>>,
    own_ca: bool,
    /// Whether tags can be made immutable.
    protects: bool,
}

/// One tag.
struct Row {
    name: String,
    digest: String,
    short: String,
    badge: Badge,
    size: String,
    modified: Moment,
    expires: Option<Moment>,
    immutable: bool,
    /// Manifests of an index.
    children: Option<u32>,
    /// Where its signature is shown.
    signed: Option<String>,
    referrers: u32,
    commands: Vec<Copyable>,
}

/// What of the list is shown, and links to other views of it.
struct List {
    path: String,
    search: String,
    sort: TagSort,
    descending: bool,
    kind: Option<ArtifactKind>,
    attached: bool,
    page: u32,
}

impl List {
    fn of(asked: &Asked<'_>) -> Self {
        let wish: &Wish = &asked.wish;
        let sort = match wish.get("sort") {
            "name" => TagSort::Name,
            "size" => TagSort::Size,
            _ => TagSort::Modified,
        };
        let descending = match wish.get("order") {
            "asc" => false,
            "desc" => true,
            _ => sort != TagSort::Name,
        };
        Self {
            path: super::repository::base(&asked.name),
            search: wish.get("search").to_owned(),
            sort,
            descending,
            kind: wish.get("kind").parse().ok(),
            attached: wish.get("attached") == "show",
            page: wish.page(),
        }
    }

    fn query(&self) -> TagRowQuery {
        TagRowQuery {
            search: Some(self.search.clone()).filter(|text| !text.is_empty()),
            sort: self.sort,
            descending: self.descending,
            kind: self.kind,
            hide_attached: !self.attached,
            page: self.page,
            limit: ROWS,
        }
    }

    /// Whether every tag is meant.
    fn is_whole(&self) -> bool {
        self.search.is_empty() && self.kind.is_none()
    }

    fn kind_word(&self) -> &'static str {
        self.kind.map_or("", ArtifactKind::as_str)
    }

    fn attached_word(&self) -> &'static str {
        if self.attached { "show" } else { "" }
    }

    fn sort_word(&self) -> &'static str {
        word(self.sort)
    }

    fn order_word(&self) -> &'static str {
        if self.descending { "desc" } else { "asc" }
    }

    fn address(&self, sort: TagSort, descending: bool, page: u32) -> String {
        let order = if descending { "desc" } else { "asc" };
        let page = if page > 1 { page.to_string() } else { String::new() };
        let parameters = [
            ("tab", "tags"),
            ("search", &*self.search),
            ("kind", self.kind_word()),
            ("attached", self.attached_word()),
            ("sort", word(sort)),
            ("order", order),
            ("page", &page),
        ];
        address(&self.path, &parameters)
    }

    /// The page before; from behind the end, the last one.
    fn previous(&self, pages: &u32) -> String {
        self.address(self.sort, self.descending, self.page.min(pages.saturating_add(1)) - 1)
    }

    /// The page after this.
    fn next(&self) -> String {
        self.address(self.sort, self.descending, self.page.saturating_add(1))
    }

    /// The columns that can be sorted by: words, link, how it is sorted now.
    fn column(&self, which: &str) -> Column {
        let (sort, text) = match which {
            "name" => (TagSort::Name, "Tag"),
            "size" => (TagSort::Size, "Size"),
            _ => (TagSort::Modified, "Last modified"),
        };
        let current = sort == self.sort;
        let descending = if current { !self.descending } else { sort != TagSort::Name };
        let state = match (current, self.descending) {
            (false, _) => "none",
            (true, true) => "descending",
            (true, false) => "ascending",
        };
        Column { text, href: self.address(sort, descending, 1), state }
    }

    /// The kinds to choose from: word, label, whether it is chosen.
    fn kinds(&self) -> Vec<(&'static str, &'static str, bool)> {
        let kind = |kind: &ArtifactKind| (kind.as_str(), kind.label(), self.kind == Some(*kind));
        ArtifactKind::ALL.iter().map(kind).collect()
    }
}

/// The head of a column.
struct Column {
    text: &'static str,
    href: String,
    /// As `aria-sort` has it.
    state: &'static str,
}

fn word(sort: TagSort) -> &'static str {
    match sort {
        TagSort::Name => "name",
        TagSort::Size => "size",
        TagSort::Modified => "modified",
    }
}

/// The tab with the tags.
pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    let list = List::of(asked);
    let found = asked.app.core.tag_rows(&asked.pull, &list.query()).await?;
    let own_ca = own_ca(asked.app);
    let rows = found.rows.into_iter().enumerate().map(|(number, row)| shown(asked, number, row, own_ca));
    let rows: Vec<Row> = rows.collect();
    let is_empty = found.total == 0 && list.is_whole();
    let empty = is_empty.then(|| {
        let recipes = if asked.view.can_write {
            commands::first_push(asked.visit.host(), &asked.name, asked.visit.user(), own_ca)
        } else {
            Vec::new()
        };
        steps(recipes)
    });
    let before = u64::from(found.page.saturating_sub(1)) * u64::from(ROWS);
    page(&Page {
        frame: asked.frame(asked.name.to_string(), false),
        head: asked.head("tags"),
        first: before + u64::from(!rows.is_empty()),
        last: before + rows.len() as u64,
        total: found.total,
        pages: found.pages,
        list,
        rows,
        empty,
        own_ca,
        protects: asked.app.core.config().feature_immutable_tags,
    })
}

fn shown(asked: &Asked<'_>, number: usize, row: TagRow, own_ca: bool) -> Row {
    let target = &row.target;
    let at = At {
        host: asked.visit.host(),
        repository: &asked.name,
        tag: Some(&row.name),
        digest: &target.digest,
        own_ca,
    };
    let base = super::repository::base(&asked.name);
    let commands = commands::brief(way(target.kind), &at, target.signed_by.is_some());
    let signed = target.signed_by.as_ref().map(|signature| match &signature.tag {
        Some(tag) => format!("{base}/tag/{tag}"),
        None => format!("{base}/manifest/{}", signature.digest),
    });
    Row {
        short: format::short(&target.digest),
        digest: target.digest.to_string(),
        badge: Badge::new(target.kind),
        size: format::size(target.size),
        modified: Moment::new(row.modified),
        expires: row.expires.map(Moment::new),
        immutable: row.immutable,
        children: target.is_index.then_some(target.child_count),
        signed,
        referrers: target.referrers,
        commands: copyable(&format!("row-{number}"), commands),
        name: row.name,
    }
}
