//! Which panel moves when. A panel that nothing moves shows nothing, so each has its line here; the test wants it so.

use Moves::{Doubles, Falls, Rises};
use When::{
    ActorsPanic, BuyersAreRefused, CapacityIsCut, CrowdComes, EverybodyIsGone, K6Runs, LettersArePoison, NodesDie,
    NumbersAreFalse, PostgresDies, PubSubRefuses, RedisComesBack, RedisDies, RedisFreezes, RedisIsBusy, RedisIsEmptied,
    RedisIsFull, SaleIsPaused, SomebodyLocks, WriterDies, WritersFreeze,
};

/// What happens to the shops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    CrowdComes,
    BuyersAreRefused,
    SaleIsPaused,
    PubSubRefuses,
    SomebodyLocks,
    WriterDies,
    WritersFreeze,
    PostgresDies,
    RedisIsBusy,
    RedisFreezes,
    RedisDies,
    RedisComesBack,
    RedisIsEmptied,
    RedisIsFull,
    LettersArePoison,
    NumbersAreFalse,
    CapacityIsCut,
    ActorsPanic,
    K6Runs,
    NodesDie,
    EverybodyIsGone,
}

/// What one of a panel's series does then. A series that was not there was 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moves {
    Rises,
    /// Rises so far that it is no noise.
    Doubles,
    Falls,
}

