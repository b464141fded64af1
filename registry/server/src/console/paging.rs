//! Pages of a list that is held whole: which one is shown, and the addresses of its neighbours.

use std::fmt::Write;

/// Where in a list one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paging {
    /// First and last item shown, counted from 1; 0 when there is none.
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) total: usize,
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
}

impl Paging {
    /// `wanted` is the page as it stood in the address, counted from 1; a page that is not there becomes the nearest.
    pub(crate) fn of(total: usize, size: usize, wanted: &str, path: &str, query: &[(&str, &str)]) -> Self {
        let pages = total.div_ceil(size).max(1);
        let at = wanted.parse().unwrap_or(1_usize).clamp(1, pages);
        let to = |number: usize| address(path, query, number);
        Self {
            first: if total == 0 { 0 } else { (at - 1) * size + 1 },
            last: (at * size).min(total),
            total,
            previous: (at > 1).then(|| to(at - 1)),
            next: (at < pages).then(|| to(at + 1)),
        }
    }

    /// How many items stand on the pages before.
    pub(crate) fn skipped(&self) -> usize {
        self.first.saturating_sub(1)
    }

    /// Whether there is more than one page.
    pub(crate) fn is_needed(&self) -> bool {
        self.previous.is_some() || self.next.is_some()
    }
}

fn address(path: &str, query: &[(&str, &str)], page: usize) -> String {
    let mut text = format!("{path}?");
    for (key, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        let pair: String = form_urlencoded::Serializer::new(String::new()).append_pair(key, value).finish();
        let _ = write!(text, "{pair}&");
    }
    let _ = write!(text, "page={page}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_its_neighbours_and_keeps_the_search() {
        let paging = Paging::of(45, 20, "2", "/organization", &[("search", "a&b"), ("tab", "")]);
        assert_eq!((paging.first, paging.last, paging.total), (21, 40, 45));
        assert_eq!(paging.previous.as_deref(), Some("/organization?search=a%26b&page=1"));
        assert_eq!(paging.next.as_deref(), Some("/organization?search=a%26b&page=3"));
    }

    #[test]
    fn a_page_that_is_not_there_becomes_the_nearest() {
        for (wanted, first) in [("", 1), ("0", 1), ("-3", 1), ("99", 41), ("x", 1), ("99999999999999999999", 1)] {
            assert_eq!(Paging::of(45, 20, wanted, "/", &[]).first, first, "{wanted}");
        }
        let empty = Paging::of(0, 20, "5", "/", &[]);
        assert_eq!((empty.first, empty.last, empty.is_needed()), (0, 0, false));
    }
}
