//! Kubernetes quantities as values: `0.1` and `100m`, `1Gi` and `1073741824` are the same.

use std::cmp::Ordering;

/// A quantity as mantissa and decimal exponent, exact.
#[derive(Clone, Copy, Debug)]
pub struct Value {
    nano: i128,
}

impl Value {
    /// Whether it is more than nothing.
    pub fn is_positive(self) -> bool {
        self.nano > 0
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.nano == other.nano
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.nano.partial_cmp(&other.nano)
    }
}

const NANO: i128 = 1_000_000_000;

/// Parses a quantity; `None` when it is none, or out of any sensible range.
pub fn parse(text: &str) -> Option<Value> {
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (multiplier, divisor): (i128, i128) = match suffix {
        "" => (1, 1),
        "n" => (1, NANO),
        "u" => (1, 1_000_000),
        "m" => (1, 1_000),
        "k" => (1_000, 1),
        "M" => (1_000_000, 1),
        "G" => (1_000_000_000, 1),
        "T" => (1_000_000_000_000, 1),
        "P" => (1_000_000_000_000_000, 1),
        "E" => (1_000_000_000_000_000_000, 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1 << 40, 1),
        "Pi" => (1 << 50, 1),
        "Ei" => (1 << 60, 1),
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            match power {
                0..=18 => (10_i128.checked_pow(power.unsigned_abs())?, 1),
                -9..=-1 => (1, 10_i128.checked_pow(power.unsigned_abs())?),
                _ => return None,
            }
        }
    };
    let nano = decimal(number)?.checked_mul(multiplier)?.checked_div(divisor)?;
    Some(Value { nano })
}

/// A decimal number in billionths; further digits are dropped.
fn decimal(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty())
        || !is_number(whole)
        || !is_number(fraction)
        || whole.len() > 19
    {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut billionths: i128 = 0;
    for position in 0..9 {
        let digit = fraction.as_bytes().get(position).map_or(0, |byte| i128::from(byte - b'0'));
        billionths = billionths * 10 + digit;
    }
    let value = whole.checked_mul(NANO)?.checked_add(billionths)?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_spellings_of_one_value_are_equal() {
        for (a, b) in [
            ("0.1", "100m"),
            ("1Gi", "1073741824"),
            ("1.5Gi", "1536Mi"),
            ("1e3", "1k"),
            ("1000M", "1G"),
            ("1E", "1e18"),
        ] {
            assert_eq!(parse(a), parse(b), "{a} {b}");
            assert!(parse(a).is_some());
        }
    }

    #[test]
    fn sizes_are_ordered_by_value() {
        assert!(parse("9Gi") < parse("10G"));
        assert!(parse("999Mi") < parse("1Gi"));
        assert!(!parse("0").unwrap().is_positive());
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "Gi", "1 Gi", "ten", "1Xi", "1.2.3", "--1", "1e99", "99999999999999999999"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
