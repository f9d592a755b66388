//! What the pages of the simulated bank need of it. The bank itself is a backend; whoever puts the shop together introduces them.
//!
//! A shop whose buyers pay at a real provider has none, and its addresses lead nowhere.

use async_trait::async_trait;
use stampede_actors::ports::{PaymentState, PortResult};
use stampede_domain::{Money, OrderId, PaymentId};

/// A payment as its page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankView {
    /// For which order.
    pub order: OrderId,
    /// How much.
    pub amount: Money,
    /// What for, in the shop's words.
    pub what_for: String,
    /// What the buyer has to do.
    pub step: BankStep,
}

/// What the buyer has to do at the bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BankStep {
    /// Give a card.
    NeedsCard,
    /// Say whether the card that ends so is theirs (3-D Secure).
    NeedsStep {
        /// The last four digits.
        card_ending: String,
    },
    /// Nothing: back to the shop.
    Done(PaymentState),
}

/// A card as it was typed. It is never kept and never logged: it has no `Debug`.
pub struct TypedCard {
    /// Its number, with whatever stood between the digits.
    pub number: String,
    /// Until when it is good: month and year.
    pub expiry: String,
    /// Its security code.
    pub cvc: String,
}

/// What became of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardTaken {
    /// It was taken, or declined: the payment afterwards.
    Seen(BankView),
    /// It is none: fields of `number`, `expiry`, `cvc`, each with `required`, `invalid` or `not_a_test_card`.
    Mistakes(Vec<(&'static str, &'static str)>),
}

/// A card of the rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RehearsalCard {
    /// Its number, in groups.
    pub number: &'static str,
    /// What it does, by name.
    pub does: &'static str,
}

/// The simulated bank, as its pages need it. `None` everywhere: it knows no such payment.
#[async_trait]
pub trait BankDesk: Send + Sync {
    /// How a payment stands.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn view(&self, payment: &PaymentId) -> PortResult<Option<BankView>>;

    /// The buyer gives a card. Of two the first counts.
    ///
    /// # Errors
    /// `Unavailable`, `Unknown`: the page shows how it stands.
    async fn pay_with(&self, payment: &PaymentId, card: TypedCard) -> PortResult<Option<CardTaken>>;

    /// The buyer says whether the card is theirs.
    ///
    /// # Errors
    /// As [`pay_with`](Self::pay_with).
    async fn answer_step(&self, payment: &PaymentId, is_me: bool) -> PortResult<Option<BankView>>;

    /// The buyer goes back to the shop without paying.
    ///
    /// # Errors
    /// As [`pay_with`](Self::pay_with).
    async fn go_back(&self, payment: &PaymentId) -> PortResult<Option<BankView>>;

    /// The cards that play a part each.
    fn cards(&self) -> Vec<RehearsalCard>;
}
