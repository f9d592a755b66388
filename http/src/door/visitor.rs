//! Who a request is from. The address that connects, unless proxies are trusted: then what they say of whom they had before
//! them, read from the right, for what stands further left may be anybody's.

use super::Networks;
use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};
use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

/// Proxies between the shoppers and us, as an operator says: never guessed from what a request claims.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// How many there are, one after the other; 0: headers mean nothing.
    pub hops: usize,
    /// Where they are; empty: whoever connects is one.
    pub networks: Networks,
    /// Where they write it.
    pub header: ProxyHeader,
}

/// The header in which proxies say whom they have before them. Only one: what is written in the other passes through them
/// as the client wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visitor {
    /// Their address, as far as it can be known.
    pub(crate) address: Option<IpAddr>,
    /// Whether they came by TLS, as far as it can be known.
    pub(crate) https: bool,
}

impl Visitor {
    /// Who sent this request.
    pub(crate) fn of(request: &HttpRequest, proxies: &Proxies) -> Self {
        let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
        let Some(mut address) = peer.filter(|_| proxies.hops > 0) else {
            return Self { address: peer, https: false };
        };
        let stops = Stops::of(request, proxies.header);
        let (mut https, mut at) = (false, stops.0.len());
        for _ in 0..proxies.hops {
            // An address that is no proxy's is the visitor's, whatever it claims.
            if at == 0 || !(proxies.networks.is_empty() || proxies.networks.contain(address)) {
                break;
            }
            at -= 1;
            https = stops.0[at].https;
            match stops.0[at].address {
                Some(before) => address = before,
                None => break,
            }
        }
        Self { address: Some(address), https }
    }
}

/// What one proxy says.
#[derive(Clone, Copy, Default)]
struct Stop {
    address: Option<IpAddr>,
    https: bool,
}

/// What all of them say, the nearest last.
struct Stops(Vec<Stop>);

impl Stops {
    fn of(request: &HttpRequest, header: ProxyHeader) -> Self {
        match header {
            ProxyHeader::XForwardedFor => Self::of_x_forwarded(request),
            ProxyHeader::Forwarded => Self(elements(request, &header::FORWARDED).map(Stop::of_forwarded).collect()),
        }
    }

    fn of_x_forwarded(request: &HttpRequest) -> Self {
        let schemes: Vec<_> = elements(request, &header::X_FORWARDED_PROTO).map(is_https).collect();
        let addresses: Vec<_> = elements(request, &header::X_FORWARDED_FOR).map(address).collect();
        // Most proxies pass on one word of the outermost; some write one each. Counted from the right either way, and from a
        // shorter list its leftmost.
        let stops = addresses.iter().enumerate().map(|(at, address)| {
            let from_right = addresses.len() - at;
            let https = schemes.get(schemes.len().saturating_sub(from_right)).copied().unwrap_or(false);
            Stop { address: *address, https }
        });
        Self(stops.collect())
    }
}

impl Stop {
    /// `for=192.0.2.60;proto=https;by=…`, in any order.
    fn of_forwarded(element: &str) -> Self {
        let mut stop = Self::default();
        for (name, value) in element.split(';').filter_map(|pair| pair.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim() {
                name if name.eq_ignore_ascii_case("for") => stop.address = address(value),
                name if name.eq_ignore_ascii_case("proto") => stop.https = is_https(value),
                _ => {}
            }
        }
        stop
    }
}

/// The comma-separated elements of all lines of a header, in their order. One that is no text is empty, and takes no other with it:
/// proxies write theirs behind what a visitor sent, into the same line.
fn elements<'a>(request: &'a HttpRequest, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let elements = request.headers().get_all(name).flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    elements.map(|element| str::from_utf8(element).unwrap_or("").trim())
}

/// An address, with or without a port; `None` for anything else, `unknown` among it.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let parsed = IpAddr::from_str(bare).or_else(|_| SocketAddr::from_str(text).map(|address| address.ip()));
    parsed.ok().map(|address| address.to_canonical())
}

