//! A payment provider with books of its own: the other side of every comparison.
//!
//! It does what its [`Story`] says of each payment, and no more: a payment's state follows from the time. It is no nice one:
//! what is asked for under a new key is done anew, also when that gives back more than was taken.

use super::{
    customer::Customer,
    story::{Story, WhenCancelled, Word},
};
use crate::fate::Fate;
use async_trait::async_trait;
use bytes::Bytes;
use stampede_actors::ports::{
    BadNotice, PaymentGateway, PaymentNotice, PaymentState, PortFailure, PortResult, ProviderPayment, WantedPayment,
};
use stampede_domain::{Decline, Millis, OrderId, PaymentId};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::mpsc::UnboundedSender, time::Instant};

/// A payment in the provider's books.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) payment: ProviderPayment,
    pub(crate) story: Story,
    made_at: u64,
    /// When it takes money that it said it would not.
    takes_at: Option<u64>,
    /// When it was captured, declined or authorized.
    pub(crate) has_word_at: Option<u64>,
    /// How often money went back.
    pub(crate) refunds: u32,
    /// What was asked for under each key.
    given_back: BTreeMap<String, i64>,
}

/// The provider.
pub(crate) struct Bank {
    accounts: Mutex<BTreeMap<PaymentId, Account>>,
    keys: Mutex<BTreeMap<String, PaymentId>>,
    customers: BTreeMap<OrderId, Vec<Story>>,
    began: Instant,
    now: Box<dyn Fn() -> Millis + Send + Sync>,
    fate: Arc<Fate>,
    notices: UnboundedSender<(u64, PaymentNotice)>,
}

impl Bank {
    /// A provider for these buyers, which sends its notices, each with its moment, into a channel.
    pub(crate) fn new(
        customers: &[Customer],
        now: impl Fn() -> Millis + Send + Sync + 'static,
        fate: &Arc<Fate>,
        notices: UnboundedSender<(u64, PaymentNotice)>,
    ) -> Arc<Self> {
        Arc::new(Self {
            accounts: Mutex::default(),
            keys: Mutex::default(),
            customers: customers.iter().map(|customer| (customer.order, customer.stories.clone())).collect(),
            began: Instant::now(),
            now: Box::new(now),
            fate: Arc::clone(fate),
            notices,
        })
    }

    /// All payments of an order as they stand now.
    pub(crate) fn of(&self, order: OrderId) -> Vec<Account> {
        let now = self.at_ms();
        let mut accounts = self.accounts();
        let own = accounts.values_mut().filter(|account| account.payment.order == order);
        own.map(|account| {
            account.pass(now);
            account.clone()
        })
        .collect()
    }

    /// All payments as they stand now.
    pub(crate) fn all(&self) -> Vec<Account> {
        let now = self.at_ms();
        self.accounts().values_mut().for_each(|account| account.pass(now));
        self.accounts().values().cloned().collect()
    }

    /// When nothing changes any more unless the shop does something.
    pub(crate) fn is_quiet_at(&self) -> u64 {
        self.accounts().values().map(Account::is_quiet_at).max().unwrap_or_default()
    }

    fn accounts(&self) -> MutexGuard<'_, BTreeMap<PaymentId, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Does something with a payment that it knows.
    fn with(
        &self,
        payment: &PaymentId,
        operation: &'static str,
        act: impl FnOnce(&mut Account, u64),
    ) -> Option<ProviderPayment> {
        let now = self.at_ms();
        let mut accounts = self.accounts();
        let account = accounts.get_mut(payment)?;
        account.pass(now);
        if account.is_forgotten(now) {
            return None;
        }
        act(account, now);
        let answer = account.payment.clone();
        drop(accounts);
        let ProviderPayment { state, captured, refunded, .. } = &answer;
        self.fate.note(&("bank", operation, payment.as_str(), format!("{state:?}"), *captured, *refunded));
        Some(answer)
    }

