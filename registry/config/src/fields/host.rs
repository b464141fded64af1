//! How clients reach the registry: name and scheme.

use serde_yaml::Value;

use crate::{
    config::Config,
    raw::Reading,
    yaml::{self, Read, mistake},
};

/// Scheme of absolute URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS; only sensible behind something that has it.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// As it stands in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

pub(crate) fn scheme(value: &Value) -> Read<Scheme> {
    match yaml::text(value)?.as_str() {
        "http" => Ok(Scheme::Http),
        "https" => Ok(Scheme::Https),
        _ => mistake(
            "must be one of http, https",
            "write https unless something else speaks TLS for the registry",
        ),
    }
}

/// `host`, `host:port`, an IPv4 address, or an IPv6 address in brackets.
pub(crate) fn hostname(value: &Value) -> Read<String> {
    let text = yaml::text(value)?.to_ascii_lowercase();
    let is_port = |port: &str| {
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|number| number > 0)
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let good = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').is_some_and(|(address, port)| {
            address.parse::<std::net::Ipv6Addr>().is_ok()
                && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
        }),
        None => {
            let (host, port) =
                text.split_once(':').map_or((text.as_str(), None), |(host, port)| (host, Some(port)));
            host.len() <= 253 && host.split('.').all(is_label) && port.is_none_or(is_port)
        }
    };
    if good {
        Ok(text)
    } else {
        mistake(
            "must be a host name with an optional port",
            "write it as in registry.example.com or 192.0.2.1:8443, without a scheme or path",
        )
    }
}

pub(crate) fn check(config: &Config, reading: &mut Reading) {
    if config.preferred_url_scheme == Scheme::Http && !config.external_tls_termination {
        reading.warning(
            "PREFERRED_URL_SCHEME",
            "clients will be sent to http while the registry speaks TLS",
            "write https, or set EXTERNAL_TLS_TERMINATION: true if something in front of it has TLS",
        );
    }
    if config.external_tls_termination {
        reading.warning(
            "EXTERNAL_TLS_TERMINATION",
            "the registry speaks TLS nevertheless",
            "let what is in front of it connect by https, or pass TLS through",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_have_no_scheme_and_no_path() {
        for good in [
            "localhost",
            "localhost:8443",
            "quay.example.com",
            "192.0.2.7:30443",
            "[2001:db8::1]:443",
            "[::1]",
            "A.example",
        ] {
            assert_eq!(hostname(&good.into()).unwrap(), good.to_ascii_lowercase());
        }
        for wrong in [
            "https://quay.example.com",
            "quay.example.com/",
            "a b",
            "a:0",
            "a:65536",
            "a:+1",
            "a:",
            "-a",
            "a..b",
            "::1",
            "[::1]x",
            "[x]",
            "ü.example",
            "a_b",
            "",
        ] {
            assert!(hostname(&wrong.into()).is_err(), "{wrong}");
        }
    }
}
