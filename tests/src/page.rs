//! An HTML page as it is parsed by the rules that browsers follow: its text, its forms, its links, and everything in
//! it that would run or lead away.

use anyhow::{Context, Result, ensure};
use reqwest::Url;
use scraper::{ElementRef, Html, Selector};

use crate::client::Answer;

/// Elements that load or run something, wherever a page of ours would have them from.
const FOREIGN: [&str; 12] = [
    "iframe",
    "frame",
    "frameset",
    "object",
    "embed",
    "applet",
    "base",
    "portal",
    "style",
    "foreignobject",
    "animate",
    "set",
];

/// Attributes with an address in them.
const ADDRESSES: [&str; 12] = [
    "href",
    "src",
    "srcset",
    "action",
    "formaction",
    "xlink:href",
    "data",
    "poster",
    "cite",
    "background",
    "ping",
    "manifest",
];

/// A parsed page.
pub struct Page {
    html: Html,
    url: Url,
}

/// A form of a page, filled in as it came.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it is sent: a path.
    pub action: String,
    /// Its fields, hidden ones included.
    pub fields: Vec<(String, String)>,
}

impl Page {
    /// Parses an answer, which must say that it is HTML.
    pub fn of(answer: &Answer, base: &str) -> Result<Page> {
        let kind = answer.need("content-type")?;
        ensure!(kind == "text/html; charset=utf-8", "not a page: {answer:?}");
        Page::parse(std::str::from_utf8(&answer.body)?, base)
    }

    /// Parses a text as a page at `base`.
    pub fn parse(text: &str, base: &str) -> Result<Page> {
        Ok(Page { html: Html::parse_document(text), url: base.parse().context("the address of the page")? })
    }

    /// All elements that a CSS selector picks.
    pub fn all(&self, selector: &str) -> Result<Vec<ElementRef<'_>>> {
        let selector = Selector::parse(selector).ok().with_context(|| format!("the selector {selector}"))?;
        Ok(self.html.select(&selector).collect())
    }

    /// The text of the first element that a CSS selector picks.
    pub fn text_of(&self, selector: &str) -> Result<String> {
        let found = self.all(selector)?;
        let element =
            found.first().with_context(|| format!("nothing on the page is {selector}: {}", self.text()))?;
        Ok(element.text().collect::<String>().trim().to_owned())
    }

    /// Everything there is to read: text, what stands in fields, and the attributes that are read out or copied.
    pub fn text(&self) -> String {
        let mut text: String = self.html.root_element().text().collect();
        for element in self.elements() {
            for name in ["value", "title", "alt", "aria-label", "placeholder", "data-copy", "content"] {
                if let Some(value) = element.value().attr(name) {
                    text.push('\n');
                    text.push_str(value);
                }
            }
        }
        text
    }

    /// The form that has a field of this name.
    pub fn form_with(&self, field: &str) -> Result<Form> {
        let forms = self.all("form")?;
        let form = forms
            .iter()
            .map(|form| self.form(*form))
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .find(|form| form.fields.iter().any(|(name, _)| name == field));
        form.with_context(|| format!("no form with the field {field}: {}", self.text()))
    }

    fn form(&self, form: ElementRef<'_>) -> Result<Form> {
        let action = self.url.join(form.value().attr("action").unwrap_or_default())?;
        ensure!(action.origin() == self.url.origin(), "a form is sent elsewhere: {action}");
        let fields = Selector::parse("input[name], select[name], textarea[name], button[name]")
            .ok()
            .context("the selector")?;
        let mut filled = Vec::new();
        for field in form.select(&fields) {
            let element = field.value();
            let kind = element.attr("type").unwrap_or_default();
            if ["radio", "checkbox"].contains(&kind) && element.attr("checked").is_none() {
                continue;
            }
            let value = match element.name() {
                "textarea" => field.text().collect(),
                "select" => chosen(field),
                _ => element.attr("value").unwrap_or_default().to_owned(),
            };
            filled.push((element.attr("name").unwrap_or_default().to_owned(), value));
        }
        Ok(Form { action: path_of(&action), fields: filled })
    }

    /// Where its links lead, as far as that is on the same registry: paths.
    pub fn links(&self) -> Vec<String> {
        let mut paths: Vec<String> = self
            .elements()
            .filter(|element| element.value().name() == "a")
            .filter_map(|element| self.url.join(element.value().attr("href")?).ok())
            .filter(|url| url.origin() == self.url.origin())
            .map(|url| path_of(&url))
            .collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// Everything that would run a stranger's script, load a stranger's content or lead a form astray.
    pub fn active(&self) -> Vec<String> {
        self.elements().flat_map(|element| self.active_in(element)).collect()
    }

    fn active_in(&self, element: ElementRef<'_>) -> Vec<String> {
        let (name, mut found) = (element.value().name().to_lowercase(), Vec::new());
        let ours = |address: Option<&str>| {
            address
                .and_then(|address| self.url.join(address).ok())
                .is_some_and(|url| url.origin() == self.url.origin() && url.path().starts_with("/assets/"))
        };
        let attr = |name: &str| element.value().attr(name);
        if FOREIGN.contains(&name.as_str()) {
            found.push(format!("<{name}>"));
        }
        if name == "script" && (!ours(attr("src")) || !element.text().collect::<String>().trim().is_empty()) {
            found.push(format!("a script: {}", element.html()));
        }
        if name == "link" && !ours(attr("href")) || name == "meta" && attr("http-equiv").is_some() {
            found.push(element.html());
        }
        for (key, value) in element.value().attrs() {
            let key = key.to_lowercase();
            let runs =
                key.starts_with("on") || key.contains("hx-on") || ["style", "srcdoc"].contains(&key.as_str());
            if runs || ADDRESSES.contains(&key.as_str()) && !self.is_harmless(&name, &key, value) {
                found.push(format!("{name} {key}={value:?}"));
            }
        }
        found
    }

    /// An address is harmless on this registry; links may also lead to other pages and to people.
    fn is_harmless(&self, element: &str, attribute: &str, address: &str) -> bool {
        let Ok(url) = self.url.join(address) else { return false };
        if url.origin() == self.url.origin() {
            return true;
        }
        match (element, attribute) {
            ("a", "href") => ["https", "http", "mailto"].contains(&url.scheme()),
            ("img", "src") => {
                address.starts_with("data:image/png") || address.starts_with("data:image/svg+xml")
            }
            _ => false,
        }
    }

    fn elements(&self) -> impl Iterator<Item = ElementRef<'_>> {
        self.html.root_element().descendants().filter_map(ElementRef::wrap)
    }
}

