//! What a query asks for, read leniently: a link that somebody mangled still shows the page.

use http::Uri;

/// The parameters of a page.
#[derive(Clone, Debug, Default)]
pub(in crate::console) struct Wish(Vec<(String, String)>);

impl Wish {
    /// More than any link of ours has.
    const MOST: usize = 256;
    /// Longer is cut: nothing that is searched for is that long.
    const LONGEST: usize = 256;

    /// Reads the query of an address.
    pub(in crate::console) fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes()).take(Self::MOST).map(|(key, value)| {
            (key.into_owned(), value.chars().filter(|c| !c.is_control()).take(Self::LONGEST).collect())
        });
        Self(pairs.collect())
    }

    /// A parameter; empty when it is missing.
    pub(in crate::console) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// Every parameter of this name.
    pub(in crate::console) fn all<'w>(&'w self, name: &'w str) -> impl Iterator<Item = &'w str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.trim())
    }

    /// A number from 1.
    pub(in crate::console) fn page(&self) -> u32 {
        self.get("page").parse().unwrap_or(1).max(1)
    }
}

/// An address with parameters, of which empty ones are left out.
pub(in crate::console) fn address(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (key, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(key, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mangled_query_is_read_as_far_as_it_goes() {
        let wish = |query: &str| Wish::of(&format!("/x?{query}").parse().expect("an address"));
        assert_eq!(wish("q=a%20b&q=c").get("q"), "a b");
        assert_eq!(wish("q=%00x%ff%0a").get("q"), "x\u{fffd}");
        assert_eq!(
            (wish("page=3").page(), wish("page=-1").page(), wish("page=x").page(), wish("").page()),
            (3, 1, 1, 1)
        );
        assert_eq!(wish(&format!("q={}", "x".repeat(5_000))).get("q").len(), Wish::LONGEST);
    }

    #[test]
    fn addresses_carry_any_text() {
        assert_eq!(address("/a", &[("q", "1&2=\"<"), ("page", "")]), "/a?q=1%262%3D%22%3C");
        assert_eq!(address("/a", &[("q", "")]), "/a");
    }
}
