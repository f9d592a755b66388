//! Something done around every operation of a port: measuring it ([`crate::Timed`]), breaking it ([`crate::Flaky`],
//! or whatever a simulation puts there).
//!
//! The forwarding of each port is written once, below, for every kind of `around`.

use async_trait::async_trait;
use bytes::Bytes;
use stampede_actors::ports::{
    Audit, Backlog, BadNotice, BookedPayment, Bus, Catalogue, CatalogueSnapshot, ClaimOf, DeadLetter, Delivery,
    DeliveryId, Entry, HoldStore, HoldSums, HoldsChanged, Judgement, Ledger, LedgerSnapshot, Letter, MailKey, MailSums,
    Mailer, OrderRecord, OrderStore, Outbox, Outgoing, Owed, PaymentGateway, PaymentNotice, PoolOpening, PortFailure,
    PortResult, PromiseOf, ProviderPayment, RateLimits, Take, Taken, WantedPayment, Withdrawal,
};
use stampede_domain::{
    Decision, Event, EventSlug, Fingerprint, Hold, HoldChange, Millis, OrderId, PaymentId, PoolId, PoolNumbers,
    Settlement, WriterReport,
    event::Terms,
    ledger::{Broken, ClaimAnswer, Known, Opening, Picked, PromiseAnswer},
};
use std::{sync::Arc, time::Duration};

/// What is done around an operation.
pub trait Around: Send + Sync {
    /// Runs `call`, or not, and passes its answer on, or another. `operation` is the method's name.
    fn around<T: Send>(
        &self,
        operation: &'static str,
        call: impl Future<Output = PortResult<T>> + Send,
    ) -> impl Future<Output = PortResult<T>> + Send;
}

/// A port with something around it.
pub struct Surrounded<P: ?Sized, A> {
    pub(crate) port: Arc<P>,
    pub(crate) around: A,
}

impl<P: ?Sized, A> Surrounded<P, A> {
    /// Puts `around` around `port`.
    pub fn by(port: Arc<P>, around: A) -> Self {
        Self { port, around }
    }
}

/// One line a method: `name(arguments) -> answer`. It becomes `self.around.around("name", self.port.name(arguments))`.
macro_rules! forward {
    ($Port:ident { $($method:ident($($argument:ident: $Type:ty),*) -> $Answer:ty;)* $(+ $($more:tt)*)? }) => {
        #[async_trait]
        impl<P: $Port + ?Sized, A: Around> $Port for Surrounded<P, A> {
            $(
                async fn $method(&self, $($argument: $Type),*) -> PortResult<$Answer> {
                    self.around.around(stringify!($method), self.port.$method($($argument),*)).await
                }
            )*
            $($($more)*)?
        }
    };
}

forward!(Ledger {
    claim(claims: &[ClaimOf]) -> Vec<Option<ClaimAnswer>>;
    promise(promises: &[PromiseOf]) -> Vec<PromiseAnswer>;
    withdraw(withdrawals: &[Withdrawal]) -> ();
    settle(settlements: &[Settlement], report: Option<WriterReport>) -> Broken;
    pick(pool: PoolId, limit: usize) -> (u64, Vec<Picked>);
    claims_older_than(pool: PoolId, age: Duration, limit: usize) -> Vec<OrderId>;
    find(order: OrderId) -> Option<Known>;
    snapshot() -> LedgerSnapshot;
    set_terms(pool: PoolId, epoch: u64, revision: u64, terms: Terms) -> ();
    close(pool: PoolId, epoch: u64) -> ();
    open(pool: PoolId, opening: &Opening) -> ();
    +
    /// A wait, not an operation.
    async fn changed(&self) {
        self.port.changed().await;
    }
});

forward!(OrderStore {
    decide(now: Millis, entries: &[Entry]) -> Vec<Judgement>;
    unstorable(entries: &[Entry]) -> Vec<(usize, String)>;
    settlements(orders: &[OrderId]) -> Vec<Settlement>;
    changed_since(pool: PoolId, after: u64) -> (Settlement, u64);
    fates(orders: &[OrderId]) -> Vec<(OrderId, Fingerprint, Decision)>;
    find(order: OrderId) -> Option<OrderRecord>;
    open_pool(pool: PoolId, epoch: u64) -> Option<PoolOpening>;
    pool(pool: PoolId) -> (u64, PoolNumbers);
    audit() -> Vec<Audit>;
    rows_after(after: Option<OrderId>, limit: u32) -> Vec<OrderRecord>;
});

