//! Byte ranges: the `Range` of a download and the `Content-Range` of an uploaded chunk.

use std::ops::Range;

/// The range lies outside the content: answer 416.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("range lies outside the content")]
pub struct Unsatisfiable;

/// Reads a `Range` header against content of `len` bytes.
///
/// `Ok(None)` means: serve everything. That is the right answer for another unit, for several ranges and for a header
/// that makes no sense (RFC 9110 lets a server ignore each of them).
pub fn parse_range(header: &str, len: u64) -> Result<Option<Range<u64>>, Unsatisfiable> {
    let Some((unit, spec)) = header.trim().split_once('=') else { return Ok(None) };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Ok(None);
    }
    let Some((first, last)) = spec.trim().split_once('-') else { return Ok(None) };
    let range = match (number(first), number(last)) {
        (Position::At(start), Position::At(end)) if start <= end => start..end.saturating_add(1).min(len),
        (Position::At(start), Position::Open) => start..len,
        (Position::Open, Position::At(0)) => return Err(Unsatisfiable),
        (Position::Open, Position::At(count)) => len.saturating_sub(count)..len,
        _ => return Ok(None),
    };
    if range.start >= len { Err(Unsatisfiable) } else { Ok(Some(range)) }
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
            ("bytes=0-0", Ok(Some(0..1))),
            ("bytes=0-99", Ok(Some(0..10))),
            ("bytes=3-", Ok(Some(3..10))),
            ("bytes=-4", Ok(Some(6..10))),
            ("bytes=-40", Ok(Some(0..10))),
            ("Bytes = 2-3", Ok(Some(2..4))),
            ("bytes=9-99999999999999999999999999", Ok(Some(9..10))),
            ("bytes=10-", Err(Unsatisfiable)),
            ("bytes=10-12", Err(Unsatisfiable)),
            ("bytes=99999999999999999999999999-", Err(Unsatisfiable)),
            ("bytes=-0", Err(Unsatisfiable)),
        ] {
            assert_eq!(parse_range(header, 10), expected, "{header}");
        }
        assert_eq!(parse_range("bytes=0-", 0), Err(Unsatisfiable));
        assert_eq!(parse_range("bytes=-5", 0), Err(Unsatisfiable));
    }

    #[test]
    fn what_cannot_be_understood_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "items=0-1",
            "bytes=0-1,3-4",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=+1-2",
        ] {
            assert_eq!(parse_range(header, 10), Ok(None), "{header}");
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
        fn a_range_never_leaves_the_content(header in "(bytes=)?[0-9]{0,21}-[0-9]{0,21}|.{0,40}", len in any::<u64>()) {
            if let Ok(Some(range)) = parse_range(&header, len) {
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
