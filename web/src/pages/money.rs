//! What several pages and mails say about money: what an order costs, what was paid, what goes back.

use serde::Serialize;

/// What an order costs, itemised. The total contains the VAT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PriceView {
    /// Name of the ticket type.
    pub ticket_type: String,
    /// Units.
    pub quantity: u32,
    /// Price of one in minor units.
    pub unit_minor: i64,
    /// Service fee of the whole order in minor units; 0 is none and not shown.
    pub fee_minor: i64,
    /// What is to be paid in all, in minor units.
    pub total_minor: i64,
    /// VAT contained in the total, in minor units.
    pub vat_minor: i64,
    /// Rate of the VAT in hundredths of a percent: 1300 is 13 %.
    pub vat_basis_points: u32,
    /// ISO 4217 code.
    pub currency: String,
}

/// A payment that came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReceiptView {
    /// Number of the receipt.
    pub number: String,
    /// When the money came, unix milliseconds; `None` when that is not known any more.
    pub paid_at_ms: Option<i64>,
    /// How it was paid, for example `Visa •••• 4242`; empty when that is not known.
    pub method: String,
    /// What was paid, in minor units.
    pub amount_minor: i64,
    /// VAT contained in it, in minor units.
    pub vat_minor: i64,
    /// Rate of the VAT in hundredths of a percent: 1300 is 13 %.
    pub vat_basis_points: u32,
    /// ISO 4217 code.
    pub currency: String,
}

/// Money that goes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefundView {
    /// How much, in minor units.
    pub amount_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Where to, for example `Visa •••• 4242`; empty: the way it was paid.
    pub to: String,
    /// How far it is.
    pub state: RefundState,
}

/// How far a refund is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RefundState {
    /// Owed; the provider has not said yet that it is done. Nothing for the buyer to do.
    OnItsWay,
    /// The provider has sent it.
    Done {
        /// When, unix milliseconds.
        at_ms: i64,
    },
}