fn is_https(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("https")
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{http::header::HeaderValue, test::TestRequest};

    fn of(proxies: &Proxies, headers: &[(&str, &str)]) -> Visitor {
        let request = TestRequest::default().peer_addr("10.0.0.1:4711".parse().unwrap());
        let request = headers.iter().fold(request, |request, header| request.append_header(*header));
        Visitor::of(&request.to_http_request(), proxies)
    }

    fn hops(hops: usize) -> Proxies {
        Proxies { hops, ..Proxies::default() }
    }

    fn visitor(address: &str, https: bool) -> Visitor {
        Visitor { address: Some(address.parse().unwrap()), https }
    }

    const FOR: &str = "x-forwarded-for";
    const PROTO: &str = "x-forwarded-proto";

    #[test]
    fn without_proxies_claims_mean_nothing() {
        let claims = [(FOR, "192.0.2.1"), (PROTO, "https"), ("forwarded", "for=192.0.2.1;proto=https")];
        assert_eq!(of(&hops(0), &claims), visitor("10.0.0.1", false));
    }

    #[test]
    fn as_many_hops_as_were_configured_are_read_from_the_right() {
        let claims = [(FOR, "203.0.113.9, 198.51.100.2"), (FOR, "192.0.2.1"), (PROTO, "https")];
        assert_eq!(of(&hops(1), &claims), visitor("192.0.2.1", true));
        assert_eq!(of(&hops(2), &claims), visitor("198.51.100.2", true));
        assert_eq!(of(&hops(3), &claims), visitor("203.0.113.9", true));
        assert_eq!(of(&hops(9), &claims), visitor("203.0.113.9", true));
    }

    #[test]
    fn what_a_visitor_writes_themselves_stands_further_left_and_is_not_read() {
        for forged in ["127.0.0.1", "10.0.0.1", "unknown", "", "::1", "127.0.0.1, 127.0.0.1", "\u{ff}"] {
            let line = format!("{forged}, 192.0.2.1");
            assert_eq!(of(&hops(1), &[(FOR, &line), (PROTO, "http")]), visitor("192.0.2.1", false), "{forged}");
            assert_eq!(of(&hops(1), &[(FOR, forged), (FOR, "192.0.2.1")]), visitor("192.0.2.1", false), "{forged}");
        }
        // Not even when it is no text at all.
        let line = HeaderValue::from_bytes(b"\xff, 192.0.2.1").unwrap();
        let request = TestRequest::default().peer_addr("10.0.0.1:4711".parse().unwrap()).append_header((FOR, line));
        assert_eq!(Visitor::of(&request.to_http_request(), &hops(1)), visitor("192.0.2.1", false));
        // The other header is no proxy's.
        let other = [("forwarded", "for=127.0.0.1;proto=https"), (FOR, "192.0.2.1")];
        assert_eq!(of(&hops(1), &other), visitor("192.0.2.1", false));
        let forged = [(PROTO, "https, http"), (FOR, "192.0.2.1")];
        assert_eq!(of(&hops(1), &forged), visitor("192.0.2.1", false));
    }

    #[test]
    fn only_proxies_in_their_networks_are_believed() {
        let proxies = Proxies { networks: "10.0.0.0/8".parse().unwrap(), ..hops(3) };
        let claims = [(FOR, "127.0.0.1, 192.0.2.1, 10.0.0.2")];
        assert_eq!(of(&proxies, &claims), visitor("192.0.2.1", false), "it is no proxy's, so it is the visitor's");
        let elsewhere = Proxies { networks: "172.16.0.0/12".parse().unwrap(), ..hops(3) };
        assert_eq!(of(&elsewhere, &claims), visitor("10.0.0.1", false));
    }

    #[test]
    fn what_cannot_be_read_leaves_the_proxy_as_the_visitor() {
        for odd in ["unknown", "_hidden", "", "192.0.2.1.5", "example.org", "\u{ff}"] {
            assert_eq!(of(&hops(1), &[(FOR, odd)]), visitor("10.0.0.1", false), "{odd}");
        }
        assert_eq!(of(&hops(1), &[]), visitor("10.0.0.1", false));
    }

    #[test]
    fn addresses_are_read_in_every_form_that_proxies_write() {
        for (written, address) in [
            ("192.0.2.1:1234", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(of(&hops(1), &[(FOR, written)]), visitor(address, false), "{written}");
        }
        let forwarded = Proxies { header: ProxyHeader::Forwarded, ..hops(1) };
        let line = "for=127.0.0.1;proto=http, For=\"[2001:db8::1]:443\"; Proto=https;by=10.0.0.1";
        assert_eq!(of(&forwarded, &[("forwarded", line)]), visitor("2001:db8::1", true));
        assert_eq!(of(&forwarded, &[(FOR, "127.0.0.1")]), visitor("10.0.0.1", false));
    }
}
