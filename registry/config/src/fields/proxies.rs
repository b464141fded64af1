//! Whose word about the client of a connection is taken: the networks of proxies in front of the registry.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_yaml::Value;

use crate::{
    config::Config,
    raw::Reading,
    yaml::{self, Read, mistake},
};

/// Every request looks at all of them.
const MOST_NETWORKS: usize = 256;
/// No chain of proxies is longer.
const MOST_IN_A_ROW: u64 = 32;

/// Networks such as `10.128.0.0/14`; an address alone is a network of one.
pub(crate) fn networks(value: &Value) -> Read<Vec<IpNet>> {
    let texts = yaml::texts(value)?;
    if texts.len() > MOST_NETWORKS {
        return mistake(
            format!("must be a list of at most {MOST_NETWORKS} networks"),
            "join neighbouring networks",
        );
    }
    texts.iter().map(|text| network(text)).collect()
}

fn network(text: &str) -> Read<IpNet> {
    let short = || text.chars().take(60).collect::<String>();
    let parsed = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    match parsed {
        Ok(IpNet::V6(v6)) if v6.addr().to_ipv4_mapped().is_some() => mistake(
            format!("entry {:?} is an IPv4 network written as an IPv6 one", short()),
            "write it as in 10.128.0.0/14",
        ),
        // A forgotten prefix length and a wrong one look alike, and the wider reading would trust strangers.
        Ok(network) if network.trunc() != network => mistake(
            format!("entry {:?} names an address within a network", short()),
            format!("write {} for the network, or {} for the address alone", network.trunc(), network.addr()),
        ),
        Ok(network) => Ok(network),
        Err(_) => mistake(
            format!("entry {:?} is not a network", short()),
            "write addresses and prefix lengths, as in 10.128.0.0/14 or fd00:10::/48",
        ),
    }
}

/// How many proxies stand in a row.
pub(crate) fn count(value: &Value) -> Read<Option<u64>> {
    match yaml::whole(value)? {
        count @ 0..=MOST_IN_A_ROW => Ok(Some(count)),
        _ => mistake(
            format!("must be from 0 to {MOST_IN_A_ROW}"),
            "write how many proxies stand in a row, as in 1",
        ),
    }
}

pub(crate) fn check(config: &Config, reading: &mut Reading) {
    if config.trusted_proxies.iter().any(|network| network.prefix_len() == 0) {
        reading.warning(
            "TRUSTED_PROXIES",
            "whoever connects can claim to be at any address",
            "name the networks of the proxies only",
        );
    }
    if config.proxy_count.is_some()
        && config.trusted_proxies.is_empty()
        && !reading.is_wrong("TRUSTED_PROXIES")
    {
        reading.warning(
            "PROXY_COUNT",
            "no proxy is believed while TRUSTED_PROXIES is empty",
            "write the networks of the proxies in TRUSTED_PROXIES, or remove it",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Read<Vec<IpNet>> {
        networks(&serde_yaml::from_str(yaml).unwrap())
    }

    #[test]
    fn a_network_is_an_address_and_a_prefix_length_and_an_address_alone_is_one_of_one() {
        for (yaml, expected) in [
            ("[]", ""),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("[10.0.0.0/8, ' fd00::/8 ']", "10.0.0.0/8 fd00::/8"),
            ("[192.0.2.7, '2001:db8::1']", "192.0.2.7/32 2001:db8::1/128"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            let found: Vec<_> = read(yaml).unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(found.join(" "), expected, "{yaml}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused_by_its_entry() {
        for (yaml, entry) in [
            ("[10.0.0.0/8, router.example.com]", "\"router.example.com\""),
            ("10.0.0.0/33", "\"10.0.0.0/33\""),
            ("10.0.0.0/255.0.0.0", "\"10.0.0.0/255.0.0.0\""),
            ("'fe80::1%eth0'", "\"fe80::1%eth0\""),
            ("10.0.0.1/8", "\"10.0.0.1/8\""),
            ("'::ffff:10.0.0.0/104'", "\"::ffff:10.0.0.0/104\""),
            ("'*'", "\"*\""),
        ] {
            let mistake = read(yaml).unwrap_err();
            assert!(mistake.message.contains(entry), "{yaml}: {}", mistake.message);
        }
        assert_eq!(
            read("10.0.0.1/8").unwrap_err().hint,
            "write 10.0.0.0/8 for the network, or 10.0.0.1 for the address alone"
        );
        assert!(read(&format!("[{}]", "10.0.0.1,".repeat(MOST_NETWORKS + 1))).is_err());
        assert!(read("{10.0.0.0/8: true}").is_err());
    }

    #[test]
    fn trusting_everybody_and_counting_nobody_are_told() {
        let warned = |yaml: &str| {
            let warnings = crate::load(yaml).unwrap().warnings;
            warnings.iter().map(ToString::to_string).collect::<String>()
        };
        assert!(
            warned("TRUSTED_PROXIES: ['::/0']\n").contains("can claim to be at any address: TRUSTED_PROXIES")
        );
        assert!(warned("PROXY_COUNT: 1\n").contains("PROXY_COUNT = 1"));
        assert_eq!(warned("PROXY_COUNT: 1\nTRUSTED_PROXIES: 10.0.0.0/8\n"), "");
    }
}
