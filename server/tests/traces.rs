//! Traces leave the process when an endpoint is set, from the door to the store.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
};
use support::{Shop, json, key};

/// A collector that keeps what it is sent (OTLP over HTTP: names and ids stand in the protobuf as they are).
fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let (mut connection, keep) = (connection.unwrap(), Arc::clone(&keep));
            std::thread::spawn(move || {
                let mut bytes = [0; 65_536];
                while let Ok(read @ 1..) = connection.read(&mut bytes) {
                    keep.lock().unwrap().extend_from_slice(&bytes[..read]);
                    // Each request is answered at least once; the exporter reads what it needs.
                    let answer =
                        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                    if connection.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, kept)
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_from_outside_goes_on_through_door_bus_and_store() {
    let (endpoint, kept) = collector();
    let mut shop = Shop::closed(&[("STAMPEDE_OTLP_ENDPOINT", &endpoint)]);
    shop.start().await;
    let trace: [u8; 16] = *b"\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36";
    let request = shop.client.post(shop.url("/api/tickets/buy")).header("content-type", "application/json");
    let request = request.header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let answer = request.header("idempotency-key", key()).body(r#"{"userId":"eva"}"#).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 202, "{}", json(answer).await);
    shop.until_quiet().await;
    assert!(shop.stop().success());

    let sent = kept.lock().unwrap();
    assert!(contains(&sent, &trace), "the trace from outside is not continued");
    for span in ["request", "claim", "publish", "write", "decide"] {
        assert!(contains(&sent, span.as_bytes()), "no span {span} was sent");
    }
}
