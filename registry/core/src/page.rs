//! One page of a list that is read by key: the items, and whether there are more.

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether more follow: ask again with the last item as `last`.
    pub more: bool,
}

impl<T> Page<T> {
    /// The same page of other items.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(each).collect(), more: self.more }
    }

    /// A page without items.
    pub(crate) fn empty() -> Self {
        Self { items: Vec::new(), more: false }
    }
}

/// Makes a page of `n` items from up to `n + 1` that were read.
pub(crate) fn cut<T>(mut read: Vec<T>, n: usize) -> Page<T> {
    let more = read.len() > n;
    read.truncate(n);
    Page { items: read, more }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_item_read_beyond_the_page_tells_that_there_is_more() {
        assert_eq!(cut(vec![1, 2, 3], 2), Page { items: vec![1, 2], more: true });
        assert_eq!(cut(vec![1, 2], 2), Page { items: vec![1, 2], more: false });
    }
}
