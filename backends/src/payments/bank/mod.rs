//! A bank of our own, for demo and tests: it takes no money, and goes wrong in every way that a real one does.
//!
//! The shop sees a [`PaymentGateway`] like any other. The buyer's side is [`SimulatedBank::look`], `pay_with`, `answer_step` and
//! `go_back`, over which somebody renders the pages under `/bank/payments/{id}`. What a card does is its number's choice:
//! [`TEST_CARDS`].
//!
//! One payment is one record and one rule (`record`); a keeper (`keeper`) stores records, in `bank.db` or in memory. Of a card
//! the brand and the last four digits are kept; nothing is logged.
//!
//! Absent: fees, disputes, partial captures, several processes at one file (see [`super`]).

mod cards;
mod file;
mod keeper;
#[cfg(any(test, feature = "memory"))]
mod memory;
mod news;
mod record;
#[cfg(test)]
mod tests;

pub use cards::{Card, CardProblem, TEST_CARDS, TestCard};

use super::signature::NoticeSecrets;
use crate::sqlite::{OpenError, Trouble};
use async_trait::async_trait;
use bytes::Bytes;
use file::BankFile;
use keeper::Keeper;
use news::News;
use record::{Act, Came, Record};
use stampede_actors::{
    clock::SharedClock,
    ports::{
        BadNotice, PaymentGateway, PaymentNotice, PaymentState, PortFailure, PortResult, ProviderPayment, WantedPayment,
    },
};
use stampede_domain::{Millis, OrderId, PaymentId};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// How long things take at the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BankTimes {
    /// Until a slow card's answer.
    pub slow: Duration,
    /// Until a late card's. For the tale of the money that comes too late: longer than the shop waits.
    pub late: Duration,
    /// Until a notice, when the buyer is already back. The second of two, and one that others overtake, take ten times as long.
    pub notice: Duration,
}

impl Default for BankTimes {
    fn default() -> Self {
        Self { slow: Duration::from_secs(4), late: Duration::from_secs(60), notice: Duration::from_millis(300) }
    }
}

/// What the buyer has to do at the bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BankStep {
    /// Give a card.
    NeedsCard,
    /// Say whether it is he who pays with the card that ends so.
    NeedsStep {
        /// The last four digits.
        card_ending: String,
    },
    /// Nothing: back to the shop.
    Done(PaymentState),
}

/// A payment, as its buyer sees it at the bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtTheBank {
    /// The payment.
    pub payment: ProviderPayment,
    /// What for, in the shop's words.
    pub what_for: String,
    /// What is to be done.
    pub step: BankStep,
}

/// The bank. Clones are the same bank.
#[derive(Clone)]
pub struct SimulatedBank {
    keeper: Arc<dyn Keeper>,
    file: Option<Arc<BankFile>>,
    clock: SharedClock,
    times: BankTimes,
    secrets: Arc<NoticeSecrets>,
    news: News,
}

impl SimulatedBank {
    /// Opens or creates `bank.db` in a directory. `tell` hears of everything that happens to a payment, as soon as it does or
    /// later, once or twice; what it has no room for is lost, as notices are. `notice_secret` signs those that go by HTTP.
    ///
    /// # Errors
    /// [`OpenError`] with the file and the way out.
    pub async fn open(
        directory: &Path,
        clock: SharedClock,
        times: BankTimes,
        notice_secret: &str,
        tell: mpsc::Sender<PaymentNotice>,
    ) -> Result<Self, OpenError> {
        let file = Arc::new(BankFile::open(directory).await?);
        let keeper: Arc<dyn Keeper> = Arc::<BankFile>::clone(&file);
        Ok(Self { file: Some(file), ..Self::over(keeper, clock, times, notice_secret, tell) })
    }

    /// A bank that is forgotten with its last clone.
    #[cfg(any(test, feature = "memory"))]
    #[must_use]
    pub fn in_memory(
        clock: SharedClock,
        times: BankTimes,
        notice_secret: &str,
        tell: mpsc::Sender<PaymentNotice>,
    ) -> Self {
        Self::over(Arc::new(memory::BankMemory::default()), clock, times, notice_secret, tell)
    }

    fn over(
        keeper: Arc<dyn Keeper>,
        clock: SharedClock,
        times: BankTimes,
        notice_secret: &str,
        tell: mpsc::Sender<PaymentNotice>,
    ) -> Self {
        let secrets = Arc::new(NoticeSecrets::new(&[notice_secret.to_owned()]));
        Self { keeper, file: None, clock, times, secrets, news: News::new(tell, times) }
    }

