//! The page of one artifact, by tag or by digest: what it is, how to get it, what it holds, what refers to it.

use askama::Template;
use quay_core::{
    ArtifactKind, Attached, ChildRow, Error, Label, LabelSource, Layer, ManifestDetail, TagRow, Via,
};
use quay_oci::{Digest, TagName};

use super::chart::ChartView;
use super::commands::{self, At};
use super::format;
use super::forms::Errors;
use super::frame::{Frame, render};
use super::parts::{Badge, Copyable, Moment, Names, Steps, copyable, own_ca, steps, way};
use super::problem::{Answer, Problem};
use super::repository::wish::address;
use super::repository::{Asked, Head};

/// Bytes of a manifest that are shown.
const RAW: usize = 256 << 10;
/// Annotations that are shown.
const ANNOTATIONS: usize = 200;

#[derive(Template)]
#[template(path = "repository/tag.html")]
struct Page {
    frame: Frame,
    head: Head,
    /// The tag this is about; nothing when it was asked for by digest.
    tag: Option<TagView>,
    digest: String,
    badge: Badge,
    media_type: String,
    artifact_type: Option<String>,
    config_media_type: Option<String>,
    subject: Option<String>,
    size: String,
    created: Moment,
    tags: Names,
    annotations: Vec<(String, String)>,
    recipes: Vec<Steps>,
    own_ca: bool,
    /// Whether tags can be made immutable.
    protects: bool,
    chart: Option<ChartView>,
    layers: Vec<LayerView>,
    children: Vec<ChildView>,
    is_index: bool,
    attached: Vec<AttachedView>,
    signed: bool,
    /// How to sign it; only for who may push, and what can be signed.
    sign: Vec<Copyable>,
    labels: Vec<LabelView>,
    new_label: NewLabel,
    raw: String,
    raw_is_cut: bool,
    errors: Errors,
}

struct TagView {
    name: String,
    modified: Moment,
    expires: Option<Moment>,
    immutable: bool,
}

struct LayerView {
    number: u32,
    digest: String,
    short: String,
    media_type: String,
    size: String,
    title: Option<String>,
    command: Option<String>,
    remote: bool,
}

struct ChildView {
    digest: String,
    short: String,
    platform: String,
    badge: Badge,
    size: String,
    present: bool,
}

struct AttachedView {
    digest: String,
    short: String,
    badge: Badge,
    artifact_type: Option<String>,
    size: String,
    created: Moment,
    /// The tag by which it is attached; nothing for a referrer.
    tag: Option<String>,
}

struct LabelView {
    id: String,
    key: String,
    value: String,
    removable: bool,
}

/// What was typed into the form for a label.
#[derive(Default)]
struct NewLabel {
    key: String,
    value: String,
}

/// The page of a tag.
pub(super) async fn show_tag(asked: &Asked<'_>, name: &str) -> Answer {
    let name: TagName = name.parse().map_err(|_: quay_oci::TagError| Problem::NotFound)?;
    let row = match asked.app.core.tag_row(&asked.pull, &name).await {
        Err(Error::NotFound(_)) => return Err(absent(asked, &format!("The tag {name}"), name.as_str())),
        found => found?,
    };
    let digest = row.target.digest.clone();
    shown(asked, Some(row), &digest, NewLabel::default(), Errors::default()).await
}

/// The page of a manifest.
pub(super) async fn show_manifest(asked: &Asked<'_>, digest: &str) -> Answer {
    let digest: Digest = digest.parse().map_err(|_: quay_oci::DigestError| Problem::NotFound)?;
    match shown(asked, None, &digest, NewLabel::default(), Errors::default()).await {
        Err(Problem::Core(Error::NotFound(_))) => Err(absent(asked, "This manifest", "")),
        answer => answer,
    }
}

/// It is not in a repository that the visitor may pull from.
fn absent(asked: &Asked<'_>, what: &str, search: &str) -> Problem {
    let text =
        format!("{what} is not in {}: it was never pushed, or it was deleted or has expired.", asked.name);
    let base = super::repository::base(&asked.name);
    Problem::Absent { text, history: address(&base, &[("tab", "history"), ("search", search)]) }
}

/// The page of a manifest with the form for a label that was wrong.
pub(super) async fn with_label_errors(
    asked: &Asked<'_>,
    digest: &Digest,
    key: &str,
    value: &str,
    errors: Errors,
) -> Answer {
    let label = NewLabel { key: key.to_owned(), value: value.to_owned() };
    shown(asked, None, digest, label, errors).await
}

