//! A list of networks, as an operator writes it.

use ipnet::{IpNet, Ipv4Net};
use std::{fmt, net::IpAddr, str::FromStr};

/// Networks in CIDR notation, or single addresses: `192.0.2.0/24,2001:db8::/32,198.51.100.7`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is in one of them.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for Networks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = |text: &str| network(text).map(canonical).ok_or_else(|| format!("“{text}” is no network"));
        let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
        let networks: Result<_, _> = texts.map(network).collect();
        networks.map(Self).map_err(|wrong| format!("{wrong}; write them like 192.0.2.0/24,2001:db8::/32"))
    }
}

/// `address` or `address/length`. The address as the standard library reads it: with a zero before it, `010.0.0.0` is 8 to some
/// and 10 to others.
fn network(text: &str) -> Option<IpNet> {
    let Some((address, length)) = text.split_once('/') else { return text.parse::<IpAddr>().ok().map(IpNet::from) };
    let length = Some(length).filter(|length| length.bytes().all(|byte| byte.is_ascii_digit()))?;
    IpNet::new(address.parse().ok()?, length.parse().ok()?).ok()
}

/// Visitors from IPv4 have IPv4 addresses, however they came: so have the networks that mean them, `::ffff:192.0.2.0/120`.
fn canonical(network: IpNet) -> IpNet {
    const MAPPED: u8 = 96;
    let of_four = match (network.addr().to_canonical(), network.prefix_len().checked_sub(MAPPED)) {
        (IpAddr::V4(address), Some(length)) if network.addr().is_ipv6() => Ipv4Net::new(address, length).ok(),
        _ => None,
    };
    of_four.map_or(network, IpNet::V4)
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&networks.join(","))
    }
}

impl fmt::Debug for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_the_networks_that_have_it() {
        let networks: Networks = "10.0.0.0/8, 2001:db8::/32,192.0.2.7".parse().unwrap();
        for (address, is_in) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
        ] {
            assert_eq!(networks.contain(address.parse().unwrap()), is_in, "{address}");
        }
        assert_eq!(networks.to_string(), "10.0.0.0/8,2001:db8::/32,192.0.2.7/32");
        assert!("".parse::<Networks>().unwrap().is_empty());
    }

    #[test]
    fn a_network_of_mapped_addresses_is_the_one_it_means() {
        let networks: Networks = "::ffff:10.0.0.0/104,::ffff:192.0.2.7".parse().unwrap();
        assert_eq!(networks.to_string(), "10.0.0.0/8,192.0.2.7/32");
        assert!(networks.contain("10.1.2.3".parse().unwrap()));
        let wider: Networks = "::/0".parse().unwrap();
        assert!(!wider.contain("10.1.2.3".parse().unwrap()), "all of IPv6 is not all of IPv4");
    }

    #[test]
    fn what_is_no_network_is_named() {
        for wrong in ["10.0.0.0/33", "somewhere", "10.0.0.0/8,x", "010.0.0.0/8", "10.0.0.0/+8", "10.0.0.0/"] {
            let error = wrong.parse::<Networks>().unwrap_err();
            assert!(error.contains("is no network"), "{error}");
        }
    }
}