    fn tell(&self, at: u64, account: &Account) {
        let ProviderPayment { id, order, attempt, .. } = &account.payment;
        let notice = PaymentNotice { payment: id.clone(), order: *order, attempt: *attempt };
        self.notices.send((at, notice)).unwrap_or_default();
    }

    fn open(&self, wanted: &WantedPayment, story: Story) -> Account {
        let made_at = self.at_ms();
        let number = self.accounts().len() + 1;
        let id = PaymentId::new(format!("pi_{number}")).expect("because it is a name");
        let account = Account {
            payment: ProviderPayment {
                page: Some(format!("https://bank.example/{id}")),
                id,
                order: wanted.order,
                attempt: wanted.attempt,
                amount: wanted.amount,
                state: PaymentState::AwaitsBuyer,
                captured: 0,
                refunded: 0,
                created_at: (self.now)(),
            },
            made_at,
            takes_at: None,
            has_word_at: None,
            refunds: 0,
            given_back: BTreeMap::new(),
            story,
        };
        self.announce(&account);
        account
    }

    /// Notices follow from the story. Of what nobody could know otherwise there is one in any case.
    fn announce(&self, account: &Account) {
        let story = &account.story;
        let happens_at = story.has_word_at(account.made_at);
        for after in story.notices.iter().filter(|_| story.word != Word::None) {
            self.tell(happens_at.saturating_add_signed(*after), account);
        }
        if let Some((from, span)) = story.forgotten {
            self.tell((account.made_at + from + span).max(happens_at) + 1, account);
        }
    }
}

impl Account {
    /// Lets the time pass up to `now`.
    fn pass(&mut self, now: u64) {
        if self.takes_at.is_some_and(|at| at <= now) {
            let at = self.takes_at.take().unwrap_or(now);
            self.capture(at);
        }
        if !matches!(self.payment.state, PaymentState::AwaitsBuyer | PaymentState::Processing) {
            return;
        }
        let (begins_at, has_word_at) = (self.story.begins_at(self.made_at), self.story.has_word_at(self.made_at));
        match self.story.word {
            Word::None | Word::Refused => {}
            Word::Approved if has_word_at <= now && self.story.captures_itself => self.capture(has_word_at),
            Word::Approved if has_word_at <= now => self.end(PaymentState::Authorized, has_word_at),
            Word::Declined(why) if has_word_at <= now => self.end(PaymentState::Failed(why), has_word_at),
            _ if begins_at <= now => self.payment.state = PaymentState::Processing,
            _ => {}
        }
    }

    fn end(&mut self, state: PaymentState, at: u64) {
        self.payment.state = state;
        self.payment.page = None;
        self.has_word_at = Some(at);
    }

    fn capture(&mut self, at: u64) {
        self.end(PaymentState::Captured, at);
        self.payment.captured = self.payment.amount.minor + self.story.differs_by;
    }

    fn cancel(&mut self, now: u64) {
        match (self.payment.state, self.story.when_cancelled) {
            (PaymentState::Captured | PaymentState::Failed(_), _) => {}
            (PaymentState::Processing, _) if !self.story.stops_thinking => {}
            (_, WhenCancelled::Obeys) => self.end(PaymentState::Failed(Decline::Cancelled), now),
            (_, WhenCancelled::WasFaster) => self.capture(now),
            (_, WhenCancelled::TakesItLater { after }) => {
                self.end(PaymentState::Failed(Decline::Cancelled), now);
                self.takes_at = Some(now + after);
            }
        }
    }

    /// Whatever was taken already: a provider that checks nothing.
    fn give_back(&mut self, key: String, minor: i64) {
        let given = self.given_back.entry(key).or_default();
        if minor > *given {
            self.payment.refunded += minor - *given;
            *given = minor;
            self.refunds += 1;
        }
    }

    fn is_forgotten(&self, now: u64) -> bool {
        let is_in_the_gap = |(from, span)| (self.made_at + from..self.made_at + from + span).contains(&now);
        self.payment.captured == 0 && self.story.forgotten.is_some_and(is_in_the_gap)
    }

