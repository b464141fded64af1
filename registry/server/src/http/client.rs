//! Where a request comes from: the address of the client, also behind proxies.
//!
//! ```text
//!   X-Forwarded-For: whatever the client wrote, 203.0.113.9, 10.128.0.7        the connection: 10.128.0.2
//!                                               client ◄─── proxy ◄──────────── proxy
//!                                            not trusted   trusted              trusted: its word counts
//! ```
//! A connection from a network in `TRUSTED_PROXIES` tells the address before it, and so on from the right, until an
//! address that is not trusted, or `PROXY_COUNT` proxies: what stands left of that is anybody's claim and is not even
//! read. An entry that cannot be read ends the walk too, at the proxy that handed it on.
//!
//! `X-Forwarded-For` goes before `Forwarded`, which most proxies hand on as they got it: only where the first is absent
//! is the second asked. `X-Forwarded-Host` and `X-Forwarded-Proto` are asked by nobody: `Host` reaches us unchanged and
//! counts only when it is one of our names, and the registry is reached by https whoever is in front of it.
//!
//! Owns: the one answer that audit, lockout and log share. Must not know: what they do with it.

mod forwarded;

use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};
use http::request::Parts;
use quay_config::Config;

use crate::listen::Peer;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// No chain of proxies is longer.
const MOST_HOPS: usize = 32;

/// The address of the client, as an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client(pub IpAddr);

impl Client {
    /// The client of a request; unspecified when no listener took it.
    #[must_use]
    pub fn of(parts: &Parts) -> Self {
        parts.extensions.get().copied().unwrap_or(Self(IpAddr::from([0, 0, 0, 0])))
    }

    /// Who is behind this connection.
    #[must_use]
    pub fn behind(Peer(peer): Peer, headers: &HeaderMap, config: &Config) -> Self {
        let mut client = peer.ip().to_canonical();
        let most = config.proxy_count.and_then(|count| usize::try_from(count).ok()).unwrap_or(MOST_HOPS);
        let mut hops = hops(headers);
        for _ in 0..most.min(MOST_HOPS) {
            if !config.trusted_proxies.iter().any(|network| network.contains(&client)) {
                break;
            }
            let Some(Some(before)) = hops.next() else { break };
            client = before.to_canonical();
        }
        Self(client)
    }
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts))
    }
}

/// The addresses that the headers tell, the nearest first; `None` for one that cannot be read.
fn hops(headers: &HeaderMap) -> Box<dyn Iterator<Item = Option<IpAddr>> + '_> {
    let lines = |name| headers.get_all(name).iter().rev();
    if headers.contains_key(&X_FORWARDED_FOR) {
        let entries = lines(&X_FORWARDED_FOR).flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        Box::new(entries.map(address_of))
    } else {
        Box::new(lines(&FORWARDED).flat_map(|line| forwarded::hops(line.as_bytes())))
    }
}

fn address_of(entry: &[u8]) -> Option<IpAddr> {
    address(std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']))
}

/// `192.0.2.1`, `2001:db8::1` or `[2001:db8::1]`, the first and last also with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(v6) => v6.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip())),
    }
}

#[cfg(test)]
mod tests;
