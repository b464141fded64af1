//! Lenient readers of single values.
//!
//! Quay reads its file by the rules of YAML 1.1 and many a file was written for them: `yes` is true there and a number may
//! stand in quotes. The parser here follows YAML 1.2, so each reader takes both spellings.

use serde_yaml::Value;

use crate::{
    problem::Problem,
    secret::{REDACTED, Secret},
};

/// Why a value cannot be read: the reason and the way out, without the value.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) message: String,
    pub(crate) hint: String,
}

pub(crate) type Read<T> = Result<T, Mistake>;

pub(crate) fn mistake<T>(message: impl Into<String>, hint: impl Into<String>) -> Read<T> {
    Err(Mistake { message: message.into(), hint: hint.into() })
}

/// `true`, `yes`, `on`, `1` and their opposites, in quotes or not, in any case.
pub(crate) fn boolean(value: &Value) -> Read<bool> {
    let word = match value {
        Value::Bool(value) => return Ok(*value),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_ascii_lowercase(),
        _ => String::new(),
    };
    match word.as_str() {
        "true" | "yes" | "on" | "y" | "1" => Ok(true),
        "false" | "no" | "off" | "n" | "0" => Ok(false),
        _ => mistake("must be true or false", "write true or false"),
    }
}

/// For keys whose absence means something else than either value.
pub(crate) fn optional_boolean(value: &Value) -> Read<Option<bool>> {
    boolean(value).map(Some)
}

/// A text; numbers are taken as they are written, since a file may leave the quotes out.
pub(crate) fn text(value: &Value) -> Read<String> {
    match value {
        Value::String(text) if text.trim().is_empty() => {
            mistake("must not be empty", "write a value or remove the key")
        }
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        _ => mistake("must be a string", "write one value, in quotes if it has special characters"),
    }
}

/// A secret text, taken byte by byte as it is written.
pub(crate) fn secret(value: &Value) -> Read<Option<Secret>> {
    match value {
        Value::String(text) if text.trim().is_empty() => mistake(
            "must not be empty",
            "write a long random value, or remove the key and let one be generated",
        ),
        Value::String(text) => Ok(Some(Secret::new(text))),
        // The digits of a long number would be lost in its conversion.
        Value::Number(number) if number.is_u64() => Ok(Some(Secret::new(number.to_string()))),
        _ => mistake("must be a string", "put the value in quotes"),
    }
}

/// A whole number that is not negative, in quotes or not.
pub(crate) fn whole(value: &Value) -> Read<u64> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.map_or_else(|| mistake("must be a whole number", "write digits only, as in 3600"), Ok)
}

/// A list of texts; a single text stands for a list of one.
pub(crate) fn texts(value: &Value) -> Read<Vec<String>> {
    match value {
        Value::Sequence(items) => items.iter().map(text).collect::<Read<_>>().or_else(|_| {
            mistake(
                "must be a list of strings",
                "write each entry on its own line after a dash, none of them empty",
            )
        }),
        Value::String(_) => text(value).map(|one| vec![one]),
        _ => mistake("must be a list of strings", "write each entry on its own line after a dash"),
    }
}

/// A number of bytes: `20G`, `100MiB`, `5GB`, `4096`. A bare letter is binary, as for the web server in front of Quay.
pub(crate) fn size(value: &Value) -> Read<u64> {
    let read = || {
        let text = match value {
            Value::Number(number) => return number.as_u64(),
            Value::String(text) => text.trim().to_ascii_uppercase(),
            _ => return None,
        };
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (count, unit) = text.split_at(digits);
        let unit = unit.trim();
        let (base, power) = match unit.trim_end_matches(['I', 'B']) {
            "" if unit.is_empty() || unit == "B" => (1_u64, 0),
            letter => {
                let power = 1 + ["K", "M", "G", "T"].iter().position(|known| *known == letter)?;
                match &unit[1..] {
                    "" | "IB" | "I" => (1024, power),
                    "B" => (1000, power),
                    _ => return None,
                }
            }
        };
        count.parse::<u64>().ok()?.checked_mul(base.checked_pow(u32::try_from(power).ok()?)?)
    };
    match read() {
        Some(0) => mistake("must be larger than nothing", "write a size such as 20G"),
        Some(bytes) => Ok(bytes),
        None => mistake("must be a size", "write a number and a unit, as in 20G or 100MiB"),
    }
}

