//! Byte ranges: the `Range` of a download and the `Content-Range` of an uploaded chunk.

use std::ops::Range;

/// The range lies outside the content: answer 416.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("range lies outside the content")]
pub struct Unsatisfiable;

/// Ranges of one request that are served one by one; a client of lazily pulled layers asks for up to 1024.
pub const MAX_RANGES: usize = 1024;

/// Reads a `Range` header against content of `len` bytes: what to serve, in the order asked for.
///
/// Nothing in the answer means: serve everything. That is the right answer for another unit, for a header that makes
/// no sense, and for ranges that are too many or together longer than the content (RFC 9110 lets a server ignore each
/// of them). Of several ranges those outside the content are left out.
pub fn parse_ranges(header: &str, len: u64) -> Result<Vec<Range<u64>>, Unsatisfiable> {
    let everything = Ok(Vec::new());
    let Some((unit, specs)) = header.trim().split_once('=') else { return everything };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return everything;
    }
    let mut ranges = Vec::new();
    for (count, spec) in specs.split(',').enumerate() {
        match part(spec.trim(), len) {
            None => return everything,
            Some(_) if count >= MAX_RANGES => return everything,
            Some(Ok(range)) => ranges.push(range),
            Some(Err(Unsatisfiable)) => {}
        }
    }
    if ranges.is_empty() {
        return Err(Unsatisfiable);
    }
    let asked = ranges.iter().fold(0_u64, |sum, range| sum.saturating_add(range.end - range.start));
    if asked > len { everything } else { Ok(ranges) }
}

/// One range; `None` when it is none.
fn part(spec: &str, len: u64) -> Option<Result<Range<u64>, Unsatisfiable>> {
    let (first, last) = spec.split_once('-')?;
    let range = match (number(first), number(last)) {
        (Position::At(start), Position::At(end)) if start <= end => start..end.saturating_add(1).min(len),
        (Position::At(start), Position::Open) => start..len,
        (Position::Open, Position::At(0)) => return Some(Err(Unsatisfiable)),
        (Position::Open, Position::At(count)) => len.saturating_sub(count)..len,
        _ => return None,
    };
    Some(if range.start >= len { Err(Unsatisfiable) } else { Ok(range) })
}

enum Position {
    At(u64),
    Open,
    Nonsense,
}

fn number(text: &str) -> Position {
    let text = text.trim();
    if text.is_empty() {
        Position::Open
    } else if text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit mean a position past any content there can be.
        Position::At(text.parse().unwrap_or(u64::MAX))
    } else {
        Position::Nonsense
    }
}

/// A `Content-Range` that cannot be read: answer 400 or 416.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid content range: expected `<first>-<last>`")]
pub struct BadContentRange;

/// The place of an uploaded chunk: its first and last byte, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// Offset of the first byte.
    pub first: u64,
    /// Offset of the last byte.
    pub last: u64,
}

impl ContentRange {
    /// Reads `0-99`, the distribution specification's form, as well as `bytes=0-99` and `bytes 0-99/*` or `…/100`.
    pub fn parse(header: &str) -> Result<Self, BadContentRange> {
        let text = header.trim();
        let text = text.strip_prefix("bytes").map_or(text, |rest| rest.trim_start_matches([' ', '=']));
        let text = match text.split_once('/') {
            Some((range, total)) if total == "*" || decimal(total).is_some() => range,
            Some(_) => return Err(BadContentRange),
            None => text,
        };
        let (first, last) = text.split_once('-').ok_or(BadContentRange)?;
        let first = decimal(first).ok_or(BadContentRange)?;
        let last = decimal(last).ok_or(BadContentRange)?;
        if last < first || last == u64::MAX {
            return Err(BadContentRange);
        }
        Ok(Self { first, last })
    }

    /// How many bytes the chunk has; never 0.
    pub fn count(self) -> u64 {
        self.last - self.first + 1
    }
}

