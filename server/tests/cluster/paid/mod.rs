//! A sale of what is paid online, with real processes: a crowd that is larger than the sale, of whom a third never pays and a tenth
//! is declined, a provider that goes wrong in every way, and processes that are killed. When everything is sold and has come to rest,
//! the checker judges the shop's rows and the provider's own books by each other and by what buyers were told.
//!
//! | file | has |
//! |---|---|
//! | `crowd` | who comes when, and what they note |
//! | `buyer` | one buyer, from the first look to the ticket |
//! | `desk` | where they pay: the bank's pages of the embedded shop, or the hosted pages of a Stripe of our own |
//! | `embedded` | one process, killed in the sale |
//! | `servers` | two web nodes and two writers on Postgres, Redis and Pub/Sub, killed in the sale; the weather at Stripe |
//! | `rows` | what is written, as the checker reads it |
//! | `figures` | what it comes to |

mod buyer;
mod crowd;
mod desk;
mod embedded;
mod figures;
mod rows;
mod servers;

pub(crate) use figures::{Figures, print};

use crowd::Crowd;
use desk::Desk;
use stampede_checker::paid::{PaidBooks, PaidReport, judge_paid};
use stampede_domain::laws::Law;
use std::{collections::BTreeMap, net::SocketAddr, ops::Range, sync::Arc, time::Duration};
use tokio::time::Instant;

/// As `demo/frequency-festival.toml` says of VIP passes.
const LIMIT: u32 = 4;
/// How long the last ones may take to be paid, to run out and to have their money back once everything is sold.
const RESTS_WITHIN: Duration = Duration::from_mins(3);
/// How often it is looked whether it has.
const LOOKS: Duration = Duration::from_millis(500);

/// How large a sale is.
#[derive(Clone, Debug)]
pub(crate) struct Size {
    /// VIP passes.
    pub(crate) capacity: u32,
    /// People who want some.
    pub(crate) buyers: u64,
    /// How long they are held. A pool's row has seconds; an event's file has minutes.
    pub(crate) hold: Duration,
    /// Everyone has come by then.
    pub(crate) arrive_within: Duration,
    /// Who found nothing left comes back after so many milliseconds.
    pub(crate) back_after_ms: Range<u64>,
    /// A process is killed, or something like it, so often.
    pub(crate) every: Duration,
    /// How long one weather lasts at the provider.
    pub(crate) weather: Duration,
    pub(crate) sells_out_within: Duration,
    pub(crate) is_short: bool,
    /// How often each kind of accident has to happen, and each way in which the provider goes wrong.
    pub(crate) accidents: u64,
    /// After so many of them nothing is killed any more.
    pub(crate) most_accidents: u64,
    pub(crate) faults: u64,
    /// In how many of those ways it has to go wrong at all.
    pub(crate) kinds: u64,
}

/// How often what happened.
type Happened = BTreeMap<&'static str, u64>;

/// Everyone comes, and goes.
struct Sale {
    crowd: Arc<Crowd>,
    everyone: tokio::task::JoinSet<()>,
    began: Instant,
    size: Size,
}

impl Sale {
    fn begin(size: &Size, door: SocketAddr, desk: Desk, seed: u64) -> Self {
        let crowd = Crowd::new(size.clone(), door, desk);
        let everyone = crowd.come(seed);
        crowd.watch();
        Self { crowd, everyone, began: Instant::now(), size: size.clone() }
    }

    /// Whether everything is sold; how long it took is asserted here, because it is waited for here.
    fn is_sold_out(&self) -> bool {
        let waited = self.began.elapsed();
        assert!(
            waited < self.size.sells_out_within,
            "not sold out after {waited:?}: {:?} are sold, {:?}",
            self.crowd.sold(),
            self.crowd.happened()
        );
        self.crowd.is_over()
    }

    /// Waits until everyone has gone home, with tickets or without.
    async fn ends(&mut self) {
        let gone =
            async { while self.everyone.join_next().await.transpose().expect("a buyer stays calm").is_some() {} };
        tokio::time::timeout(RESTS_WITHIN, gone).await.expect("everyone goes home when everything is sold");
    }

    /// The verdict. What must not be ends the test, after it was said.
    fn judge(&self, books: &PaidBooks, accidents: &Happened, wrongs: &Happened, audit: &str, shown: u64) -> Figures {
        let mut judged = judge_paid(books, &self.crowd.stories());
        self.crowd.strange().into_iter().for_each(|what| judged.objects(Law::OneFate, what));
        let (sold, capacity) = (judged.counts.sold, u64::from(self.size.capacity));
        if (sold, shown) != (capacity, capacity) {
            let how = format!("{sold} of {capacity} are sold and {shown} shown as sold, while others wanted them");
            judged.objects(Law::NothingLeaks, how);
        }
        if !audit.contains(&format!("sold {sold}")) {
            judged.objects(Law::NothingLeaks, format!("{sold} are sold, and the audit says: {audit}"));
        }
        let happened = self.crowd.happened();
        self.wants(&mut judged, &happened, accidents, wrongs);
        Figures::of(&judged, &happened, accidents, wrongs, self.began.elapsed())
    }

    fn wants(&self, judged: &mut PaidReport, happened: &Happened, accidents: &Happened, wrongs: &Happened) {
        let size = &self.size;
        accidents.iter().for_each(|(what, times)| judged.wants(what, *times, size.accidents));
        wrongs.iter().for_each(|(what, times)| judged.wants(what, *times, size.faults));
        judged.wants(
            "ways in which the provider went wrong",
            wrongs.values().filter(|times| **times > 0).count() as u64,
            size.kinds,
        );
        let of = |what: &str| happened.get(what).copied().unwrap_or(0);
        let capacity = u64::from(size.capacity);
        judged.wants("people who came", of("came"), size.buyers);
        judged.wants("buyers who never pay", of("never pays"), capacity / 10);
        judged.wants("declined cards", of("declined"), capacity / 50);
        judged.wants("times somebody came back", of("came back"), size.buyers / 4);
        let counts = judged.counts.clone();
        judged.wants("orders that ran out", counts.expired, capacity / 10);
        judged.wants("orders given back by the organizer", counts.refunded_orders, capacity / 200);
        judged.wants("buyers told that their order is confirmed", counts.told_confirmed, counts.confirmed * 9 / 10);
        judged.wants("buyers told that their time is over", counts.told_expired, counts.expired / 10);
    }
}

/// In the embedded shop.
pub(crate) async fn in_one_process(size: &Size, seed: u64) -> Figures {
    embedded::run(size, seed).await
}

/// In a shop on servers.
pub(crate) async fn on_servers(size: &Size, seed: u64) -> Figures {
    servers::run(size, seed).await
}