    /// Whether the file can still be written; a bank in memory has no such trouble.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        self.file.as_ref().map(|file| file.trouble())
    }

    /// Lets go of the file.
    pub async fn close(&self) {
        if let Some(file) = &self.file {
            file.close().await;
        }
    }

    /// How a payment stands with its buyer; `None`: there is none of that name.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn look(&self, payment: &PaymentId) -> PortResult<Option<AtTheBank>> {
        let found = self.keeper.find(payment).await?;
        Ok(found.map(|record| self.seen(&record)))
    }

    /// The buyer gives a card. Of two the first counts.
    ///
    /// # Errors
    /// `Unavailable`, `Unknown`: the buyer may try again.
    pub async fn pay_with(&self, payment: &PaymentId, card: Card) -> PortResult<Option<AtTheBank>> {
        self.buyers(payment, Act::Pay(card, self.times)).await
    }

    /// The buyer says whether it is he.
    ///
    /// # Errors
    /// As [`pay_with`](Self::pay_with).
    pub async fn answer_step(&self, payment: &PaymentId, accepted: bool) -> PortResult<Option<AtTheBank>> {
        self.buyers(payment, Act::Answer(accepted)).await
    }

    /// The buyer goes back to the shop without paying.
    ///
    /// # Errors
    /// As [`pay_with`](Self::pay_with).
    pub async fn go_back(&self, payment: &PaymentId) -> PortResult<Option<AtTheBank>> {
        self.buyers(payment, Act::GoBack).await
    }

    /// A notice as it goes by HTTP: the signature's header and the body. `None` without a secret.
    #[must_use]
    pub fn sign(&self, notice: &PaymentNotice) -> Option<(String, Bytes)> {
        news::signed(&self.secrets, self.clock.now(), notice)
    }

    async fn buyers(&self, payment: &PaymentId, act: Act) -> PortResult<Option<AtTheBank>> {
        Ok(self.act(payment, act).await?.map(|record| self.seen(&record)))
    }

    async fn shops(&self, payment: &PaymentId, act: Act) -> PortResult<Option<ProviderPayment>> {
        Ok(self.act(payment, act).await?.map(|record| record.told(self.clock.now())))
    }

    async fn act(&self, payment: &PaymentId, act: Act) -> PortResult<Option<Record>> {
        let now = self.clock.now();
        let Some(change) = self.keeper.change(payment, now, act).await? else { return Ok(None) };
        self.news.tell(now, &change.before, &change.after);
        match change.came {
            Came::Done => Ok(Some(change.after)),
            Came::Fails(failure) => Err(failure),
        }
    }

    fn seen(&self, record: &Record) -> AtTheBank {
        let payment = record.told(self.clock.now());
        let step = match (record.asks_about(), payment.state) {
            (Some(ending), _) => BankStep::NeedsStep { card_ending: ending.to_owned() },
            (None, PaymentState::AwaitsBuyer) => BankStep::NeedsCard,
            (None, state) => BankStep::Done(state),
        };
        AtTheBank { payment, what_for: record.what_for.clone(), step }
    }
}

#[async_trait]
impl PaymentGateway for SimulatedBank {
    fn name(&self) -> &'static str {
        "simulated"
    }

    async fn create(&self, wanted: &WantedPayment) -> PortResult<ProviderPayment> {
        if wanted.amount.minor <= 0 {
            return Err(PortFailure::Impossible("the simulated bank: a payment is of more than nothing".into()));
        }
        let now = self.clock.now();
        let record = self.keeper.open(Record::new(now, wanted)).await?;
        if record.is(wanted) {
            Ok(record.told(now))
        } else {
            Err(PortFailure::Impossible("the simulated bank: the key was used for another payment".into()))
        }
    }

    async fn find(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        Ok(self.keeper.find(payment).await?.map(|record| record.told(self.clock.now())))
    }

    async fn capture(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        self.shops(payment, Act::Capture).await
    }

    async fn cancel(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        self.shops(payment, Act::Cancel).await
    }

    async fn refund(&self, payment: &PaymentId, order: OrderId, minor: i64) -> PortResult<Option<ProviderPayment>> {
        match self.keeper.find(payment).await? {
            Some(record) if record.order != order => {
                Err(PortFailure::Impossible("the simulated bank: the payment is another order's".into()))
            }
            Some(_) => self.shops(payment, Act::Refund(minor)).await,
            None => Ok(None),
        }
    }

    async fn made_since(
        &self,
        since: Millis,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> PortResult<Vec<ProviderPayment>> {
        let now = self.clock.now();
        Ok(self.keeper.since(since, after, limit).await?.iter().map(|record| record.told(now)).collect())
    }

    fn read_notice(&self, now: Millis, signature: &str, body: &Bytes) -> Result<Option<PaymentNotice>, BadNotice> {
        self.secrets.check(now, signature, body)?;
        news::read(body)
    }
}
