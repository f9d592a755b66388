//! What the door reads before anybody else: lists of an operator's, and what a request claims of whom it is from.

use crate::bytes::Bytes;
use actix_web::{
    http::{Uri, header::HeaderValue},
    test::TestRequest,
};
use stampede_domain::OrderId;
use stampede_http::{
    door::{Networks, Origins, Proxies, ProxyHeader},
    fuzz,
};
use stampede_web::Lang;
use std::net::{IpAddr, SocketAddr};

/// A list of networks: read again as it is shown, and each has the very address it was written with, as visitors have it.
pub fn networks(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(networks) = text.parse::<Networks>() else { return };
    assert_eq!(networks.to_string().parse::<Networks>().as_ref(), Ok(&networks));
    for written in text.split(',').map(str::trim).filter(|written| !written.is_empty()) {
        let (address, length) = written.split_once('/').unwrap_or((written, "128"));
        let address: IpAddr = address.parse().expect("because the list was read");
        let is_mapped = address != address.to_canonical();
        // A network that is wider than all of IPv4 is one of IPv6.
        if !is_mapped || length.parse::<u8>().is_ok_and(|length| length >= 96) {
            assert!(networks.contain(address.to_canonical()), "{written} has not {address}");
        }
    }
    assert!(!networks.is_empty() || text.split(',').all(|written| written.trim().is_empty()));
}

/// A list of origins: each as a browser would send it, or it would never be equal.
pub fn origins(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(origins) = text.parse::<Origins>() else { return };
    let all: Vec<_> = text.split(',').map(str::trim).filter(|written| !written.is_empty()).collect();
    assert_eq!(origins.is_empty(), all.is_empty());
    for origin in all {
        assert!(HeaderValue::from_str(origin).is_ok_and(|value| value.to_str().is_ok()), "{origin:?} is no header");
        let uri: Uri = origin.parse().unwrap_or_else(|error| panic!("{origin:?}: {error}"));
        let (scheme, authority) =
            (uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |one| one.as_str()));
        assert_eq!(origin, format!("{scheme}://{authority}"));
        let default = if scheme == "https" { 443 } else { 80 };
        assert!(uri.port_u16() != Some(default), "{origin}: browsers leave the default port out");
        assert!(
            uri.port_u16().is_some() || !authority.rsplit(']').next().unwrap_or_default().contains(':'),
            "{origin}"
        );
    }
}

/// Who a request is from: without proxies who connects; with them what the last ones say, whatever stands to the left of it.
pub fn visitor(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (hops, choice) = (bytes.below(5), bytes.byte());
    let is_forwarded = choice & 1 == 1;
    let proxies = Proxies {
        hops,
        networks: if choice & 2 == 2 { Networks::default() } else { known_networks() },
        header: if is_forwarded { ProxyHeader::Forwarded } else { ProxyHeader::XForwardedFor },
    };
    let text = String::from_utf8_lossy(bytes.0).into_owned();
    let lines: Vec<_> = text.lines().take(16).collect();
    let found = of(&proxies, &lines, None);
    let peer = Some(PEER.ip());
    assert!(found.0.is_some(), "who connects has an address");
    if hops == 0 {
        assert_eq!(found, (peer, false));
    }
    assert_eq!(found.0.map(|address| address.to_canonical()), found.0, "an address has one form");
    // As many words as there are proxies are theirs; what a visitor writes stands further left and changes nothing.
    let words = |lines: &mut dyn Iterator<Item = &&str>| lines.map(|line| line.split(',').count()).sum::<usize>();
    let usable = |line: &&&str| HeaderValue::from_str(line).is_ok();
    let theirs = words(&mut lines.iter().filter(|line| !line.starts_with('p')).filter(usable));
    let schemes = words(&mut lines.iter().filter(|line| line.starts_with('p')).filter(usable));
    if theirs >= hops && (is_forwarded || schemes >= hops) {
        for forged in ["127.0.0.1", "for=127.0.0.1;proto=https", "https, unknown", "\"a", ","] {
            assert_eq!(of(&proxies, &lines, Some(forged)), found, "{forged} counts");
        }
    }
}

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 4711);

fn known_networks() -> Networks {
    "10.0.0.0/8,2001:db8::/32".parse().expect("because these are networks")
}

/// Lines that begin with `p` are of `X-Forwarded-Proto`, all others of the header that is believed; `forged` stands before
/// each kind.
fn of(proxies: &Proxies, lines: &[&str], forged: Option<&str>) -> (Option<IpAddr>, bool) {
    let name = if proxies.header == ProxyHeader::Forwarded { "forwarded" } else { "x-forwarded-for" };
    let mut request = TestRequest::default().peer_addr(PEER);
    for name in forged.iter().flat_map(|_| [name, "x-forwarded-proto"]) {
        request = request.append_header((name, forged.unwrap_or_default()));
    }
    for line in lines {
        let (name, line) = line.strip_prefix('p').map_or((name, *line), |line| ("x-forwarded-proto", line));
        if let Ok(value) = HeaderValue::from_str(line) {
            request = request.append_header((name, value));
        }
    }
    fuzz::visitor(&request.to_http_request(), proxies)
}

/// A browser's languages: one of ours for any wish; a language that we do not speak changes nothing.
pub fn languages(data: &[u8]) {
    let wanted = String::from_utf8_lossy(data);
    let chosen = Lang::negotiate(&wanted);
    for other in ["xx;q=1", "", "tlh"] {
        assert_eq!(Lang::negotiate(&format!("{other},{wanted}")), chosen);
        assert_eq!(Lang::negotiate(&format!("{wanted},{other}")), chosen);
    }
    for lang in Lang::ALL {
        assert_eq!(Lang::from_tag(&wanted) == Some(lang), lang.tag() == wanted);
    }
}

/// Sealed lists and keys of links: nobody adds to them, nobody makes one.
pub fn seals(data: &[u8]) {
    const SECRET: &[u8] = b"a secret of thirty-two bytes ....";
    let text = String::from_utf8_lossy(data);
    let opened = fuzz::unseal(SECRET, &text);
    assert!(opened.is_empty() || fuzz::seal(SECRET, &opened) == text, "a list that we did not seal");
    let mut bytes = Bytes(data);
    let (at, to, count) = (bytes.below(1 << 16), bytes.byte() & 0x7f, bytes.below(41));
    let orders: Vec<OrderId> = (0..count).map(|_| bytes.array::<16>().into()).collect();
    let sealed = fuzz::seal(SECRET, &orders);
    assert_eq!(fuzz::unseal(SECRET, &sealed), orders);
    assert_eq!(fuzz::unseal(b"another secret of 32 bytes ......", &sealed), []);
    let order = orders.first().copied().unwrap_or(OrderId::from([7; 16]));
    let key = fuzz::order_key(SECRET, order);
    assert!(fuzz::is_order_key(SECRET, order, &key));
    assert!(key == text || !fuzz::is_order_key(SECRET, order, &text));
    // One letter that is another one.
    for (written, opens) in [
        (&sealed, &(|text: &str| !fuzz::unseal(SECRET, text).is_empty()) as &dyn Fn(&str) -> bool),
        (&key, &|text: &str| fuzz::is_order_key(SECRET, order, text)),
    ] {
        let mut forged = written.clone().into_bytes();
        let at = at % forged.len();
        forged[at] = to;
        let forged = String::from_utf8_lossy(&forged);
        assert!(forged == *written || !opens(&forged), "{forged} opens what {written} opens");
    }
}
