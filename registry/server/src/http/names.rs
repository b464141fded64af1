//! What this registry is called by its clients.
//!
//! Owns: which `Host` is one of our names, and which name goes into challenges. A realm that names another host
//! than the client asked is refused by careful clients, so it follows the request where that is safe: for
//! `SERVER_HOSTNAME` and the names in the certificate, with any port. A registry without `SERVER_HOSTNAME` has no
//! better name than the one it was asked by. Must not know: tokens.

use std::borrow::Cow;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::request::Parts;
use http::{HeaderMap, Uri, header};

use crate::tls::Serving;

/// Longer is no host.
const MAX_HOST: usize = 255 + 6;

/// The names of this registry.
#[derive(Clone, Debug)]
pub struct Names {
    configured: Arc<ArcSwapOption<String>>,
    certificate: Option<Serving>,
    fallback: Arc<str>,
}

impl Names {
    /// `configured` is `SERVER_HOSTNAME`; `fallback` is used when a request names no host at all.
    #[must_use]
    pub fn new(configured: Option<&str>, certificate: Option<Serving>, fallback: &str) -> Self {
        let names =
            Self { configured: Arc::new(ArcSwapOption::empty()), certificate, fallback: fallback.into() };
        names.configure(configured);
        names
    }

    /// Follows a change of `SERVER_HOSTNAME`.
    pub fn configure(&self, configured: Option<&str>) {
        let configured = configured.filter(|name| !name.is_empty());
        self.configured.store(configured.map(|name| Arc::new(name.to_ascii_lowercase())));
    }

    /// Whether a `SERVER_HOSTNAME` is set.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.configured.load().is_some()
    }

    /// Whether `host`, with or without a port, is one of our names.
    #[must_use]
    pub fn ours(&self, host: &str) -> bool {
        if !is_host(host) {
            return false;
        }
        let name = without_port(host);
        match &*self.configured.load() {
            None => true,
            Some(configured) => {
                without_port(configured).eq_ignore_ascii_case(name)
                    || self.certificate.as_ref().is_some_and(|certificate| certificate.covers(name))
            }
        }
    }

    /// The name to use towards the client of this request: the one it used when that is ours.
    #[must_use]
    pub fn towards<'r>(&self, uri: &'r Uri, headers: &'r HeaderMap) -> Cow<'r, str> {
        match asked(uri, headers) {
            Some(host) if self.ours(host) => Cow::Borrowed(host),
            _ => match &*self.configured.load() {
                Some(configured) => Cow::Owned(configured.as_str().to_owned()),
                None => Cow::Owned(self.fallback.to_string()),
            },
        }
    }

    /// [`Names::towards`] for a request in parts.
    #[must_use]
    pub fn of<'r>(&self, parts: &'r Parts) -> Cow<'r, str> {
        self.towards(&parts.uri, &parts.headers)
    }
}

/// The host that the client asked: `:authority` of HTTP/2, else `Host`.
fn asked<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(header::HOST)?.to_str().ok(),
    }
}

/// Letters of a host and its port, and nothing that could end a quoted string.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_HOST
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
}

/// `[::1]:8443` → `::1`, `host:8443` → `host`.
#[must_use]
pub fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(address, _)| address);
    }
    match host.rsplit_once(':') {
        // More than one colon is an address without brackets.
        Some((name, _)) if !name.contains(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn towards(names: &Names, host: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a header"));
        names.towards(&Uri::from_static("/v2/"), &headers).into_owned()
    }

    #[test]
    fn a_host_of_ours_is_kept_with_its_port_and_another_is_not() {
        let names = Names::new(Some("registry.example:8443"), None, "localhost");
        assert_eq!(towards(&names, "registry.example"), "registry.example");
        assert_eq!(towards(&names, "Registry.Example:9999"), "Registry.Example:9999");
        assert_eq!(towards(&names, "evil.example"), "registry.example:8443");
        assert_eq!(towards(&names, "registry.example\"x"), "registry.example:8443");
    }

    #[test]
    fn without_a_configured_name_the_one_asked_for_is_used() {
        let names = Names::new(None, None, "localhost:8443");
        assert_eq!(towards(&names, "10.0.0.7:8443"), "10.0.0.7:8443");
        assert_eq!(towards(&names, "a b"), "localhost:8443");
    }

    #[test]
    fn http2_names_its_host_in_the_uri() {
        let names = Names::new(Some("registry.example"), None, "localhost");
        let uri = Uri::from_static("https://registry.example:444/v2/");
        assert_eq!(names.towards(&uri, &HeaderMap::new()), "registry.example:444");
    }

    #[test]
    fn ports_are_cut_from_names_and_addresses() {
        for (host, name) in [
            ("a:1", "a"),
            ("a", "a"),
            ("[::1]:8443", "::1"),
            ("[::1]", "::1"),
            ("::1", "::1"),
            ("127.0.0.1:80", "127.0.0.1"),
        ] {
            assert_eq!(without_port(host), name);
        }
    }
}