    /// Whether the provider ever denied it, or went back on its word: then the shop may have believed that.
    pub(crate) fn is_unreliable(&self) -> bool {
        self.story.forgotten.is_some() || self.story.when_cancelled_it_lies()
    }

    /// Whether money may come of it yet, or has come and is what was asked for.
    pub(crate) fn may_pay(&self) -> bool {
        match self.payment.state {
            PaymentState::Failed(_) => false,
            PaymentState::Captured => self.payment.captured == self.payment.amount.minor,
            _ => true,
        }
    }

    fn is_quiet_at(&self) -> u64 {
        let remembered = self.story.forgotten.map_or(0, |(from, span)| self.made_at + from + span);
        let word = if self.story.word == Word::None { 0 } else { self.story.has_word_at(self.made_at) };
        remembered.max(word).max(self.takes_at.unwrap_or_default())
    }
}

impl Story {
    fn when_cancelled_it_lies(&self) -> bool {
        matches!(self.when_cancelled, WhenCancelled::TakesItLater { .. })
    }
}

#[async_trait]
impl PaymentGateway for Bank {
    fn name(&self) -> &'static str {
        "model"
    }

    async fn create(&self, wanted: &WantedPayment) -> PortResult<ProviderPayment> {
        let key = wanted.key();
        let known = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            // The key is remembered even while the payment is not.
            let now = self.at_ms();
            let mut accounts = self.accounts();
            let account = accounts.get_mut(&known).expect("because keys name accounts");
            account.pass(now);
            return Ok(account.payment.clone());
        }
        let stories = self.customers.get(&wanted.order).map(Vec::as_slice).unwrap_or_default();
        let nth = usize::try_from(wanted.attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        let Some(story) = stories.get(nth).or(stories.last()) else {
            return Err(PortFailure::Impossible("an order that nobody has".into()));
        };
        if story.word == Word::Refused {
            return Err(PortFailure::Impossible("the provider makes no such payment".into()));
        }
        let account = self.open(wanted, story.clone());
        let payment = account.payment.clone();
        self.fate.note(&("bank", "create", payment.id.as_str(), &key));
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key, payment.id.clone());
        self.accounts().insert(payment.id.clone(), account);
        Ok(payment)
    }

    async fn find(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        Ok(self.with(payment, "find", |_, _| {}))
    }

    async fn capture(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        let capture = |account: &mut Account, now| {
            if account.payment.state == PaymentState::Authorized {
                account.capture(now);
            }
        };
        Ok(self.with(payment, "capture", capture))
    }

    async fn cancel(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        let answer = self.with(payment, "cancel", Account::cancel);
        let takes_later = self.accounts().get(payment).and_then(|account| Some((account.takes_at?, account.clone())));
        if let Some((at, account)) = takes_later {
            self.tell(at + 1, &account);
        }
        Ok(answer)
    }

    async fn refund(&self, payment: &PaymentId, order: OrderId, minor: i64) -> PortResult<Option<ProviderPayment>> {
        let key = format!("refund:{order}:{payment}");
        Ok(self.with(payment, "refund", |account, _| account.give_back(key, minor)))
    }

    async fn made_since(
        &self,
        since: Millis,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> PortResult<Vec<ProviderPayment>> {
        let made = self.all().into_iter().map(|account| account.payment);
        let mut later: Vec<_> = made.filter(|payment| payment.created_at >= since).collect();
        later.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        let from = after.and_then(|after| later.iter().position(|payment| payment.id == *after)).map_or(0, |at| at + 1);
        Ok(later.into_iter().skip(from).take(limit as usize).collect())
    }

    fn read_notice(&self, _: Millis, _: &str, _: &Bytes) -> Result<Option<PaymentNotice>, BadNotice> {
        // They come as what they say, not as bytes.
        Ok(None)
    }
}