fn decimal(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn single_ranges_are_cut_to_the_content() {
        for (header, expected) in [
            ("bytes=0-0", Ok(0..1)),
            ("bytes=0-99", Ok(0..10)),
            ("bytes=3-", Ok(3..10)),
            ("bytes=-4", Ok(6..10)),
            ("bytes=-40", Ok(0..10)),
            ("Bytes = 2-3", Ok(2..4)),
            ("bytes=9-99999999999999999999999999", Ok(9..10)),
            ("bytes=10-", Err(Unsatisfiable)),
            ("bytes=10-12", Err(Unsatisfiable)),
            ("bytes=99999999999999999999999999-", Err(Unsatisfiable)),
            ("bytes=-0", Err(Unsatisfiable)),
        ] {
            assert_eq!(parse_ranges(header, 10), expected.map(|range| vec![range]), "{header}");
        }
        assert_eq!(parse_ranges("bytes=0-", 0), Err(Unsatisfiable));
        assert_eq!(parse_ranges("bytes=-5", 0), Err(Unsatisfiable));
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
    fn several_ranges_are_kept_in_the_order_asked_for() {
        for (header, expected) in [
            ("bytes=0-1,4-5", vec![0..2, 4..6]),
            ("bytes=8-, 0-0", vec![8..10, 0..1]),
            ("bytes=-1,0-2", vec![9..10, 0..3]),
            ("bytes=0-1,50-60", vec![0..2]),
            ("bytes=0-4,5-9", vec![0..5, 5..10]),
        ] {
            assert_eq!(parse_ranges(header, 10), Ok(expected), "{header}");
        }
        assert_eq!(parse_ranges("bytes=10-,50-60", 10), Err(Unsatisfiable));
    }

    #[test]
    fn ranges_that_ask_for_more_than_everything_get_everything() {
        let many = |count: usize| format!("bytes={}", vec!["0-0"; count].join(","));
        assert_eq!(parse_ranges("bytes=0-9,0-0", 10), Ok(Vec::new()));
        assert_eq!(parse_ranges("bytes=0-,0-,0-", 10), Ok(Vec::new()));
        assert_eq!(parse_ranges(&many(MAX_RANGES), 1 << 20).map(|all| all.len()), Ok(MAX_RANGES));
        assert_eq!(parse_ranges(&many(MAX_RANGES + 1), 1 << 20), Ok(Vec::new()));
    }

    #[test]
    fn what_cannot_be_understood_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "items=0-1",
            "bytes=0-1,",
            "bytes=0-1,x",
            "bytes=0-1,5-2",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=+1-2",
        ] {
            assert_eq!(parse_ranges(header, 10), Ok(Vec::new()), "{header}");
        }
    }

    #[test]
    fn content_ranges_are_read_in_every_form_clients_send() {
        for header in ["0-99", "bytes 0-99/*", "bytes 0-99/100", "bytes=0-99", " 0-99 "] {
            let range = ContentRange::parse(header).unwrap();
            assert_eq!((range.first, range.last, range.count()), (0, 99, 100), "{header}");
        }
        for header in [
            "",
            "-",
            "0-",
            "-9",
            "9-0",
            "a-b",
            "0-99/x",
            "0--1",
            "+0-9",
            "0-18446744073709551615",
            "0-99,100-200",
        ] {
            assert_eq!(ContentRange::parse(header), Err(BadContentRange), "{header}");
        }
    }

    proptest! {
        #[test]
        fn ranges_never_leave_the_content(
            header in "(bytes=)?[0-9]{0,21}-[0-9]{0,21}(,[0-9]{0,21}-[0-9]{0,21}){0,4}|.{0,40}",
            len in any::<u64>(),
        ) {
            for range in parse_ranges(&header, len).into_iter().flatten() {
                prop_assert!(range.start < range.end && range.end <= len);
            }
        }

        #[test]
        fn counting_a_content_range_never_overflows(header in "[0-9]{1,21}-[0-9]{1,21}|.{0,40}") {
            if let Ok(range) = ContentRange::parse(&header) {
                prop_assert!(range.count() >= 1);
            }
        }
    }
}