forward!(HoldStore {
    change(now: Millis, wanted: &[(OrderId, HoldChange)]) -> HoldsChanged;
    hold(order: OrderId) -> Option<Hold>;
    due(now: Millis, limit: u32) -> Vec<Hold>;
    hold_sums(now: Millis) -> HoldSums;
    payments_after(after: Option<&PaymentId>, limit: u32) -> Vec<BookedPayment>;
});

forward!(Outbox {
    take(now: Millis, lease: Duration, limit: u32) -> Vec<Owed>;
    sent(mails: &[MailKey], now: Millis) -> ();
    put_off(mail: MailKey, until: Millis) -> ();
    give_up(mail: MailKey, now: Millis, why: &str) -> ();
    orders_of(address: &str, limit: u32) -> Vec<OrderId>;
    mail_sums() -> MailSums;
});

forward!(Mailer {
    send(letter: &Letter) -> ();
});

forward!(RateLimits {
    take(asked: &[Take]) -> Vec<Taken>;
});

forward!(PaymentGateway {
    create(wanted: &WantedPayment) -> ProviderPayment;
    find(payment: &PaymentId) -> Option<ProviderPayment>;
    capture(payment: &PaymentId) -> Option<ProviderPayment>;
    cancel(payment: &PaymentId) -> Option<ProviderPayment>;
    refund(payment: &PaymentId, order: OrderId, minor: i64) -> Option<ProviderPayment>;
    made_since(since: Millis, after: Option<&PaymentId>, limit: u32) -> Vec<ProviderPayment>;
    +
    fn name(&self) -> &'static str {
        self.port.name()
    }

    /// Arithmetic, not an operation.
    fn read_notice(&self, now: Millis, signature: &str, body: &Bytes) -> Result<Option<PaymentNotice>, BadNotice> {
        self.port.read_notice(now, signature, body)
    }
});

forward!(Catalogue {
    revision() -> u64;
    snapshot() -> CatalogueSnapshot;
    apply(event: &Event) -> bool;
    apply_waiting(event: &EventSlug, revision: u64) -> ();
    set_paused(event: &EventSlug, paused: bool) -> bool;
});

forward!(Bus {
    pull(limit: usize) -> Vec<Delivery>;
    acknowledge(ids: &[DeliveryId]) -> ();
    release(ids: &[DeliveryId]) -> ();
    extend(ids: &[DeliveryId]) -> ();
    set_aside(letters: &[(DeliveryId, String)]) -> ();
    dead_letters(limit: usize) -> Vec<DeadLetter>;
    dead_letter(id: DeliveryId) -> Option<DeadLetter>;
    replay(ids: &[DeliveryId], why: &str) -> ();
    end_dead_letters(ends: &[(DeliveryId, String)]) -> ();
    forget_dead_letters(ended_before: Millis) -> u64;
    unconsumed() -> Option<Vec<Outgoing>>;
    backlog() -> Backlog;
    +
    /// A batch counts as failed when all of it failed; a failure from around is the failure of each message.
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<PortResult<()>> {
        let count = batch.len();
        let call = async { all_failed(self.port.publish(batch).await) };
        match self.around.around("publish", call).await {
            Ok(outcomes) => outcomes,
            Err(failure) => vec![Err(failure); count],
        }
    }

    /// The port is closed, whatever happens around it.
    async fn close(&self) {
        self.port.close().await;
    }
});

fn all_failed(outcomes: Vec<PortResult<()>>) -> PortResult<Vec<PortResult<()>>> {
    let first: Option<PortFailure> = outcomes.first().and_then(|outcome| outcome.clone().err());
    match first {
        Some(failure) if outcomes.iter().all(|outcome| outcome.as_ref() == Err(&failure)) => Err(failure),
        _ => Ok(outcomes),
    }
}
