//! Who is believed, about what, and how far.

use proptest::prelude::*;

use super::*;

/// A configuration that trusts these networks.
fn trusting(networks: &[&str]) -> Config {
    let trusted_proxies = networks.iter().map(|network| network.parse().unwrap()).collect();
    Config { trusted_proxies, ..Config::default() }
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines.iter().map(|(name, line)| (HeaderName::from_static(name), line.parse().unwrap())).collect()
}

fn client(peer: &str, lines: &[(&'static str, &str)], config: &Config) -> String {
    let peer = Peer(SocketAddr::new(peer.parse().unwrap(), 4711));
    Client::behind(peer, &headers(lines), config).0.to_string()
}

#[test]
fn the_right_most_address_that_is_not_trusted_is_the_client() {
    let config = trusting(&["10.0.0.0/8", "fd00::/8"]);
    for (line, expected) in [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.1,203.0.113.9 , 10.0.0.3,\t10.0.0.2", "203.0.113.9"),
        ("203.0.113.9:4711, [fd00::2]:80", "203.0.113.9"),
        ("2001:db8::7, fd00::2", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        // Nobody but proxies: the first of them asks on its own behalf.
        ("10.0.0.4, 10.0.0.3", "10.0.0.4"),
    ] {
        assert_eq!(client("10.0.0.1", &[("x-forwarded-for", line)], &config), expected, "{line}");
    }
    let lines = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.9, 10.0.0.2")];
    assert_eq!(client("::ffff:10.0.0.1", &lines, &config), "203.0.113.9", "several lines are one list");
    assert_eq!(client("10.0.0.1", &[], &config), "10.0.0.1");
}

#[test]
fn no_more_proxies_are_believed_than_are_counted() {
    let mut config = trusting(&["10.0.0.0/8"]);
    let line = [("x-forwarded-for", "198.51.100.1, 10.9.9.9, 10.0.0.2")];
    for (count, expected) in
        [(Some(0), "10.0.0.1"), (Some(1), "10.0.0.2"), (Some(2), "10.9.9.9"), (None, "198.51.100.1")]
    {
        config.proxy_count = count;
        assert_eq!(client("10.0.0.1", &line, &config), expected, "{count:?}");
    }
}

#[test]
fn what_cannot_be_read_ends_the_walk_and_what_stands_left_of_the_client_is_not_read() {
    let config = trusting(&["10.0.0.0/8"]);
    for (line, expected) in [
        ("203.0.113.9, unknown", "10.0.0.1"),
        ("203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
        ("203.0.113.9,", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("203.0.113.9 198.51.100.1", "10.0.0.1"),
        ("[203.0.113.9]", "10.0.0.1"),
        ("010.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "10.0.0.1"),
        ("unknown, \", ,, 203.0.113.9", "203.0.113.9"),
    ] {
        assert_eq!(client("10.0.0.1", &[("x-forwarded-for", line)], &config), expected, "{line}");
    }
    let long = format!("{}203.0.113.9", "x,".repeat(15_000));
    assert_eq!(client("10.0.0.1", &[("x-forwarded-for", &long)], &config), "203.0.113.9");
    let endless = ["10.0.0.2"; 3_000].join(",");
    let begun = format!("203.0.113.9,{endless}");
    assert_eq!(client("10.0.0.1", &[("x-forwarded-for", &begun)], &config), "10.0.0.2", "no endless walk");
}

#[test]
fn the_header_of_the_rfc_is_asked_where_the_older_one_is_absent() {
    let config = trusting(&["10.0.0.0/8"]);
    for (line, expected) in [
        ("for=203.0.113.9", "203.0.113.9"),
        ("for=198.51.100.1, For=\"203.0.113.9:80\";proto=http;by=10.0.0.1", "203.0.113.9"),
        ("proto=https;for=\"[2001:db8::7]:4711\";host=\"a.example\" , for=10.0.0.2", "2001:db8::7"),
        ("for=203.0.113.9;host=\"x,for=198.51.100.1\"", "203.0.113.9"),
        ("for=203.0.113.9;host=\"x\\\",for=198.51.100.1,a=\\\"\"", "203.0.113.9"),
        // Not by the grammar, hidden, or not told: the proxy stands for its client.
        ("for=198.51.100.1;host=\"x, for=203.0.113.9", "10.0.0.1"),
        ("for=198.51.100.1;x=\", for=\"[2001:db8::7]\"", "10.0.0.1"),
        ("for=2001:db8::7", "10.0.0.1"),
        ("for=203.0.113.9;for=198.51.100.1", "10.0.0.1"),
        ("for=_hidden", "10.0.0.1"),
        ("for=203.0.113.9, proto=https", "10.0.0.1"),
        ("for=203.0.113.9,", "10.0.0.1"),
        ("for", "10.0.0.1"),
    ] {
        assert_eq!(client("10.0.0.1", &[("forwarded", line)], &config), expected, "{line}");
    }
    let long = format!("for=203.0.113.9;x={}", "y".repeat(5_000));
    assert_eq!(client("10.0.0.1", &[("forwarded", &long)], &config), "10.0.0.1");
    let both = [("forwarded", "for=198.51.100.1"), ("x-forwarded-for", "203.0.113.9")];
    assert_eq!(client("10.0.0.1", &both, &config), "203.0.113.9", "most proxies hand the other on unseen");
}

/// Lists as clients and proxies write them, and worse.
fn lines() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let name =
        prop_oneof![Just("x-forwarded-for"), Just("forwarded"), Just("x-real-ip"), Just("x-client-ip")];
    let address = any::<IpAddr>().prop_map(|address| address.to_string());
    let entry = prop_oneof![
        address.clone(),
        address.clone().prop_map(|address| format!("for={address}")),
        address.prop_map(|address| format!("for=\"[{address}]:1\";proto=http")),
        "[ -~]{0,20}",
    ];
    let line = proptest::collection::vec(entry, 0..6).prop_map(|entries| entries.join(","));
    proptest::collection::vec((name, line), 0..4)
}

fn map(lines: &[(&'static str, String)]) -> HeaderMap {
    lines.iter().map(|(name, line)| (HeaderName::from_static(name), line.parse().unwrap())).collect()
}

proptest! {
    #[test]
    fn who_is_not_trusted_never_changes_its_address(peer: IpAddr, lines in lines(), count in 0..40_u64) {
        let peer = peer.to_canonical();
        let apart = |network: &str| !network.parse::<ipnet::IpNet>().unwrap().contains(&peer);
        let near = ["10.0.0.0/8", "fd00::/8"].into_iter().filter(|network| apart(network)).collect::<Vec<_>>();
        for networks in [&[][..], &near] {
            for proxy_count in [None, Some(count)] {
                let config = Config { proxy_count, ..trusting(networks) };
                let found = Client::behind(Peer(SocketAddr::new(peer, 1)), &map(&lines), &config);
                prop_assert_eq!(found, Client(peer));
            }
        }
    }

    /// The control: with trust given, what stands there is believed.
    #[test]
    fn who_is_trusted_can_claim_any_address(claimed: IpAddr, before in "[ -~]{0,40}") {
        let config = Config { proxy_count: Some(1), ..trusting(&["192.0.2.1/32"]) };
        let quoted = if claimed.is_ipv6() { format!("\"[{claimed}]\"") } else { claimed.to_string() };
        for lines in [
            vec![("x-forwarded-for", format!("{before},{claimed}"))],
            vec![("x-forwarded-for", before.clone()), ("x-forwarded-for", claimed.to_string())],
            vec![("forwarded", before.clone()), ("forwarded", format!("for={quoted}"))],
        ] {
            let found = Client::behind(Peer("192.0.2.1:1".parse().unwrap()), &map(&lines), &config);
            prop_assert_eq!(found, Client(claimed.to_canonical()));
        }
    }

    /// Whatever a client sends: behind a proxy that appends what it sees, the client is where the proxy saw it.
    #[test]
    fn behind_a_proxy_that_appends_nobody_is_elsewhere(seen: std::net::Ipv4Addr, sent in lines()) {
        let config = Config { proxy_count: Some(1), ..trusting(&["192.0.2.1/32"]) };
        let mut lines = sent;
        lines.push(("x-forwarded-for", seen.to_string()));
        let found = Client::behind(Peer("192.0.2.1:1".parse().unwrap()), &map(&lines), &config);
        prop_assert_eq!(found, Client(seen.into()));
    }
}
