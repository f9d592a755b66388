//! Whole requests of any shape at the real door, over a shop in memory.

use crate::shop::{Answer, with_shop};
use actix_web::{
    http::{
        Method, Uri,
        header::{HeaderName, HeaderValue},
    },
    test::TestRequest,
};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::io::Read;

/// Stands in requests for a key that nobody has used.
pub(crate) const KEY: &str = "KEY";

/// A request: an address line, headers, an empty line, a body; as HTTP/1.1 writes it, and what no server would pass on is left
/// out. The first byte chooses the door.
pub fn request(data: &[u8]) {
    let Some((door, text)) = data.split_first() else { return };
    let is_behind_proxy = *door & 1 == 1;
    let key = with_shop(async |open| open.key()).to_string();
    let text = put_key(text, &key);
    let Some(sent) = parsed(&text) else { return };
    let answer = with_shop(async |open| {
        let answer = match is_behind_proxy {
            true => open.ask_behind_proxy(sent).await,
            false => open.ask(sent).await,
        };
        if answer.is(202) && answer.header("idempotent-replayed").is_none() {
            open.note_order();
        }
        answer
    });
    judge(&text, &answer, is_behind_proxy);
}

/// Puts a key where its word stands.
pub(crate) fn put_key(text: &[u8], key: &str) -> Vec<u8> {
    let mut rest = text;
    let mut put = Vec::with_capacity(text.len() + key.len());
    while let Some(at) = rest.windows(KEY.len()).position(|word| word == KEY.as_bytes()) {
        put.extend(&rest[..at]);
        put.extend(key.as_bytes());
        rest = &rest[at + KEY.len()..];
    }
    put.extend(rest);
    put
}

fn parsed(text: &[u8]) -> Option<TestRequest> {
    let mut rest = text;
    let first = line(&mut rest);
    let mut words = first.splitn(3, |byte| *byte == b' ');
    let method = Method::from_bytes(words.next()?).ok()?;
    let uri = Uri::try_from(words.next()?).ok()?;
    let mut request = TestRequest::default().method(method).peer_addr("192.0.2.1:4711".parse().ok()?);
    // Over a wire there is always a path.
    request = request.uri(&uri.to_string());
    loop {
        let header = line(&mut rest);
        if header.is_empty() {
            break;
        }
        let Some(colon) = header.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&header[..colon]);
        let value = HeaderValue::from_bytes(header[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            request = request.append_header((name, value));
        }
    }
    Some(request.set_payload(rest.to_vec()))
}

fn line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let line = &rest[..end];
    *rest = &rest[(end + 1).min(rest.len())..];
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// What every answer has, whatever was asked.
pub(crate) fn judge(sent: &[u8], answer: &Answer, is_behind_proxy: bool) {
    let status = answer.status.as_u16();
    let text = || String::from_utf8_lossy(&answer.body[..answer.body.len().min(500)]).into_owned();
    assert!(status < 500 || status == 503, "{status}: {}", text());
    assert!(![429, 503].contains(&status) || answer.header("retry-after").is_some(), "{status} says no time");
    assert!(answer.header("x-request-id").is_some_and(|id| (1..=64).contains(&id.len())));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.status.is_success() || answer.body.len() <= (1 << 16) + 16 * sent.len(), "{}", answer.body.len());
    let body = unzipped(answer);
    match answer.header("content-type").unwrap_or_default() {
        "application/problem+json" => {
            let problem: Value = serde_json::from_slice(&body).expect("because a problem is JSON");
            assert_eq!(problem["status"], status);
            assert!(["title", "detail", "code"].iter().all(|field| problem[*field].is_string()), "{problem}");
        }
        "application/json" => drop(serde_json::from_slice::<Value>(&body).expect("because it says so")),
        kind if kind.starts_with("text/html") && answer.header("content-security-policy").is_some() => {
            let page = String::from_utf8(body).expect("because pages are UTF-8");
            // What was typed into a field stands in its own quotes.
            let page = page.replace("value=\"zz=", "value=\"");
            assert!(
                !page.contains("<zz") && !page.contains("'zz=") && !page.contains("\"zz="),
                "markup of a visitor's"
            );
        }
        _ => {}
    }
    if let Some(location) = answer.header("location") {
        let is_here = location.starts_with('/') && !location.starts_with("//") && !location.starts_with("/\\");
        let is_ours = is_behind_proxy && location.starts_with("https://tickets.example/");
        assert!(is_here || is_ours, "leads away: {location}");
    }
    for cookie in answer.headers.get_all("set-cookie").filter_map(|cookie| cookie.to_str().ok()) {
        assert!(["HttpOnly", "SameSite=Lax", "Path=/"].iter().all(|part| cookie.contains(part)), "{cookie}");
        assert_eq!(cookie.contains("Secure"), is_behind_proxy, "{cookie}");
    }
}

fn unzipped(answer: &Answer) -> Vec<u8> {
    if answer.header("content-encoding") != Some("gzip") {
        return answer.body.clone();
    }
    let mut body = Vec::new();
    GzDecoder::new(answer.body.as_slice()).read_to_end(&mut body).expect("because it was compressed");
    body
}
