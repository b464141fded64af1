//! Markdown that strangers wrote, made into HTML that can do nothing: descriptions, and the READMEs of charts.
//!
//! ```text
//! text ─► events ─► harmless (no raw HTML, no images, few schemes, bounded depth) ─► HTML ─► allow-list ─► SafeHtml
//! ```
//! Owns: what of Markdown is shown, and the only way to HTML that templates do not escape. Must not know: where the
//! text comes from. Two walls stand behind each other: the events let nothing through that is not meant to be there,
//! and the allow-list would take it out again.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html,
};
use quay_core::Error;

/// Elements within each other at most; deeper ones lose their markup and keep their text.
const DEEPEST: usize = 24;
/// A longer text is shown as it was written.
const LONGEST: usize = 256 << 10;
/// So is one that would become more HTML than this.
const LONGEST_HTML: usize = 2 << 20;

/// What is understood beside plain Markdown.
const OPTIONS: Options =
    Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH).union(Options::ENABLE_TASKLISTS);
/// A text of this length is done at once.
const SHORT: usize = 4 << 10;

/// HTML that went through the allow-list: templates write it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SafeHtml(String);

impl SafeHtml {
    /// Whether there is nothing to show.
    pub(super) fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }
}

impl fmt::Display for SafeHtml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for SafeHtml {}

/// Makes HTML of Markdown.
pub(super) fn render(text: &str) -> SafeHtml {
    if text.len() > LONGEST {
        return as_written(text);
    }
    let events = harmless(Parser::new_ext(text, OPTIONS));
    let mut written = String::with_capacity(text.len() * 2);
    html::push_html(&mut written, events.into_iter());
    if written.len() > LONGEST_HTML {
        as_written(text)
    } else {
        SafeHtml(ALLOWED.clean(&written).to_string())
    }
}

/// [`render`] of a text of any length: a long one does not hold up other requests.
pub(super) async fn render_apart(text: String) -> Result<SafeHtml, Error> {
    if text.len() <= SHORT {
        return Ok(render(&text));
    }
    let task = tokio::task::spawn_blocking(move || render(&text));
    task.await.map_err(|error| Error::Internal(error.into()))
}

/// What a text says first, without its markup: its first paragraph, or whatever it has where it has none, in one line
/// of so many letters at most.
pub(super) fn glance(text: &str, letters: usize) -> String {
    let mut end = text.len().min(SHORT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (mut said, mut paragraph) = (String::new(), None);
    for event in harmless(Parser::new_ext(&text[..end], OPTIONS)) {
        match event {
            Event::Start(Tag::Paragraph) => paragraph = Some(said.len()),
            Event::End(TagEnd::Paragraph) => {
                let words = paragraph.take().and_then(|begin| said.get(begin..)).unwrap_or_default();
                if !words.trim().is_empty() {
                    return one_line(words, letters);
                }
            }
            Event::Text(words) | Event::Code(words) => said.push_str(&words),
            Event::SoftBreak | Event::HardBreak | Event::Rule => said.push(' '),
            Event::End(TagEnd::Heading(_) | TagEnd::Item | TagEnd::CodeBlock | TagEnd::TableCell) => {
                said.push(' ');
            }
            _ => {}
        }
    }
    one_line(&said, letters)
}

fn one_line(text: &str, letters: usize) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(letters) {
        words.truncate(end);
        words.push('…');
    }
    words
}

/// The text itself, in a block of code.
fn as_written(text: &str) -> SafeHtml {
    let events = [
        Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)),
        Event::Text(CowStr::Borrowed(text)),
        Event::End(TagEnd::CodeBlock),
    ];
    let mut written = String::with_capacity(text.len() * 2);
    html::push_html(&mut written, events.into_iter());
    SafeHtml(written)
}

const ELEMENTS: [&str; 25] = [
    "p",
    "br",
    "hr",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "blockquote",
    "pre",
    "code",
    "em",
    "strong",
    "del",
    "a",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "div",
    "span",
];

/// What may be in the result at all.
static ALLOWED: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let attributes = HashMap::from([("a", HashSet::from(["href"])), ("ol", HashSet::from(["start"]))]);
    // Only the frame that is put around tables here.
    let frame = HashMap::from([
        ("class", HashSet::from(["quay-markdown-table"])),
        ("role", HashSet::from(["region"])),
        ("aria-label", HashSet::from(["Table"])),
        ("tabindex", HashSet::from(["0"])),
    ]);
    let mut builder = Builder::default();
    builder
        .tags(HashSet::from(ELEMENTS))
        .clean_content_tags(HashSet::from(["script", "style"]))
        .generic_attributes(HashSet::new())
        .tag_attributes(attributes)
        .tag_attribute_values(HashMap::from([("div", frame)]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("nofollow noopener noreferrer"))
        .strip_comments(true);
    builder
});

