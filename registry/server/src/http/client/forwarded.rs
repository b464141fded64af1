//! The `Forwarded` header of RFC 7239, as far as it tells addresses.
//!
//! Read by the whole grammar and not by its commas: a client that chooses its own `Host` may put `,for=…` into a quoted
//! value, and would write entries of its own if quotes were not minded. A line that breaks the grammar tells nothing.

use std::net::IpAddr;

/// A longer line is no honest one.
const LONGEST: usize = 4096;

/// The addresses in one line, the nearest first; `None` for one that is hidden or cannot be read.
pub(super) fn hops(line: &[u8]) -> Vec<Option<IpAddr>> {
    let read = || Rest(std::str::from_utf8(line).ok().filter(|text| text.len() <= LONGEST)?).elements();
    let mut hops = read().unwrap_or_else(|| vec![None]);
    hops.reverse();
    hops
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// `for=192.0.2.1;proto=https, for="[2001:db8::1]:4711"`.
    fn elements(mut self) -> Option<Vec<Option<IpAddr>>> {
        let mut found = Vec::new();
        loop {
            found.push(self.element()?);
            if self.0.is_empty() {
                return Some(found);
            }
            self.skip(",").then_some(())?;
        }
    }

    /// The address that one element tells.
    fn element(&mut self) -> Option<Option<IpAddr>> {
        let mut address = None;
        let mut is_told = false;
        loop {
            self.blank();
            let name = self.token()?;
            self.skip("=").then_some(())?;
            let value = if self.skip("\"") { self.quoted()? } else { self.token()?.to_owned() };
            if name.eq_ignore_ascii_case("for") {
                // Twice in one element is against the grammar too.
                (!std::mem::replace(&mut is_told, true)).then_some(())?;
                address = super::address(&value);
            }
            self.blank();
            if !self.skip(";") {
                return Some(address);
            }
        }
    }

    fn token(&mut self) -> Option<&'a str> {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = self.0.find(|c| !is_token(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    /// What stands before the closing quote.
    fn quoted(&mut self) -> Option<String> {
        let mut value = String::new();
        let mut letters = self.0.chars();
        loop {
            match letters.next()? {
                '"' => break,
                '\\' => value.push(letters.next()?),
                letter => value.push(letter),
            }
        }
        self.0 = letters.as_str();
        Some(value)
    }

    fn blank(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn skip(&mut self, sign: &str) -> bool {
        let rest = self.0.strip_prefix(sign);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}
