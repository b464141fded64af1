//! What a Helm chart says of itself, as its page shows it. All of it was written by strangers.

use quay_core::{Chart, Error};

use super::markdown::{self, SafeHtml, web_address};

/// Entries of a list that are shown.
const MOST: usize = 50;
/// Letters of a text that are shown.
const LONGEST: usize = 2_000;

/// The metadata of a chart and its README.
pub(super) struct ChartView {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) app_version: Option<String>,
    pub(super) description: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) kube_version: Option<String>,
    pub(super) deprecated: bool,
    pub(super) provenance: bool,
    pub(super) home: Option<Link>,
    pub(super) sources: Vec<Link>,
    pub(super) keywords: Vec<String>,
    pub(super) maintainers: Vec<Maintainer>,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) readme: Option<SafeHtml>,
}

/// A text that leads somewhere, if that is on the web.
pub(super) struct Link {
    pub(super) text: String,
    pub(super) href: Option<String>,
}

/// Who looks after a chart.
pub(super) struct Maintainer {
    pub(super) name: Link,
    pub(super) email: Option<String>,
}

/// What a chart builds on.
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) repository: Option<Link>,
}

impl Link {
    fn to(address: &str) -> Self {
        Self { text: cut(address), href: web_address(address).then(|| address.to_owned()) }
    }
}

impl ChartView {
    /// Reads a chart.
    pub(super) async fn of(chart: &Chart) -> Result<Self, Error> {
        let readme = match &chart.readme {
            Some(text) => Some(markdown::render_apart(text.clone()).await?).filter(|html| !html.is_empty()),
            None => None,
        };
        let text = |text: &Option<String>| text.as_deref().map(cut).filter(|text| !text.is_empty());
        let maintainer = |maintainer: &quay_core::Maintainer| Maintainer {
            name: Link {
                text: cut(&maintainer.name),
                href: maintainer.url.clone().filter(|address| web_address(address)),
            },
            email: text(&maintainer.email),
        };
        let dependency = |dependency: &quay_core::Dependency| Dependency {
            name: cut(&dependency.name),
            version: text(&dependency.version),
            repository: dependency.repository.as_deref().filter(|address| !address.is_empty()).map(Link::to),
        };
        Ok(Self {
            name: cut(&chart.name),
            version: cut(&chart.version),
            app_version: text(&chart.app_version),
            description: text(&chart.description),
            kind: text(&chart.kind),
            kube_version: text(&chart.kube_version),
            deprecated: chart.deprecated,
            provenance: chart.provenance,
            home: chart.home.as_deref().filter(|address| !address.is_empty()).map(Link::to),
            sources: chart.sources.iter().take(MOST).map(|address| Link::to(address)).collect(),
            keywords: chart.keywords.iter().take(MOST).map(|word| cut(word)).collect(),
            maintainers: chart.maintainers.iter().take(MOST).map(maintainer).collect(),
            dependencies: chart.dependencies.iter().take(MOST).map(dependency).collect(),
            readme,
        })
    }
}

fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_on_the_web_become_links() {
        for good in ["https://example.com/x?y=1", "http://example.com"] {
            assert_eq!(Link::to(good).href.as_deref(), Some(good));
        }
        for bad in [
            "javascript:alert(1)",
            " https://example.com",
            "https://example.com/\"onclick=\"x y",
            "data:text/html,x",
            "//example.com",
            "/signout",
            "",
            "oci://registry.example/charts",
        ] {
            let link = Link::to(bad);
            assert_eq!((link.href, link.text.as_str()), (None, bad));
        }
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(cut(&"ä".repeat(LONGEST)).chars().count(), LONGEST);
        assert!(cut(&"ä".repeat(LONGEST + 1)).ends_with("ä…"));
    }
}
