//! Where the provider of payments tells that something happened. A notice is judged by its signature, written down durably and only
//! then answered 2xx; it proves nothing, so whoever reads it asks the provider. Who forges notices is counted, not logged one by one.
//!
//! The limits at the door are for visitors: what the provider has signed is taken however many come. Whoever says to be the provider
//! and is not is counted there as everybody, and refused as everybody when he comes too often.

use crate::{
    body,
    desk::{Desk, PATIENCE},
    door::OnProof,
    error::Problem,
};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    dev::ServiceRequest,
    http::{Method, header},
    web::{Data, Payload},
};
use metrics::counter;
use stampede_actors::{
    ports::{BadNotice, PaymentNotice},
    till::Noticed,
};
use stampede_domain::Millis;
use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

/// Where notices come.
pub(crate) const ADDRESS: &str = "/webhooks/payments";
/// Largest notice: the large providers' events are a few kilobytes.
const MAX_NOTICE: usize = 64 * 1024;
/// How often bad notices are logged: anybody can send them.
const SPEAKS: Duration = Duration::from_secs(60);

static BAD: AtomicU64 = AtomicU64::new(0);
static SPOKE_AT: AtomicI64 = AtomicI64::new(i64::MIN);

/// Takes a notice.
pub(crate) async fn take(desk: Data<Desk>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    let paying = &desk.shop.options.paying;
    let read = paying.read_notice.as_ref().ok_or_else(Problem::not_found)?;
    let signature = request.headers().get(paying.signature_header).and_then(|value| value.to_str().ok());
    let on_proof = request.extensions_mut().remove::<OnProof>();
    let notice = match body::raw(payload, MAX_NOTICE).await {
        Ok(body) => judged(&desk, read(desk.now(), signature.unwrap_or(""), &body)),
        Err(problem) => Err(problem),
    };
    // Who came too often and is not the provider hears what everybody hears.
    let notice = notice.map_err(|problem| on_proof.map_or(problem, OnProof::refuse))?;
    let Some(notice) = notice else { return Ok(taken("ignored")) };
    match desk.mailboxes.noticed.ask_within(PATIENCE, Noticed(notice)).await {
        Ok(Ok(())) => Ok(taken("kept")),
        // The provider sends it again, and the shop asks of itself meanwhile.
        Ok(Err(_)) | Err(_) => {
            count("not_kept");
            Err(Problem::notice_not_kept())
        }
    }
}

fn judged(desk: &Desk, read: Result<Option<PaymentNotice>, BadNotice>) -> Result<Option<PaymentNotice>, Problem> {
    read.map_err(|why| {
        refuse(desk.now(), &why);
        match why {
            BadNotice::Forged(_) => Problem::forged_notice(),
            BadNotice::Unreadable(_) => Problem::unreadable_notice(),
        }
    })
}

/// Whether a request may be the provider's, to be judged by its signature.
pub(crate) fn says_to_be_signed(desk: &Desk, request: &ServiceRequest) -> bool {
    let paying = &desk.shop.options.paying;
    paying.read_notice.is_some()
        && request.path() == ADDRESS
        && request.method() == Method::POST
        && request.headers().contains_key(paying.signature_header)
}

fn taken(what: &'static str) -> HttpResponse {
    count(what);
    HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, "no-store")).finish()
}

fn count(what: &'static str) {
    counter!("stampede_payment_notices_total", "outcome" => what).increment(1);
}

fn refuse(now: Millis, why: &BadNotice) {
    count(match why {
        BadNotice::Forged(_) => "forged",
        BadNotice::Unreadable(_) => "unreadable",
    });
    if let Some(since) = heard(now) {
        tracing::warn!(%why, notices = since, "notices of payments are not signed by the provider or cannot be read");
    }
}

/// Counts a bad notice; how many came since it was last spoken of, when it is time to speak again.
fn heard(now: Millis) -> Option<u64> {
    BAD.fetch_add(1, Ordering::Relaxed);
    let spoke = SPOKE_AT.load(Ordering::Relaxed);
    let is_time = spoke == i64::MIN || now.since(Millis(spoke)) >= SPEAKS;
    let is_mine = is_time && SPOKE_AT.compare_exchange(spoke, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    is_mine.then(|| BAD.swap(0, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_forged_notices_is_one_line_a_minute() {
        let lines = (0..180_000).filter(|ms| heard(Millis(1_000_000 + ms)).is_some()).count();
        assert_eq!(lines, 3);
    }
}