/// Events with what could act or load something taken out: its text stays.
fn harmless<'a>(events: impl Iterator<Item = Event<'a>>) -> Vec<Event<'a>> {
    let mut page = Page::default();
    for event in events {
        match event {
            Event::Start(tag) => page.open(tag),
            Event::End(end) => page.close(end),
            Event::Text(text) => page.say(Event::Text(text)),
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                page.say(Event::Code(text));
            }
            Event::Html(text) | Event::InlineHtml(text) => page.raw(text),
            Event::TaskListMarker(done) => {
                page.say(Event::Text(CowStr::Borrowed(if done { "☑ " } else { "☐ " })));
            }
            Event::SoftBreak | Event::HardBreak | Event::Rule => page.events.push(event),
            Event::FootnoteReference(_) => {}
        }
    }
    page.events
}

/// What is being written.
#[derive(Default)]
struct Page<'a> {
    events: Vec<Event<'a>>,
    /// For each open element how it is closed; nothing for one that was left out.
    open: Vec<Option<TagEnd>>,
    /// Elements that are open and written.
    depth: usize,
    /// A link that nothing was said in yet: one without words would be nothing to click on.
    link: Option<Tag<'a>>,
    in_link: bool,
}

impl<'a> Page<'a> {
    fn open(&mut self, tag: Tag<'a>) {
        let tag = if self.depth < DEEPEST { admissible(tag) } else { None };
        if let Some(tag @ Tag::Link { .. }) = tag {
            self.open.push(Some(TagEnd::Link));
            self.depth += 1;
            self.link = Some(tag);
            return;
        }
        self.open.push(tag.as_ref().map(Tag::to_end));
        let Some(tag) = tag else { return };
        self.depth += 1;
        if matches!(tag, Tag::Table(_)) {
            self.events.push(Event::Html(CowStr::Borrowed(
                "<div class=\"quay-markdown-table\" role=\"region\" aria-label=\"Table\" tabindex=\"0\">",
            )));
        }
        self.events.push(Event::Start(tag));
    }

    fn close(&mut self, _: TagEnd) {
        let Some(Some(end)) = self.open.pop() else { return };
        self.depth -= 1;
        if end == TagEnd::Link {
            self.link = None;
            if !std::mem::take(&mut self.in_link) {
                return;
            }
        }
        self.events.push(Event::End(end));
        if end == TagEnd::Table {
            self.events.push(Event::Html(CowStr::Borrowed("</div>")));
        }
    }

    fn say(&mut self, event: Event<'a>) {
        if let Some(link) = self.link.take() {
            self.events.push(Event::Start(link));
            self.in_link = true;
        }
        self.events.push(event);
    }

    /// HTML in Markdown is text, but for line breaks and comments.
    fn raw(&mut self, text: CowStr<'a>) {
        let trimmed = text.trim();
        if ["<br>", "<br/>", "<br />"].iter().any(|known| trimmed.eq_ignore_ascii_case(known)) {
            self.events.push(Event::HardBreak);
        } else if !(trimmed.starts_with("<!--") && trimmed.ends_with("-->")) {
            self.say(Event::Text(text));
        }
    }
}