/// What a problem says of a value: short, on one line, nothing of a structure and nothing of a secret.
///
/// A key that is not in use may be the misspelt name of one that is secret, so nothing is said of its value but what
/// can be no secret.
pub(crate) fn shown(key: &str, value: &Value) -> String {
    match crate::keys::find(key) {
        Some(known) if known.secret => return REDACTED.to_owned(),
        Some(_) => {}
        None => return shown_of_stranger(key, value),
    }
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) => {
            let short: String = text.chars().take(60).collect();
            let more = if short.len() < text.len() { "…" } else { "" };
            format!("{:?}", short + more)
        }
        Value::Sequence(items) if items.is_empty() => "[]".to_owned(),
        Value::Sequence(items) => {
            let shown: Vec<_> = items.iter().take(5).map(|item| shown(key, item)).collect();
            format!("[{}{}]", shown.join(", "), if items.len() > 5 { ", …" } else { "" })
        }
        Value::Mapping(_) => "{…}".to_owned(),
        Value::Tagged(_) => "!…".to_owned(),
    }
}

fn shown_of_stranger(key: &str, value: &Value) -> String {
    const TELLING: [&str; 6] = ["SECRET", "PASS", "TOKEN", "KEY", "PSK", "PEPPER"];
    /// Secrets made of digits are longer than ports and limits are.
    const LONGEST: usize = 9;
    let telling = || TELLING.iter().any(|word| key.to_ascii_uppercase().contains(word));
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.to_string().len() <= LONGEST && !telling() => number.to_string(),
        _ => REDACTED.to_owned(),
    }
}

impl Mistake {
    pub(crate) fn at(self, group: &'static str, key: &str, value: &Value) -> Problem {
        Problem {
            group,
            key: key.to_owned(),
            value: shown(key, value),
            message: self.message,
            hint: self.hint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml(text: &str) -> Value {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn booleans_are_read_in_the_spellings_of_yaml_1_1() {
        for yes in ["true", "True", "TRUE", "yes", "Yes", "on", "ON", "y", "'true'", "\"yes\"", "1"] {
            assert!(boolean(&yaml(yes)).unwrap(), "{yes}");
        }
        for no in ["false", "False", "no", "NO", "off", "n", "'false'", "0"] {
            assert!(!boolean(&yaml(no)).unwrap(), "{no}");
        }
        for wrong in ["maybe", "2", "1.0", "[]", "{a: b}", "''"] {
            assert!(boolean(&yaml(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_binary_unless_written_in_decimal_units() {
        for (text, bytes) in [
            ("20G", 20 << 30),
            ("20g", 20 << 30),
            ("100MiB", 100 << 20),
            ("100 MiB", 100 << 20),
            ("5GB", 5_000_000_000),
            ("1T", 1 << 40),
            ("64K", 64 << 10),
            ("4096", 4096),
            ("'4096'", 4096),
            ("12B", 12),
        ] {
            assert_eq!(size(&yaml(text)).unwrap(), bytes, "{text}");
        }
        for wrong in ["G", "20X", "20GG", "20iB", "-1", "1.5G", "0", "0G", "99999999999T", "20 GiBB", "[]"] {
            assert!(size(&yaml(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_stand_in_quotes_or_not() {
        assert_eq!(whole(&yaml("3600")).unwrap(), 3600);
        assert_eq!(whole(&yaml("'3600'")).unwrap(), 3600);
        assert!(whole(&yaml("-1")).is_err());
        assert!(whole(&yaml("1e3")).is_err());
        assert_eq!(text(&yaml("5")).unwrap(), "5");
        assert_eq!(texts(&yaml("[a, 1]")).unwrap(), ["a", "1"]);
        assert_eq!(texts(&yaml("a")).unwrap(), ["a"]);
        assert!(texts(&yaml("[[a]]")).is_err());
    }

    #[test]
    fn what_is_shown_of_a_value_is_short_and_never_a_structure() {
        assert_eq!(shown("SERVER_HOSTNAME", &yaml("a\n")), "\"a\"");
        assert_eq!(shown("SERVER_HOSTNAME", &Value::String("x".repeat(100))).chars().count(), 63);
        assert_eq!(shown("SERVER_HOSTNAME", &yaml("{password: hunter2}")), "{…}");
        assert_eq!(shown("SECRET_KEY", &yaml("hunter2")), REDACTED);
        assert_eq!(shown("SUPER_USERS", &yaml("[a, {b: c}]")), "[\"a\", {…}]");
    }

    #[test]
    fn of_keys_not_in_use_only_switches_and_small_numbers_are_shown() {
        assert_eq!(shown("MAIL_PORT", &yaml("587")), "587");
        assert_eq!(shown("FEATURE_SECRETS", &yaml("true")), "true");
        for (key, value) in [
            ("DATABASE_SECRETKEY", "hunter2"),
            ("DATABASE_SECRETKEY", "4889941772453298"),
            ("SECRT_KY", "9393401617"),
            ("MAIL_PASSWORDS", "1234"),
            ("mail_passwords", "1234"),
            ("DBURI", "[hunter2]"),
            ("DBURI", "{a: hunter2}"),
            ("DBURI", "!hunter2 a"),
            ("MAIL_SERVER", "hunter2"),
        ] {
            assert_eq!(shown(key, &yaml(value)), REDACTED, "{key}: {value}");
        }
    }
}
