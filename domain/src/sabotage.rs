//! Deliberate faults in the shop itself, one at a time, to show that the simulation notices them.
//!
//! Compiled only with the feature `sabotage`, which nothing but `load-tests/simulation` turns on, for a build of its own: no
//! product has a line of this. Each switch sits at the place where the mistake would be made.

use std::cell::Cell;

/// A mistake that somebody might make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sabotage {
    /// A settlement adds the units of its orders instead of setting the pool's numbers.
    SettlesByAdding,
    /// A settlement sets numbers that are older than those it finds.
    SettlesWhatIsOlder,
    /// A settlement whose numbers are not newer drops no claims.
    KeepsClaimsOfOldNews,
    /// A settlement forgets the units of the buyers.
    ForgetsTheBuyers,
    /// A promise is made however late, whoever has picked the claim.
    PromisesTooLate,
    /// Promised claims run out as intents do.
    ReapsPromises,
    /// The key alone says whose claim it is.
    ForgetsTheFingerprint,
    /// A refused publish drops the claim, whosever it has become.
    WithdrawsAnybodysClaim,
    /// An old id that the ledger does not know is taken for a new one.
    SkipsTheLookUp,
    /// The store takes what does not fit.
    SkipsTheGuard,
    /// The store takes what is above the buyer's limit.
    SkipsTheLimit,
    /// The message is acknowledged before the commit.
    AcknowledgesFirst,
    /// A commit of unknown outcome is taken for done.
    TakesUnknownForDone,
    /// A publish of unknown outcome gives the claim back.
    WithdrawsWhatMayHaveLanded,
    /// The buyer is told 202 once the message is on the bus.
    TellsBeforeThePromise,
    /// The buyer is told 202 once the units are claimed.
    TellsBeforeThePublish,
    /// A pool is opened without the messages that wait.
    ForgetsTheQueue,
    /// A pool that is not open is taken for sold out.
    TakesClosedForFull,
    /// What nobody settled is never looked at again.
    SkipsTheSweep,
    /// What was reaped is not settled, and not swept.
    ReapsWithoutSettling,
    /// A ledger that restarted with an older copy of its books is trusted.
    TrustsAnOldLedger,
    /// A payment begins after the hold has run out.
    PaysTooLate,
    /// A hold runs out before its time.
    RunsOutEarly,
    /// A hold runs out while its money is on the way, and nobody asks the provider.
    ExpiresWhilePaying,
    /// Money that comes after the units went back gets tickets all the same.
    ConfirmsLateMoney,
    /// A payment of unknown outcome is taken for a failed one.
    TakesUnknownPaymentForFailed,
    /// A payment that is asked for again is another payment.
    PaysUnderFreshKeys,
    /// A repayment that is asked for again is another repayment.
    RepaysUnderFreshKeys,
    /// Money that paid for nothing is kept.
    ForgetsToRepay,
    /// Nobody looks after orders whose process died.
    LooksAfterNobody,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::SettlesByAdding,
        Self::SettlesWhatIsOlder,
        Self::KeepsClaimsOfOldNews,
        Self::ForgetsTheBuyers,
        Self::PromisesTooLate,
        Self::ReapsPromises,
        Self::ForgetsTheFingerprint,
        Self::WithdrawsAnybodysClaim,
        Self::SkipsTheLookUp,
        Self::SkipsTheGuard,
        Self::SkipsTheLimit,
        Self::AcknowledgesFirst,
        Self::TakesUnknownForDone,
        Self::WithdrawsWhatMayHaveLanded,
        Self::TellsBeforeThePromise,
        Self::TellsBeforeThePublish,
        Self::ForgetsTheQueue,
        Self::TakesClosedForFull,
        Self::SkipsTheSweep,
        Self::ReapsWithoutSettling,
        Self::TrustsAnOldLedger,
        Self::PaysTooLate,
        Self::RunsOutEarly,
        Self::ExpiresWhilePaying,
        Self::ConfirmsLateMoney,
        Self::TakesUnknownPaymentForFailed,
        Self::PaysUnderFreshKeys,
        Self::RepaysUnderFreshKeys,
        Self::ForgetsToRepay,
        Self::LooksAfterNobody,
    ];
}

thread_local! {
    // One at a time, and for one thread: simulations run side by side.
    static ON: Cell<Option<Sabotage>> = const { Cell::new(None) };
}

/// Turns one on for this thread, or none.
pub fn turn_on(sabotage: Option<Sabotage>) {
    ON.set(sabotage);
}

/// Whether this one is on.
#[must_use]
pub fn is_on(sabotage: Sabotage) -> bool {
    ON.get() == Some(sabotage)
}
