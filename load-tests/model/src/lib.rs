//! The protocol in small worlds, explored exhaustively, with the very transitions that the shop runs.
//!
//! A sale of one pool with one to three orders, up to three requests for each, and everything that may happen to them, in every
//! order. [stateright](https://docs.rs/stateright) walks breadth first over all states, so the first trace to a broken law is
//! a shortest one. After *every* state the laws are judged ([`laws`]), and from every state the shop is left alone, without
//! clients, to see whether it comes to rest with every promise decided and nothing leaked (`recovery`).
//!
//! **It cannot drift from the code**, because it has no rules of its own. Every step that touches the ledger puts the state into a
//! real [`stampede_domain::ledger::PoolBook`], calls `claim`, `withdraw`, `promise`, `settle`, `pick`, `find`, `open` or the
//! dropping of notes, and takes the state out again (`book`). Every decision is made by [`stampede_domain::decide::decide`].
//! What is written here is the glue that `Inventory`, `OrderWriter` and `CacheSync` are in the shop (`shop`): who calls what when,
//! with whose answer.
//!
//! # What may happen
//!
//! * A request stops for ever, or for a while: a second one with the same key comes, promises and withdrawals arrive late.
//! * Any answer of the ledger is lost; a publish has an unknown outcome, landed or not, or is refused.
//! * A message is delivered again and again; the writer dies between commit and acknowledgement; it takes two at once.
//! * The writer sets a message aside; somebody replays it, any time, any number of times; fifteen minutes pass; the letter ends.
//! * A deadline passes, for each claim on its own, which is more than one clock could do. The ledger's clock stands still.
//! * A settlement stays in the network for ever: it arrives late, repeatedly, in any order, never.
//! * The reaper pauses between picking, asking the store and settling.
//! * The ledger is lost once. The rebuild waits for the writers, reads the bus, then raises the epoch and reads the store, then opens; anything happens in
//!   between, another keeper begins again, and old messages, requests and lists of keepers go on.
//! * The process dies, twice: requests, keepers, settlements and claims die with it, queue, dead letters and store do not.
//! * Notes are forgotten. Ids are dated as late as a key may be, or early.
//! * A key is used for another body or by another buyer. Buyers have limits. The organizer changes the capacity.
//!
//! Readers never see a decision turn into anything else. With one exception, which is counted: a book that was made while orders were
//! being decided may for a while hold a claim of an order that the store has decided, and shows it as pending until the next
//! sweep ([`laws::Law::PendingAgain`]).
//!
//! What the protocol *allows* after a loss ("when a 202 can end otherwise", ARCHITECTURE.md) is allowed in the worlds that name
//! it, and counted. Where it never happens, the permission is reported as given in vain.
//!
//! # What is not in it
//!
//! Several pools, back-pressure, the per-pool opening hours and pauses (the claim's order of refusals is a property test of
//! `domain`), seats (`domain` has none yet), the two-minute and 24-hour window of keys (`domain::key`), Redis (its
//! scripts are compared with the book in `backends`), and anything that takes actors, wires or disks: those are simulated and
//! broken elsewhere. Time has no length, only order; so nothing is said about how *long* anything takes.
//!
//! What becomes of an order that is paid online after it was reserved is a world of its own: [`paid`].
//!
//! # Bugs
//!
//! [`bug::Bug`] has the 42 mistakes that the protocol's first model caught (it stands beside the protocol, in another language),
//! the clauses of the protocol, each left out, and a few more, so that every law is seen to be broken by something. Each is let
//! loose in a small world that is sound without it ([`sabotage`]), and a law must notice. They are made in the glue: a wrong
//! argument, an answer not heeded, a step taken early, a state edited after the real transition. Five had to be more than their
//! names say, because the shop guards itself twice, and one is about holds:
//!
//! | bug | is here | because |
//! |---|---|---|
//! | `promise_no_deadline`, `drop_after_deadline` | ignore the reaper's mark, too | the mark alone makes them harmless |
//! | `reaper_no_deadline`, `clock_back` | pick without a mark, too | the mark alone makes them harmless |
//! | `epoch_first` | over an empty store nothing counts as forgotten, too | on servers a rebuilt book looks every old id up |
//! | `lapse_same_version` | a change of the capacity that keeps the version | no hold can lapse yet |
//!
//! "A buyer without units has the opening's version" has no bug here: in these worlds a buyer's units never shrink. "A key that
//! left its window" has none either: here the id *is* the key.
//!
//! # How to add a clause
//!
//! A rule of the ledger or the judge goes to `domain`, and is explored from then on. Something new that may happen is a variant of
//! `steps::Step`, enabled in `World::steps`, done in `shop`; what it has to remember goes to `state::State`, and `canonical`
//! says when two such memories are the same. Then a [`bug::Bug`] that leaves the clause out, a world for it in [`sabotage`], and one
//! in [`worlds`] where nothing may be found. `cargo test -p stampede-model` is the short form, `cargo run -p stampede-model` the
//! full one; `--only NAME` explores what has NAME in its name, `--json FILE` writes what was found.

mod book;
pub mod bug;
mod canonical;
pub mod explore;
pub mod laws;
pub mod paid;
mod recovery;
pub mod report;
pub mod sabotage;
mod shop;
mod state;
mod steps;
pub mod world;
pub mod worlds;