impl Form {
    /// The form with this in a field, whether it was there or not.
    pub fn with(mut self, name: &str, value: &str) -> Form {
        self.fields.retain(|(field, _)| field != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The form without a field.
    pub fn without(mut self, name: &str) -> Form {
        self.fields.retain(|(field, _)| field != name);
        self
    }
}

/// What a select sends: the option that is selected, else the first.
fn chosen(select: ElementRef<'_>) -> String {
    let options: Vec<ElementRef<'_>> = select
        .descendants()
        .filter_map(ElementRef::wrap)
        .filter(|element| element.value().name() == "option")
        .collect();
    let option = options.iter().find(|option| option.value().attr("selected").is_some()).or(options.first());
    option
        .map(|option| option.value().attr("value").map_or_else(|| option.text().collect(), str::to_owned))
        .unwrap_or_default()
}

fn path_of(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://registry.example:8443/organization?tab=x";

    fn active(body: &str) -> Vec<String> {
        Page::parse(&format!("<!DOCTYPE html><html><body>{body}</body></html>"), BASE).unwrap().active()
    }

    #[test]
    fn everything_that_would_run_or_load_is_seen() {
        for body in [
            "<script>alert(1)</script>",
            "<script src='https://evil.example/x.js'></script>",
            "<script src=/v2/a/b/blobs/sha256:1></script>",
            "<img src=x onerror=alert(1)>",
            "<svg/onload=alert(1)>",
            "<svg><a xlink:href='javascript:alert(1)'>x</a></svg>",
            "<svg><animate attributeName=href values=javascript:alert(1)>",
            "<a href='javascript:alert(1)'>x</a>",
            "<a href=' java\nscript:alert(1)'>x</a>",
            "<a href='data:text/html,x'>x</a>",
            "<a href='vbscript:x'>x</a>",
            "<iframe srcdoc='x'></iframe>",
            "<object data=x></object>",
            "<base href='https://evil.example/'>",
            "<form action='https://evil.example/'></form>",
            "<button formaction='javascript:alert(1)'>x</button>",
            "<img src='https://evil.example/pixel'>",
            "<link rel=stylesheet href='https://evil.example/x.css'>",
            "<meta http-equiv=refresh content='0;url=https://evil.example'>",
            "<p style='background:url(https://evil.example)'>x</p>",
            "<div hx-on:click='alert(1)'>x</div>",
            "<textarea></textarea><script>alert(1)</script>",
        ] {
            assert!(!active(body).is_empty(), "{body}");
        }
    }

    #[test]
    fn escaped_text_and_ordinary_links_are_harmless() {
        for body in [
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "<input value='&quot;&gt;&lt;img src=x onerror=alert(1)&gt;'>",
            "<a href='https://example.com/'>x</a><a href='mailto:a@example.com'>y</a><a href='/a?b#c'>z</a>",
            "<script src='/assets/console.0123.js' defer></script>",
            "<textarea><script>alert(1)</script></textarea>",
        ] {
            assert_eq!(active(body), Vec::<String>::new(), "{body}");
        }
    }

    #[test]
    fn a_form_is_read_with_what_it_holds() {
        let body = "<form method=post><input type=hidden name=_csrf_token value=t><input name=who>\
                    <select name=role><option value=read><option value=write selected></select>\
                    <input type=radio name=theme value=a><input type=radio name=theme value=b checked></form>";
        let page = Page::parse(body, BASE).unwrap();
        let form = page.form_with("role").unwrap().with("who", "ada");
        assert_eq!(form.action, "/organization?tab=x");
        let mut fields = form.fields;
        fields.sort();
        let expected = [("_csrf_token", "t"), ("role", "write"), ("theme", "b"), ("who", "ada")];
        assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
