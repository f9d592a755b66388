//! Deliberate mistakes: each must be caught, or the laws are words.

/// Declares the bugs with their names and what they do.
macro_rules! bugs {
    ($(#[$says:meta])* $bugs:ident: $($variant:ident $name:literal $does:literal;)*) => {
        $(#[$says])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $bugs {
            $(#[doc = $does] $variant,)*
        }

        impl $bugs {
            /// Every one, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in tables.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What is done wrong.
            #[must_use]
            pub fn does(self) -> &'static str {
                match self { $(Self::$variant => $does),* }
            }
        }
    };
}

pub(crate) use bugs;

bugs! {
    /// A mistake that somebody could make: the first 42, then clauses of the protocol left out, and what no other bug breaks.
    Bug:
    ReleaseOnTimeout "release_on_timeout" "a publish with unknown outcome gives the claim back";
    AckBeforeCommit "ack_before_commit" "the writer acknowledges, and dies before it commits";
    TtlRelease "ttl_release" "a promised claim is released by age";
    TtlReleaseIntent "ttl_release_intent" "a late intent is released without asking the store";
    ReapPromised "reap_promised" "the reaper picks promised claims too";
    SettleIncremental "settle_incremental" "a settlement adds to the numbers";
    NoVersionGuard "no_version_guard" "older numbers replace newer ones";
    DropsOnlyIfNewer "drops_only_if_newer" "a settlement that is not newer leaves the claim";
    DropBeforeNumbers "drop_before_numbers" "a settlement's claim is dropped before its numbers are set";
    Told202BeforePublish "202_before_publish" "202 is said before the message is on the bus";
    Told202BeforePromise "202_before_promise" "202 is said without a promise";
    PromiseNoDeadline "promise_no_deadline" "a claim past its deadline, picked or not, is promised";
    ReaperNoDeadline "reaper_no_deadline" "the reaper neither waits for the deadline nor marks what it picks";
    ReaperDropsFirst "reaper_drops_first" "the reaper drops the claim, then asks the store";
    NoTerminalCheck "no_terminal_check" "a claim does not look for a note";
    DropOfShared "drop_of_shared" "a request withdraws a claim that it only resumed";
    DropAfterDeadline "drop_after_deadline" "a request withdraws its claim after the deadline, picked or not";
    SecondInsertOverwrites "second_insert_overwrites" "the last insert decides";
    ClockBack "clock_back" "the pick is no mark, and the ledger's clock steps back";
    MissingIsFull "missing_is_full" "a missing pool counts as one with every unit free";
    MissingIsSoldOut "missing_is_sold_out" "a missing pool counts as sold out";
    SettleOpens "settle_opens" "a settlement opens a missing pool";
    SecondRebuilder "second_rebuilder" "a second rebuilder opens the pool again with the same snapshot";
    NoStoreGuard "no_store_guard" "the store does not look at the capacity";
    OlderMeansVersion "older_means_version" "a ledger whose version lags counts as lost";
    LapseSameVersion "lapse_same_version" "the pool's row changes and keeps its version";
    EmbForgetsQueue "emb_forgets_queue" "a start does not look at the queue";
    EmbAsIntent "emb_as_intent" "a start takes what is on the queue for intents";
    LimitStoreOnly "limit_store_only" "only the store knows the limit";
    BuyerAdded "buyer_added" "a settlement adds to the buyer's units";
    BuyerPoolGuard "buyer_pool_guard" "a buyer's units are set only when the pool's numbers are newer";
    BuyerNoGuard "buyer_no_guard" "older units of a buyer replace newer ones";
    BuyerNotSet "buyer_not_set" "a settlement leaves the buyer's units as they are";
    BuyerReadEarly "buyer_read_early" "the buyer's units are read before the decision is written";
    NoStoreLimit "no_store_limit" "the store does not look at the limit";
    NoteNoFp "note_no_fp" "a note is told to any fingerprint";
    LookupNoFp "lookup_no_fp" "a row that was looked up is told to any fingerprint";
    PromiseNoFp "promise_no_fp" "a promise tells a note to any fingerprint";
    ReplayOverwritesFailed "replay_overwrites_failed" "a replay decides a failed order anew";
    FailedNoInsert "failed_no_insert" "a dead letter is settled as failed without asking the store";
    DeadReleases "dead_releases" "a dead letter gives its claim back at once";
    RebuildWithoutDrain "rebuild_without_drain" "a rebuild does not wait for the writers";

    ReapWithoutSettle "reap_settles" "what is reaped is dropped, not settled";
    DropUnguarded "drop_guard" "a withdrawal drops whatever claim is there";
    SweepWithoutClaims "sweep_claims" "the sweep does not ask for old claims";
    SweepWithoutNumbers "sweep_numbers" "the sweep asks for nothing but old claims";
    PromiseTellsNothing "promise_tells" "a promise that comes too late is not told the decision";
    NoLookUp "lookup" "old ids are not looked up in the store";
    ClaimNoFp "fingerprint" "a claim answers every body of the same quantity";
    LookUpForEver "lookup_fresh" "a look-up counts for ever";
    RebuildWithoutBuyers "rebuild_buyers" "an opening does not set the buyers' units";
    DeadWithoutClaims "dead_claims" "an opening makes no claims of dead letters";
    RestartUnnoticed "run_id" "a ledger that restarts from an older copy counts as the same";
    OldIdsDoNotWait "old_ids_wait" "old ids do not wait for messages from before the opening";
    ReapUnfenced "reap_fence" "the store takes an expiry of whatever epoch";
    EpochRaisedLate "epoch_first" "the epoch is raised with the opening, not with the snapshot, and over an empty store nothing counts as forgotten";
    ReplayTakesLetter "replayed_letter_stays" "a replayed letter is no dead letter any more, and not yet a message that the drain has seen";
    CapacityCut "shrink" "the organizer cuts the capacity while units are claimed";
    NamesRepeat "names_repeat" "a new book names its claims from the beginning";
    ClaimUncounted "claim_not_counted" "the ledger's sum of claims misses one";
    LostUpdate "lost_update" "the pool's row loses what was sold";
    BrokenUncounted "broken_not_counted" "a settlement does not say that it broke a promise";
    FreshFingerprint "fresh_fingerprint" "a repeated request has another fingerprint";
}

/// How many of [`Bug::ALL`] are the mistakes that the protocol's first model caught.
pub const MISTAKES: usize = 42;

impl Bug {
    /// Whether the last sweep must not be let near: it would mend what the bug does, and in a real shop comes late.
    pub(crate) fn is_hidden_by_the_sweep(self) -> bool {
        matches!(
            self,
            Self::SweepWithoutNumbers
                | Self::SettleIncremental
                | Self::BuyerAdded
                | Self::BuyerPoolGuard
                | Self::BuyerNoGuard
                | Self::BuyerNotSet
                | Self::BuyerReadEarly
        )
    }
}