/// Dashboard, panel, when, how.
#[rustfmt::skip]
pub(crate) const PANELS: &[(&str, &str, When, Moves)] = &[
    ("sale", "How is the sale?", SaleIsPaused, Rises),
    ("sale", "How long has it been open?", CrowdComes, Rises),
    ("sale", "How many tickets are sold?", CrowdComes, Rises),
    ("sale", "How many are free?", CrowdComes, Falls),
    ("sale", "What is that worth?", CrowdComes, Rises),
    ("sale", "Is any law broken?", NumbersAreFalse, Rises),
    ("sale", "Is any promise broken?", CapacityIsCut, Rises),
    ("sale", "What becomes of the tickets?", WritersFreeze, Doubles),
    ("sale", "How many orders are asked for each second, and what are they told?", CrowdComes, Doubles),
    ("sale", "Why are orders refused?", BuyersAreRefused, Doubles),
    ("sale", "Why are buyers asked to come again?", RedisFreezes, Doubles),
    ("sale", "What became of the orders that were taken?", CrowdComes, Doubles),

    ("api", "How many processes are there?", NodesDie, Falls),
    ("api", "What share of the requests goes wrong?", PubSubRefuses, Doubles),
    ("api", "How fast does the month's error budget burn?", PubSubRefuses, Rises),
    ("api", "How long does the slowest hundredth wait?", CrowdComes, Rises),
    ("api", "How many requests come, by route?", CrowdComes, Doubles),
    ("api", "How are they answered?", CrowdComes, Doubles),
    ("api", "How long do answers take?", SomebodyLocks, Rises),
    ("api", "How long does the slowest hundredth wait, by route?", CrowdComes, Doubles),
    ("api", "Which routes fail?", PubSubRefuses, Doubles),
    ("api", "Who is turned away for asking too often?", BuyersAreRefused, Doubles),
    ("api", "How much processor does each process use?", CrowdComes, Doubles),
    ("api", "How much memory does each process use?", CrowdComes, Rises),
    ("api", "How many files and connections are open?", CrowdComes, Rises),

    ("actors", "How full are the mailboxes?", RedisFreezes, Doubles),
    ("actors", "How deep are they?", RedisFreezes, Doubles),
    ("actors", "How many messages may they hold?", NodesDie, Falls),
    ("actors", "How many messages does each do?", CrowdComes, Doubles),
    ("actors", "What found no room?", RedisFreezes, Doubles),
    ("actors", "Which actors died and were replaced?", ActorsPanic, Rises),
    ("actors", "How long do messages wait?", CrowdComes, Doubles),
    ("actors", "How long is the work on them?", RedisFreezes, Doubles),
    ("actors", "How large are the batches?", CrowdComes, Doubles),
    ("actors", "How long does a batch take?", CrowdComes, Doubles),
    ("actors", "Why are batches closed?", CrowdComes, Doubles),

    ("cache", "Does Redis answer?", RedisDies, Falls),
    ("cache", "How many pools are closed?", RedisIsEmptied, Rises),
    ("cache", "How often was the ledger made again?", RedisComesBack, Rises),
    ("cache", "How full is Redis?", RedisIsFull, Doubles),
    ("cache", "How old is what each node shows?", RedisFreezes, Doubles),
    ("cache", "How long does the shop wait for the ledger?", CrowdComes, Doubles),
    ("cache", "How often does the ledger fail?", RedisFreezes, Doubles),
    ("cache", "How much of Redis's one thread do commands take?", RedisIsBusy, Doubles),
    ("cache", "How long does a script take in Redis?", RedisIsBusy, Doubles),
    ("cache", "How many commands does Redis get?", CrowdComes, Doubles),
    ("cache", "Does Redis know what it is asked for?", CrowdComes, Doubles),
    ("cache", "How many keys are there?", RedisIsEmptied, Falls),
    ("cache", "How much memory does it use?", CrowdComes, Rises),
    ("cache", "How many clients does it have?", NodesDie, Falls),
    ("cache", "Do the nodes share their limits?", RedisFreezes, Doubles),

    ("queue", "How many tickets are promised and not yet written?", WritersFreeze, Doubles),
    ("queue", "How old is the oldest order?", SomebodyLocks, Doubles),
    ("queue", "How many dead letters wait?", LettersArePoison, Rises),
    ("queue", "How many processes write?", NodesDie, Falls),
    ("queue", "Do the writers keep up?", CrowdComes, Doubles),
    ("queue", "How old was the oldest order?", SomebodyLocks, Doubles),
    ("queue", "How many messages wait?", SomebodyLocks, Doubles),
    ("queue", "How close are the writers to \"enough\"?", SomebodyLocks, Doubles),
    ("queue", "How long since a writer was heard of?", WritersFreeze, Doubles),
    ("queue", "How do the processes find the writers?", WritersFreeze, Rises),
    ("queue", "How many messages go in and out?", CrowdComes, Doubles),
    ("queue", "How long does publishing take?", PubSubRefuses, Rises),
    ("queue", "How many messages come again?", WriterDies, Doubles),
    ("queue", "How many messages were set aside, how many settlements dropped?", LettersArePoison, Rises),
    ("queue", "How often does the bus fail?", PubSubRefuses, Doubles),

    ("store", "Does Postgres answer?", PostgresDies, Falls),
    ("store", "How many orders are written?", CrowdComes, Doubles),
    ("store", "How long does the slowest hundredth of commits take?", SomebodyLocks, Doubles),
    ("store", "How many of Postgres's connections are taken?", NodesDie, Falls),
    ("store", "How long does a commit take?", CrowdComes, Doubles),
    ("store", "How many rows does a commit write, how many a second?", CrowdComes, Doubles),
    ("store", "How long does everything else take?", PostgresDies, Rises),
    ("store", "How often does the store fail?", PostgresDies, Doubles),
    ("store", "What do the connections do?", SomebodyLocks, Rises),
    ("store", "How many transactions end well, how many do not?", CrowdComes, Doubles),
    ("store", "What does Postgres itself say that is written?", CrowdComes, Doubles),
    ("store", "How many locks are held?", SomebodyLocks, Rises),
    ("store", "How large is the database?", CrowdComes, Rises),
    ("store", "How long until an order has its row?", CrowdComes, Doubles),
    ("store", "How full are the shop's own pools of connections?", SomebodyLocks, Rises),

    ("load-test", "How many requests were sent?", K6Runs, Rises),
    ("load-test", "Can this run be trusted?", K6Runs, Rises),
    ("load-test", "What share of the checks hold?", K6Runs, Rises),
    ("load-test", "What share of the answers was unexpected?", K6Runs, Rises),
    ("load-test", "How many requests does k6 send?", K6Runs, Rises),
    ("load-test", "What is it answered?", K6Runs, Rises),
    ("load-test", "How long does k6 wait for answers?", K6Runs, Rises),
    ("load-test", "How long does the shop itself say it takes?", CrowdComes, Rises),
    ("load-test", "Does k6 keep up?", K6Runs, Rises),
    ("load-test", "How many virtual users are there?", K6Runs, Rises),
    ("load-test", "How much goes over the wire?", K6Runs, Rises),
    ("load-test", "How long does a journey take?", K6Runs, Rises),
    ("load-test", "Do the shop and k6 count the same?", K6Runs, Rises),
];

/// Which alert is at least pending when; some wait for longer than this test.
pub(crate) const ALERTS: &[(&str, When)] = &[
    ("LawBroken", NumbersAreFalse),
    ("PromisesBroken", CapacityIsCut),
    ("DeadLetters", LettersArePoison),
    ("BacklogTooOld", SomebodyLocks),
    ("WritersSilent", WritersFreeze),
    ("MailboxAtItsLimit", RedisFreezes),
    ("SettlementsDropped", ActorsPanic),
    ("LedgerClosed", RedisIsEmptied),
    ("LedgerStale", RedisFreezes),
    ("LimitsNotShared", RedisFreezes),
    ("RedisMemoryLow", RedisIsFull),
    ("NodeDown", WriterDies),
    ("NobodyTakesOrders", EverybodyIsGone),
    ("NobodyWrites", EverybodyIsGone),
    ("ActorRestarts", ActorsPanic),
    ("PortFails", PubSubRefuses),
    ("ServerDown", PostgresDies),
    ("ErrorBudgetBurnsFast", PubSubRefuses),
    ("ErrorBudgetBurnsSlowly", PubSubRefuses),
];

/// A minute without a single promise is longer than this test has; it was followed by hand (its runbook says how).
pub(crate) const NOT_PROVOKED: &[&str] = &["SaleStandsStill"];
