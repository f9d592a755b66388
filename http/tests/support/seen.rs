//! Every status that the API of paid orders gives, tried: the description has to know them all, and no other.

use super::{Says, Script, hold, k, key};
use actix_web::test::TestRequest;
use serde_json::json;
use stampede_actors::till::TillAnswer;
use stampede_domain::{HoldRefused, OrderStatus};
use stampede_http::{
    ShopOptions,
    paying::{OrganizerToken, Paying},
};

/// What was asked for, and the status that it got.
pub(crate) async fn payments() -> Vec<(&'static str, u16)> {
    let mut seen = Vec::new();
    let k = k().await;
    for what in ["payment", "extend", "cancel", "refund"] {
        let reads_a_body = what == "payment" || what == "refund";
        let to = |order: &str| {
            let request = TestRequest::post().uri(&format!("/api/v1/orders/{order}/{what}?k={k}"));
            request.insert_header(("Authorization", "Bearer the-token"))
        };
        let good = || {
            if what == "refund" {
                to(&key().to_string()).set_json(json!({"reason": "x"}))
            } else {
                to(&key().to_string())
            }
        };
        let status = if what == "refund" { OrderStatus::Refunded } else { OrderStatus::Cancelled };
        let told = |answer| organized(Script::holding([hold(OrderStatus::Reserved)]).told(answer));
        let mut tries = vec![
            (
                organized(Script::holding([hold(status)])),
                if what == "payment" { good().set_json(json!({"attempt": 1})) } else { good() },
            ),
            (told(TillAnswer::Refused(HoldRefused::PaymentUnderWay)), good()),
            (told(TillAnswer::Refused(HoldRefused::OutOfTime)), good()),
            (told(TillAnswer::Unsure), good()),
            (organized(Script::new()), good()),
            (organized(Script { till: Says::Full, ..Script::new() }), good()),
            (
                organized(Script::new()),
                if what == "refund" { to("x").set_json(json!({"reason": "x"})) } else { to("x") },
            ),
            (Script::new(), TestRequest::post().uri(&format!("/api/v1/orders/{}/{what}", key()))),
        ];
        if what == "payment" {
            tries.push((organized(Script::holding([super::paying(Some("/bank/payments/p"))])), good()));
        }
        if reads_a_body {
            let kind = ("Content-Type", "application/json");
            for body in ["{".to_owned(), "x".repeat(20_000)] {
                tries.push((organized(Script::new()), to(&key().to_string()).insert_header(kind).set_payload(body)));
            }
            tries.push((organized(Script::new()), to(&key().to_string()).set_payload("{}")));
        }
        if what == "refund" {
            let other = TestRequest::post().uri(&format!("/api/v1/orders/{}/{what}", key()));
            tries.push((organized(Script::new()), other.insert_header(("Authorization", "Bearer other"))));
        }
        for (script, request) in tries {
            seen.push((what, script.ask(request).await.status.as_u16()));
        }
    }
    seen
}

fn organized(script: Script) -> Script {
    let paying = Paying { organizer: Some(OrganizerToken::new("the-token")), ..Paying::default() };
    Script { options: ShopOptions { paying, max_watchers: 1, ..ShopOptions::default() }, ..script }
}
