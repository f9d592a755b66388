//! A mailroom over an outbox in memory, with a carrier that fails on demand.

use super::{Ground, Wishes, holds::FakeHolds, mailbox_of, pool, tasks};
use async_trait::async_trait;
use stampede_actors::{
    carrier::Logic,
    clock::Clock,
    gate::Gate,
    mailbox::Mailbox,
    mailroom::{Drain, Mailroom, MailroomParts, OrdersOf, SendLink},
    ports::{
        Attachment, Composer, Entry, Letter, MailKey, MailSums, Mailer, Occasion, OrderRecord, OrderStore, Outbox,
        Owed, PortFailure, PortResult,
    },
    tasks::Tasks,
};
use stampede_domain::{BuyerId, Contact, Event, Fingerprint, Hold, Intent, Millis, OrderId, OrderStatus, decide::Want};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// How a mail stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    Due(Millis, u32),
    Sent,
    GivenUp(String),
}

#[derive(Default)]
pub(crate) struct FakePost {
    pub(crate) outbox: Mutex<BTreeMap<MailKey, Stands>>,
    pub(crate) addresses: Mutex<Vec<(String, OrderId)>>,
    /// The outbox cannot be read or written.
    pub(crate) down: AtomicBool,
    /// The next so many notes of what was sent are lost.
    pub(crate) notes_lost: AtomicU64,
    /// How often mails were taken, and at most how many.
    pub(crate) takes: Mutex<Vec<u32>>,
    /// The ids of what the carrier was given, in that order, and of what he took.
    pub(crate) given: Mutex<Vec<String>>,
    pub(crate) carried: Mutex<Vec<String>>,
    /// What becomes of the next letters; afterwards of all: `always`.
    pub(crate) next: Mutex<VecDeque<PortResult<()>>>,
    pub(crate) always: Mutex<Option<PortFailure>>,
    /// How long a letter takes.
    pub(crate) takes_ms: AtomicU64,
    /// Letters on their way, and the most there ever were.
    pub(crate) on_their_way: AtomicU64,
    pub(crate) most_on_their_way: AtomicU64,
    /// Nothing can be written.
    pub(crate) speechless: AtomicBool,
}

impl FakePost {
    fn is_up(&self) -> PortResult<()> {
        if self.down.load(Ordering::Relaxed) {
            return Err(PortFailure::Unavailable("down on purpose".into()));
        }
        Ok(())
    }

    pub(crate) fn carried(&self) -> usize {
        self.carried.lock().unwrap().len()
    }

    pub(crate) fn stands(&self, order: OrderId) -> Stands {
        self.outbox.lock().unwrap()[&(order, Occasion::Confirmed)].clone()
    }
}

#[async_trait]
impl Outbox for FakePost {
    async fn take(&self, now: Millis, lease: Duration, limit: u32) -> PortResult<Vec<Owed>> {
        self.is_up()?;
        self.takes.lock().unwrap().push(limit);
        let mut taken = Vec::new();
        for (mail, stands) in self.outbox.lock().unwrap().iter_mut() {
            if let Stands::Due(due, attempts) = stands
                && *due <= now
                && taken.len() < limit as usize
            {
                let attempts = *attempts + 1;
                *stands = Stands::Due(now.plus(lease), attempts);
                taken.push(Owed { order: mail.0, occasion: mail.1, attempts });
            }
        }
        Ok(taken)
    }

    async fn sent(&self, mails: &[MailKey], _now: Millis) -> PortResult<()> {
        self.is_up()?;
        if self.notes_lost.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return Err(PortFailure::Unavailable("lost on purpose".into()));
        }
        self.outbox.lock().unwrap().extend(mails.iter().map(|mail| (*mail, Stands::Sent)));
        Ok(())
    }

    async fn put_off(&self, mail: MailKey, until: Millis) -> PortResult<()> {
        self.is_up()?;
        if let Some(Stands::Due(due, _)) = self.outbox.lock().unwrap().get_mut(&mail) {
            *due = until;
        }
        Ok(())
    }

    async fn give_up(&self, mail: MailKey, _now: Millis, why: &str) -> PortResult<()> {
        self.is_up()?;
        self.outbox.lock().unwrap().insert(mail, Stands::GivenUp(why.into()));
        Ok(())
    }

    async fn orders_of(&self, address: &str, limit: u32) -> PortResult<Vec<OrderId>> {
        self.is_up()?;
        let addresses = self.addresses.lock().unwrap();
        let newest = addresses.iter().rev().filter(|(of, _)| of == address).map(|(_, order)| *order);
        Ok(newest.take(limit as usize).collect())
    }

    async fn mail_sums(&self) -> PortResult<MailSums> {
        unreachable!("the mailroom adds nothing up")
    }
}