async fn shown(
    asked: &Asked<'_>,
    row: Option<TagRow>,
    digest: &Digest,
    new_label: NewLabel,
    errors: Errors,
) -> Answer {
    let core = &asked.app.core;
    let detail = core.manifest_detail(&asked.pull, digest).await?;
    let children = core.children(&asked.pull, digest).await?;
    let attached = core.attached(&asked.pull, digest).await?;
    let labels = core.labels(&asked.pull, digest, None).await?;
    let chart = match detail.kind {
        ArtifactKind::HelmChart => core.chart(&asked.pull, digest).await?,
        _ => None,
    };
    let chart = match chart {
        Some(chart) => Some(ChartView::of(&chart).await?),
        None => None,
    };
    let ManifestDetail { manifest, kind, created, tags, annotations, layers } = detail;
    let own_ca = own_ca(asked.app);
    let tag = row.as_ref().map(|row| row.name.as_str());
    let at = At { host: asked.visit.host(), repository: &asked.name, tag, digest, own_ca };
    let signed = attached.iter().any(|item| item.kind == ArtifactKind::Signature);
    let can_be_signed =
        !matches!(kind, ArtifactKind::Signature | ArtifactKind::Attestation | ArtifactKind::Sbom);
    let sign =
        if asked.view.can_write && !signed && can_be_signed { commands::sign(&at) } else { Vec::new() };
    let size = match &row {
        Some(row) => row.target.size,
        None if children.is_empty() => manifest.layers_size,
        None => children.iter().map(|child| child.size).sum(),
    };
    let (raw, raw_is_cut) = raw(&manifest.bytes);
    let title = tag.map_or_else(|| format::short(digest), str::to_owned);
    let page = Page {
        frame: asked.frame(title, true),
        head: asked.head("tags"),
        digest: digest.to_string(),
        badge: Badge::new(kind),
        is_index: quay_oci::media_type::is_index(&manifest.media_type),
        media_type: manifest.media_type,
        artifact_type: manifest.artifact_type,
        config_media_type: manifest.config_media_type,
        subject: manifest.subject.map(|subject| subject.to_string()),
        size: format::size(size),
        created: Moment::new(created),
        tags: Names::new(tags),
        annotations: annotations.into_iter().take(ANNOTATIONS).collect(),
        recipes: steps(commands::recipes(way(kind), &at, signed)),
        own_ca,
        protects: core.config().feature_immutable_tags,
        chart,
        layers: layers.into_iter().map(LayerView::new).collect(),
        children: children.into_iter().map(ChildView::new).collect(),
        attached: attached.into_iter().map(AttachedView::new).collect(),
        signed,
        sign: copyable("sign", sign),
        labels: labels.into_iter().map(LabelView::new).collect(),
        new_label,
        raw,
        raw_is_cut,
        errors,
        tag: row.map(TagView::new),
    };
    Ok(render(page.errors.status(), &page))
}

/// A manifest with its members on lines of their own, as far as it is shown.
fn raw(bytes: &[u8]) -> (String, bool) {
    let mut text = format::indented(&String::from_utf8_lossy(&bytes[..bytes.len().min(RAW)]));
    let mut end = text.len().min(RAW);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let is_cut = bytes.len() > RAW || end < text.len();
    text.truncate(end);
    (text, is_cut)
}

impl TagView {
    fn new(row: TagRow) -> Self {
        Self {
            modified: Moment::new(row.modified),
            expires: row.expires.map(Moment::new),
            immutable: row.immutable,
            name: row.name,
        }
    }
}

impl LayerView {
    fn new(layer: Layer) -> Self {
        Self {
            number: layer.index + 1,
            short: format::short(&layer.digest),
            digest: layer.digest.to_string(),
            media_type: layer.media_type,
            size: format::size(layer.size),
            title: layer.title,
            command: layer.command.or(layer.comment),
            remote: layer.remote,
        }
    }
}

impl ChildView {
    fn new(child: ChildRow) -> Self {
        Self {
            short: format::short(&child.digest),
            digest: child.digest.to_string(),
            platform: child.platform.unwrap_or_else(|| "–".to_owned()),
            badge: Badge::new(child.kind),
            size: format::size(child.size),
            present: child.present,
        }
    }
}

impl AttachedView {
    fn new(attached: Attached) -> Self {
        Self {
            short: format::short(&attached.digest),
            digest: attached.digest.to_string(),
            badge: Badge::new(attached.kind),
            artifact_type: attached.artifact_type,
            size: format::size(attached.size),
            created: Moment::new(attached.created),
            tag: match attached.via {
                Via::Referrer => None,
                Via::Tag(name) => Some(name),
            },
        }
    }
}

impl LabelView {
    fn new(label: Label) -> Self {
        Self {
            id: label.id,
            key: label.key,
            value: label.value,
            removable: matches!(label.source, LabelSource::Api),
        }
    }
}
