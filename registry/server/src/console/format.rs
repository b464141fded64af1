//! Sizes, moments and digests as people read them. Pure.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use quay_oci::Digest;

/// `0 B`, `999 B`, `1.5 KiB`, `12.0 MiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // A tenth of a unit is all that is shown; integers keep it exact.
    let (mut tenths, mut unit) = (u128::from(bytes) * 10 / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// `21 Nov 2026, 13:46 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M UTC").to_string()
}

/// The moment for machines, in a `datetime` attribute.
pub(super) fn machine_moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The moment as a field of a form holds it, in UTC.
pub(super) fn field_moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M").to_string()
}

/// Reads what such a field holds.
pub(super) fn read_field_moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() > 32 {
        return None;
    }
    let civil: DateTime = text.trim_end_matches('Z').parse().ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// `sha256:0123456789ab`: enough to tell digests apart by eye.
pub(super) fn short(digest: &Digest) -> String {
    digest.as_str().chars().take("sha256:".len() + 12).collect()
}

/// JSON with its members on lines of their own: nothing but white space between them changes, and what is no JSON
/// stays readable.
pub(super) fn indented(json: &str) -> String {
    let (mut out, mut depth, mut quoted, mut escaped) =
        (String::with_capacity(json.len() * 2), 0_usize, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
    };
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        if quoted {
            out.push(letter);
            quoted = escaped || letter != '"';
            escaped = letter == '\\' && !escaped;
            continue;
        }
        match letter {
            '"' => {
                quoted = true;
                out.push(letter);
            }
            '{' | '[' => {
                out.push(letter);
                while letters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if let Some(end) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            letter if letter.is_ascii_whitespace() => {}
            letter => out.push(letter),
        }
    }
    out
}

/// Deeper is not indented any further.
const DEEPEST: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_decimal_and_never_a_thousand_and_more_of_a_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1023.9 KiB"),
            (1024 * 1024, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn moments_are_written_for_people_machines_and_forms() {
        let at = Timestamp::from_second(1_795_268_765).unwrap();
        assert_eq!(moment(at), "21 Nov 2026, 13:46 UTC");
        assert_eq!(machine_moment(at), "2026-11-21T13:46:05Z");
        assert_eq!(field_moment(at), "2026-11-21T13:46");
        assert_eq!(read_field_moment("2026-11-21T13:46"), Timestamp::from_second(1_795_268_760).ok());
        assert_eq!(read_field_moment("2026-11-21T13:46Z"), Timestamp::from_second(1_795_268_760).ok());
        for wrong in ["", "soon", "2026-13-01T00:00", "<script>", &"1".repeat(100)] {
            assert_eq!(read_field_moment(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_digest_is_shortened_to_twelve_digits() {
        assert_eq!(short(&Digest::sha256(b"")), "sha256:e3b0c44298fc");
    }

    #[test]
    fn json_is_indented_and_says_the_same() {
        let text = r#"{"a":[1, {"b\"{,":"x:,[ y"}],"c":{}, "d":[ ],"e":"\\"}"#;
        assert_eq!(
            indented(text),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\\\"{,\": \"x:,[ y\"\n    }\n  ],\n  \"c\": {},\n  \"d\": [],\n  \"e\": \"\\\\\"\n}"
        );
        let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(same(text), same(&indented(text)));
        assert!(indented(&"[".repeat(10_000)).len() < 10_000 * (2 * DEEPEST + 3));
        assert_eq!(indented("no json } at all"), "nojson\n}atall");
    }
}