#[async_trait]
impl Mailer for FakePost {
    async fn send(&self, letter: &Letter) -> PortResult<()> {
        self.given.lock().unwrap().push(letter.id.clone());
        let now = self.on_their_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_on_their_way.fetch_max(now, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(self.takes_ms.load(Ordering::Relaxed))).await;
        self.on_their_way.fetch_sub(1, Ordering::Relaxed);
        let next = self.next.lock().unwrap().pop_front();
        let always = self.always.lock().unwrap().clone().map_or(Ok(()), Err);
        next.unwrap_or(always)?;
        self.carried.lock().unwrap().push(letter.id.clone());
        Ok(())
    }
}

impl Composer for FakePost {
    fn about_order(
        &self,
        occasion: Occasion,
        order: &OrderRecord,
        _hold: Option<&Hold>,
        event: &Event,
    ) -> Result<Letter, String> {
        assert_eq!((event.slug.as_str(), order.status), ("festival", OrderStatus::Confirmed));
        let to = order.contact.address().ok_or("no e-mail")?;
        self.letter(format!("{}.{}", order.order, occasion.as_str()), to)
    }

    fn orders_link(&self, address: &str, language: Option<&str>) -> Result<Letter, String> {
        self.letter(format!("link.{}", language.unwrap_or("-")), address.to_owned())
    }
}

impl FakePost {
    fn letter(&self, id: String, to: String) -> Result<Letter, String> {
        if self.speechless.load(Ordering::Relaxed) {
            return Err("speechless on purpose".into());
        }
        let attachments = vec![Attachment { name: "x.pdf".into(), media_type: "application/pdf", bytes: vec![1] }];
        Ok(Letter { id, to, subject: String::new(), text: String::new(), html: String::new(), attachments })
    }
}

/// A mailroom at work, and the shop around it.
pub(crate) struct MailDesk {
    pub(crate) ground: Ground,
    pub(crate) post: Arc<FakePost>,
    pub(crate) send_link: Mailbox<SendLink>,
    pub(crate) orders_of: Mailbox<OrdersOf>,
    pub(crate) drain: Mailbox<Drain>,
    pub(crate) tasks: Tasks,
}

impl MailDesk {
    pub(crate) fn open() -> Self {
        Self::on(Ground::new(Wishes { capacity: 10_000, ..Wishes::default() }), Arc::default(), true)
    }

    pub(crate) fn on(ground: Ground, post: Arc<FakePost>, sends_what_is_owed: bool) -> Self {
        let parts = MailroomParts {
            clock: Arc::clone(&ground.clock) as _,
            outbox: Arc::clone(&post) as _,
            store: Arc::clone(&ground.store) as _,
            holds: Arc::new(FakeHolds::new()),
            catalogue: Arc::clone(&ground.catalogue) as _,
            composer: Arc::clone(&post) as _,
            mailer: Arc::clone(&post) as _,
            sends_what_is_owed,
            settings: ground.settings,
            seed: 7,
        };
        let gate = Gate::new("mailroom", ground.settings.mailroom_mailbox_capacity);
        let tasks = tasks();
        let mailroom = Mailroom::new(parts, &gate, tasks.clone());
        let (send_link, orders_of, drain) =
            (mailbox_of(&gate, &mailroom), mailbox_of(&gate, &mailroom), mailbox_of(&gate, &mailroom));
        mailroom.begin();
        Self { ground, post, send_link, orders_of, drain, tasks }
    }

    /// So many confirmed orders of Eva's, with the mails they owe.
    pub(crate) async fn buys(&self, numbers: std::ops::Range<u32>) -> Vec<OrderId> {
        let now = self.ground.clock.now();
        let entries: Vec<_> = numbers.map(|number| entry(number, now)).collect();
        self.ground.store.decide(now, &entries).await.unwrap();
        let orders: Vec<_> = entries.iter().map(|entry| entry.intent.order).collect();
        for order in &orders {
            self.post.outbox.lock().unwrap().insert((*order, Occasion::Confirmed), Stands::Due(now, 0));
            self.post.addresses.lock().unwrap().push(("eva@example.org".into(), *order));
        }
        orders
    }
}

fn entry(number: u32, now: Millis) -> Entry {
    let id = u128::try_from(now.0).unwrap() << 80 | 0x7000_8000_0000_0000_0000 | u128::from(number);
    let contact = Contact { email: Some("Eva@Example.org".into()), ..Contact::default() };
    let intent = Intent {
        order: id.to_be_bytes().into(),
        pool: pool(),
        quantity: 1,
        buyer: BuyerId(1),
        fingerprint: Fingerprint(1),
        asked_at: now,
        contact,
        trace: None,
    };
    Entry { intent, want: Want::Place }
}