/// The element as it is shown; nothing when only its content is.
fn admissible(tag: Tag<'_>) -> Option<Tag<'_>> {
    match tag {
        Tag::Paragraph | Tag::HtmlBlock => Some(Tag::Paragraph),
        Tag::Heading { level, .. } => {
            Some(Tag::Heading { level: lowered(level), id: None, classes: Vec::new(), attrs: Vec::new() })
        }
        Tag::BlockQuote(_) => Some(Tag::BlockQuote(None)),
        Tag::CodeBlock(_) => Some(Tag::CodeBlock(CodeBlockKind::Indented)),
        Tag::Table(_) => Some(Tag::Table(Vec::new())),
        Tag::List(_)
        | Tag::Item
        | Tag::TableHead
        | Tag::TableRow
        | Tag::TableCell
        | Tag::Emphasis
        | Tag::Strong
        | Tag::Strikethrough => Some(tag),
        Tag::Link { link_type, dest_url, id, .. } => {
            let reachable = link_type == LinkType::Email || leads_somewhere(&dest_url);
            reachable.then_some(Tag::Link { link_type, dest_url, title: CowStr::Borrowed(""), id })
        }
        // Nothing is loaded from elsewhere: an image is its description.
        _ => None,
    }
}

/// The page has headings of its own above.
fn lowered(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

fn leads_somewhere(url: &str) -> bool {
    web_address(url)
        || url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:")) && printable(url)
}

/// Whether this is an address on the web that a link may lead to.
pub(super) fn web_address(url: &str) -> bool {
    let begins = |scheme: &str| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && url.len() > scheme.len()
    };
    (begins("https://") || begins("http://")) && printable(url)
}

fn printable(url: &str) -> bool {
    url.len() <= 2_000 && !url.chars().any(|c| c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn html(text: &str) -> String {
        render(text).to_string()
    }

    #[test]
    fn ordinary_markdown_is_shown_as_meant() {
        let text = "# Etherpad\n\nA *pad* for **many**, ~~not one~~, `code`.\n\n* one\n* two\n\n1. a\n\n> said\n\n\
                    ```sh\nhelm install\n```\n\n| Name | Default |\n|:---|---:|\n| `a` | 1 |\n\n- [x] done\n";
        insta::assert_snapshot!(html(text));
    }

    #[test]
    fn scripts_and_markup_come_out_as_text() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <script>alert(1)</script> b",
            "<img src=x onerror=alert(1)>",
            "<svg/onload=alert(1)>",
            "<iframe src=\"https://evil.example\"></iframe>",
            "<style>body{display:none}</style>",
            "<form action=https://evil.example><input name=password></form>",
            "<div\nonclick=alert(1)\nstyle=\"position:fixed\">x</div>",
            "<base href=https://evil.example>",
            "<meta http-equiv=refresh content=0;url=https://evil.example>",
            "<details open ontoggle=alert(1)>",
            "<math><mtext></p><style><img src onerror=alert(1)>",
            "`</code><script>alert(1)</script>`",
            "```\n</pre><script>alert(1)</script>\n```",
            "# <script>alert(1)</script> {#x onclick=alert(1)}",
            "| <script>alert(1)</script> |\n|---|\n| <b onmouseover=alert(1)>x</b> |",
            "<!-- --><script>alert(1)</script><!-- -->",
            "<div class=\"quay-markdown-table\" onfocus=alert(1) tabindex=0>",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "<scr\u{0}ipt>alert(1)</script>",
        ] {
            let out = html(hostile).to_lowercase();
            for opened in
                ["<script", "<img", "<svg", "<iframe", "<style", "<form", "<input", "<base", "<meta"]
            {
                assert!(!out.contains(opened), "{hostile:?} became {out}");
            }
            assert!(attributes(&out).is_empty(), "{hostile:?} became {out}");
        }
        assert!(html("<script>alert(1)</script>").contains("&lt;script&gt;alert(1)"));
    }

    /// Everything that stands within a tag after its name, but for the frames of tables.
    fn attributes(html: &str) -> Vec<String> {
        html.split('<')
            .skip(1)
            .filter_map(|tag| tag.split_once('>'))
            .filter_map(|(tag, _)| tag.split_once(' '))
            .map(|(_, rest)| rest.to_owned())
            .filter(|rest| !rest.starts_with("class=\"quay-markdown-table\" role=\"region\""))
            .collect()
    }

    #[test]
    fn links_lead_to_the_web_or_to_mail_and_nowhere_else() {
        for (text, href) in [
            ("[x](https://a.example/?q=1)", "https://a.example/?q=1"),
            ("[x](HTTP://a.example)", "HTTP://a.example"),
            ("<https://a.example>", "https://a.example"),
            ("[x](mailto:a@b.example)", "mailto:a@b.example"),
            ("<a@b.example>", "mailto:a@b.example"),
            ("[x][r]\n\n[r]: https://a.example \"a title\"", "https://a.example"),
        ] {
            let out = html(text);
            assert!(
                out.contains(&format!("<a href=\"{href}\" rel=\"nofollow noopener noreferrer\">")),
                "{text}: {out}"
            );
        }
        for text in [
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](&#106;avascript:alert(1))",
            "[x](java&#10;script:alert(1))",
            "[x](\u{1}javascript:alert(1))",
            "[x](data:text/html,<script>alert(1)</script>)",
            "[x](vbscript:x)",
            "[x](file:///etc/passwd)",
            "[x](//evil.example)",
            "[x](/signout)",
            "[x](../../api/v1/user)",
            "[x](#here)",
            "[x](?tab=settings)",
            "<javascript:alert(1)>",
            "[x](https://)",
            "[](https://a.example)",
        ] {
            let out = html(text);
            assert!(!out.contains("<a"), "{text}: {out}");
        }
    }

    #[test]
    fn images_are_never_loaded_and_keep_their_description() {
        assert_eq!(html("![a logo](https://evil.example/track.png)"), "<p>a logo</p>\n");
        assert_eq!(html("![a logo](data:image/png;base64,AAAA)"), "<p>a logo</p>\n");
        let badge = html("[![build](https://evil.example/badge.svg)](https://a.example)");
        assert!(badge.contains(">build</a>") && !badge.contains("evil"), "{badge}");
        // A link that only holds an image without description would have no name.
        assert!(!html("[![](https://evil.example/badge.svg)](https://a.example)").contains("<a"));
    }

    #[test]
    fn breaks_break_and_comments_vanish() {
        assert_eq!(html("a<br>b<br />c"), "<p>a<br>\nb<br>\nc</p>\n");
        assert_eq!(html("a <!-- hidden --> b"), "<p>a  b</p>\n");
    }

    #[test]
    fn deep_nesting_is_flattened_and_keeps_its_text() {
        let mut nested = [">".repeat(20_000), "[".repeat(20_000), "*a ".repeat(20_000), "_*".repeat(20_000)];
        for text in &mut nested {
            text.push_str("the end");
            let out = html(text);
            let (mut depth, mut deepest) = (0_i64, 0);
            for tag in out.split('<').skip(1) {
                depth += if tag.starts_with('/') { -1 } else { 1 };
                deepest = deepest.max(depth);
            }
            assert!(deepest <= 2 * i64::try_from(DEEPEST).unwrap(), "{deepest}");
            assert!(out.contains("the end"));
        }
        let mut list = String::new();
        for level in 0..200 {
            writeln!(list, "{}- x", "  ".repeat(level)).unwrap();
        }
        assert!(html(&list).matches("<ul>").count() <= DEEPEST);
    }

    #[test]
    fn a_text_too_long_to_parse_is_shown_as_written() {
        let text = format!("# <b>{}", "x".repeat(LONGEST));
        let out = html(&text);
        assert!(out.starts_with("<pre><code># &lt;b&gt;xxx"), "{}", &out[..40]);
        // Many columns and many short rows would be filled up with cells.
        let table = format!("{}|\n{}|\n{}", "|a".repeat(1_000), "|-".repeat(1_000), "|a|\n".repeat(20_000));
        assert!(html(&table).len() <= LONGEST_HTML + 1_000);
    }

    #[test]
    fn a_glance_is_the_first_paragraph_without_its_markup() {
        for (text, said) in [
            (
                "# Heading **bold**\n\nThe *first* [paragraph](https://a.example),\nin `two` lines.\n\nThe next.",
                "The first paragraph, in two lines.",
            ),
            ("# Only **a** heading", "Only a heading"),
            ("- one\n- two", "one two"),
            ("* one\n\n* two", "one"),
            ("> said", "said"),
            ("![a logo](https://evil.example/x.png)", "a logo"),
            ("![](https://evil.example/x.png)\n\nAfter the picture", "After the picture"),
            ("a<br>b <!-- hidden --> c", "a b c"),
            ("<!-- hidden -->\n\nshown", "shown"),
            ("R&amp;D &lt;b&gt;", "R&D <b>"),
            ("```\ncode\n```", "code"),
            ("|a|b|\n|-|-|\n|c|d|", "a b c d"),
            ("---\n\nruled", "ruled"),
            (" \n\t ", ""),
            ("", ""),
            ("Une clé à molette", "Une clé à molette"),
        ] {
            assert_eq!(glance(text, 120), said, "{text:?}");
        }
        // Markup that is not Markdown is text, which templates escape.
        assert_eq!(glance("<script>alert(1)</script>", 120), "<script>alert(1)</script>");
    }

    #[test]
    fn a_glance_is_short_whatever_is_long() {
        assert_eq!(glance("abc", 3), "abc");
        assert_eq!(glance("漢字漢字", 3), "漢字漢…");
        for long in ["漢".repeat(200_000), "# ".repeat(200_000), ">".repeat(200_000), "[a](".repeat(50_000)]
        {
            assert!(glance(&long, 120).chars().count() <= 121);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_glance_is_one_line_of_bounded_length(text in "(\\PC|<|>|&|\\[|\\]|\\(|\\)|`|\\||#|\n|\t| ){0,200}", letters in 0_usize..40) {
            let said = glance(&text, letters);
            proptest::prop_assert!(said.chars().count() <= letters + 1 && !said.contains('\n'), "{text:?} became {said:?}");
        }

        #[test]
        fn whatever_is_written_opens_no_element_but_the_allowed(text in "(\\PC|<|>|&|\"|'|\\[|\\]|\\(|\\)|`|\\||\n| |javascript:|<script>|onload=){0,80}") {
            let out = html(&text);
            for tag in out.split('<').skip(1) {
                let name: String =
                    tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
                proptest::prop_assert!(ELEMENTS.contains(&name.as_str()), "{text:?} became {out}");
            }
        }
    }
}
