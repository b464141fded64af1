//! How long deleted tags can be brought back.

use std::fmt;

use serde_yaml::Value;

use crate::{
    config::Config,
    raw::Reading,
    yaml::{self, Read, mistake},
};

/// A length of time, as written and in seconds; equal when equally long.
#[derive(Clone, Debug)]
pub struct Period {
    text: String,
    seconds: u64,
}

const DAY: u64 = 86_400;
/// Ends of time are counted from now on; this keeps them far inside what a timestamp can hold.
const MAX_SECONDS: u64 = 100 * 365 * DAY;

impl Period {
    pub(crate) fn minutes(count: u64) -> Self {
        Self { text: format!("{count}m"), seconds: count * 60 }
    }

    pub(crate) fn days(count: u64) -> Self {
        Self { text: format!("{count}d"), seconds: count * DAY }
    }

    pub(crate) fn weeks(count: u64) -> Self {
        Self { text: format!("{count}w"), seconds: count * 7 * DAY }
    }

    /// Reads `<number><s|m|h|d|w|y>`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let unit = match text.chars().last()? {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => DAY,
            'w' => 7 * DAY,
            'y' => 365 * DAY,
            _ => return None,
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let seconds = digits.parse::<u64>().ok()?.checked_mul(unit)?;
        (seconds <= MAX_SECONDS).then(|| Self { text: text.to_owned(), seconds })
    }

    /// The length in seconds.
    pub fn seconds(&self) -> u64 {
        self.seconds
    }

    /// As written, which is how Quay's API shows it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Period {
    fn eq(&self, other: &Self) -> bool {
        self.seconds == other.seconds
    }
}

impl Eq for Period {}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(crate) fn period(value: &Value) -> Read<Period> {
    match value.as_str().and_then(Period::parse) {
        Some(period) => Ok(period),
        None => mistake("must be a duration", "write a number and one of s, m, h, d, w, y, as in 2w"),
    }
}

/// For keys whose absence means without end.
pub(crate) fn optional_period(value: &Value) -> Read<Option<Period>> {
    match period(value)? {
        nothing if nothing.seconds() == 0 => {
            mistake("must be longer than nothing", "write a duration such as 90d, or remove the key")
        }
        period => Ok(Some(period)),
    }
}

pub(crate) fn periods(value: &Value) -> Read<Vec<Period>> {
    let periods: Option<Vec<_>> = yaml::texts(value)?.iter().map(|text| Period::parse(text)).collect();
    match periods {
        Some(periods) if !periods.is_empty() => Ok(periods),
        _ => mistake(
            "must be a list of durations",
            "write each as a number and one of s, m, h, d, w, y, as in 2w",
        ),
    }
}

pub(crate) fn default_options() -> Vec<Period> {
    let none = Period { text: "0s".to_owned(), seconds: 0 };
    vec![none, Period::days(1), Period::weeks(1), Period::weeks(2), Period::weeks(4)]
}

pub(crate) fn check(config: &Config, reading: &mut Reading) {
    let options = &config.tag_expiration_options;
    let broken = reading.is_wrong("DEFAULT_TAG_EXPIRATION") || reading.is_wrong("TAG_EXPIRATION_OPTIONS");
    if !broken && !options.contains(&config.default_tag_expiration) {
        let options: Vec<_> = options.iter().map(Period::as_str).collect();
        let hint = format!("write one of {}, or add it to that list", options.join(", "));
        let message = if reading.is_written("DEFAULT_TAG_EXPIRATION") {
            "must be one of TAG_EXPIRATION_OPTIONS".to_owned()
        } else {
            format!("its default {} must be one of TAG_EXPIRATION_OPTIONS", config.default_tag_expiration)
        };
        reading.problem("DEFAULT_TAG_EXPIRATION", message, hint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, seconds) in
            [("0s", 0), ("90s", 90), ("10m", 600), ("1h", 3600), ("2w", 1_209_600), ("1y", 31_536_000)]
        {
            assert_eq!(Period::parse(text).unwrap().seconds(), seconds);
        }
        for wrong in ["", "w", "2", "2x", "-1d", "+1d", "1.5h", "2 w", "101y", "99999999999999999999w", "2ü"]
        {
            assert!(Period::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(Period::parse("14d"), Period::parse("2w"));
    }
}
