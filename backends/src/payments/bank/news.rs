//! What the bank reports, and when: as badly as the card wants it.

use super::{BankTimes, cards::Notices, record::Record};
use crate::payments::signature::{NoticeSecrets, unreadable};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use stampede_actors::ports::{BadNotice, PaymentNotice};
use stampede_domain::{Millis, OrderId, PaymentId};
use std::time::Duration;
use tokio::{sync::mpsc, time::sleep};

/// What a notice is about, as Stripe names such things.
const CHANGED: &str = "payment.changed";

/// Sends notices. Those that wait are forgotten when the process ends: whoever relies on them would lose orders, and is to be
/// found out.
#[derive(Clone)]
pub(super) struct News {
    tell: mpsc::Sender<PaymentNotice>,
    times: BankTimes,
}

impl News {
    pub(super) fn new(tell: mpsc::Sender<PaymentNotice>, times: BankTimes) -> Self {
        Self { tell, times }
    }

    /// Reports a change, or nothing when nothing moved.
    pub(super) fn tell(&self, now: Millis, before: &Record, after: &Record) {
        if !after.has_moved_from(before) {
            return;
        }
        let (soon, late) = (self.times.notice, 10 * self.times.notice);
        let delays: &[Duration] = match after.notices() {
            Notices::Once => &[soon],
            Notices::Twice => &[soon, late],
            Notices::First => &[Duration::ZERO],
            Notices::OutOfOrder if after.is_captured() => &[Duration::ZERO],
            Notices::OutOfOrder => &[late],
            Notices::Never => &[],
        };
        let by_itself = after.moves_at().map(|at| at.since(now) + soon);
        for delay in delays.iter().copied().chain(by_itself) {
            self.send_in(delay, after.notice());
        }
    }

    fn send_in(&self, delay: Duration, notice: PaymentNotice) {
        let tell = self.tell.clone();
        let send = move || {
            if tell.try_send(notice).is_err() {
                tracing::debug!("nobody takes the notice of a payment");
            }
        };
        if delay.is_zero() {
            send();
        } else {
            drop(tokio::spawn(async move {
                sleep(delay).await;
                send();
            }));
        }
    }
}

/// A notice as it goes by HTTP.
#[derive(Serialize, Deserialize)]
struct Body {
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<About>,
}

#[derive(Serialize, Deserialize)]
struct About {
    payment: PaymentId,
    order: OrderId,
    attempt: u32,
}

pub(super) fn signed(secrets: &NoticeSecrets, now: Millis, notice: &PaymentNotice) -> Option<(String, Bytes)> {
    let PaymentNotice { payment, order, attempt } = notice.clone();
    let body = Body { r#type: CHANGED.to_owned(), about: Some(About { payment, order, attempt }) };
    let body = Bytes::from(serde_json::to_vec(&body).ok()?);
    Some((secrets.sign(now, &body)?, body))
}

pub(super) fn read(body: &Bytes) -> Result<Option<PaymentNotice>, BadNotice> {
    let body: Body = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let about = body.about.filter(|_| body.r#type == CHANGED);
    Ok(about.map(|About { payment, order, attempt }| PaymentNotice { payment, order, attempt }))
}
