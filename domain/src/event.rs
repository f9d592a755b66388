//! What is for sale: an event, its ticket types, when they sell. This is also the document that organizers write.

use crate::{
    hold::HoldTerms,
    id::{EventSlug, PoolId, TicketTypeSlug},
    money::Money,
    time::Millis,
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most units one order may ask for, whatever the organizer allows: it bounds what one lost claim can hide.
pub const MAX_PER_ORDER: u32 = 100;
/// Most units of one pool; numbers of units are 32 bits and their sums must stay so.
pub const MAX_CAPACITY: u32 = 100_000_000;
/// Highest price of a unit that is paid online, and highest fee: what [`MAX_PER_ORDER`] of them cost fits everybody's numbers.
pub const MAX_PRICE_MINOR: i64 = 100_000_000;
/// See [`MAX_PRICE_MINOR`].
pub const MAX_FEE_MINOR: i64 = MAX_PRICE_MINOR;

/// An event as it is shown and sold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct Event {
    /// Its name in addresses.
    pub slug: EventSlug,
    /// Its name on posters.
    #[garde(length(chars, min = 1, max = 120))]
    pub name: String,
    /// Where.
    #[garde(length(chars, min = 1, max = 200))]
    pub place: String,
    /// When it begins.
    pub starts_at: jiff::Timestamp,
    /// When it ends.
    #[garde(custom(after("starts_at", self.starts_at)))]
    pub ends_at: jiff::Timestamp,
    /// IANA name of the zone its times are shown in, e.g. `Europe/Vienna`.
    #[garde(custom(known_time_zone))]
    pub time_zone: String,
    /// What it is about, by language.
    #[garde(dive)]
    pub texts: Texts,
    /// What can be bought.
    #[garde(length(min = 1, max = 50), custom(distinct_ids), dive)]
    pub ticket_types: Vec<TicketType>,
}

/// The texts of an event in the two languages of the shop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// German.
    #[garde(dive)]
    pub de: Text,
    /// English.
    #[garde(dive)]
    pub en: Text,
}

/// The texts of an event in one language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Headline.
    #[garde(length(chars, min = 1, max = 120))]
    pub title: String,
    /// One sentence.
    #[garde(length(chars, max = 400))]
    pub lead: String,
    /// Paragraphs.
    #[garde(length(max = 20), inner(length(chars, max = 2000)))]
    #[serde(default)]
    pub body: Vec<String>,
}

/// One kind of ticket; its units are one pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct TicketType {
    /// Its name in addresses, unique in the event.
    pub id: TicketTypeSlug,
    /// Its name on the page.
    #[garde(length(chars, min = 1, max = 80))]
    pub name: String,
    /// Price of a unit.
    #[garde(custom(not_negative), custom(payable(self.payment)))]
    pub price: Money,
    /// How it is paid.
    #[garde(dive)]
    pub payment: Payment,
    /// Units that exist.
    #[garde(range(min = 1, max = MAX_CAPACITY))]
    pub capacity: u32,
    /// Most units of one order.
    #[garde(range(min = 1, max = MAX_PER_ORDER))]
    pub max_per_order: u32,
    /// Most units of one buyer; absent: no limit.
    #[garde(inner(range(min = 1, max = MAX_CAPACITY)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_per_buyer: Option<u32>,
    /// When it sells.
    #[garde(dive)]
    pub sale: SaleWindow,
}

/// How a ticket is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// At the entrance, so the order is confirmed directly.
    AtTheGate,
    /// Before the tickets are the buyer's: they are held meanwhile.
    Online(#[garde(dive)] OnlinePayment),
}

/// How a ticket is paid online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct OnlinePayment {
    /// How long tickets are held for a buyer who pays, in minutes.
    #[garde(range(min = 1, max = 60))]
    pub hold_minutes: u32,
    /// What the shop takes for each ticket beside its price, in minor units of the price's currency.
    #[garde(range(min = 0, max = MAX_FEE_MINOR))]
    #[serde(default)]
    pub fee_minor: i64,
    /// The value added tax that is in price and fee, in hundredths of a percent: 1300 is 13 %.
    #[garde(range(min = 0, max = 10_000))]
    #[serde(default)]
    pub vat_basis_points: u32,
}

/// When a ticket type sells.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct SaleWindow {
    /// From when.
    pub opens_at: jiff::Timestamp,
    /// Until when.
    #[garde(custom(after("opens_at", self.opens_at)))]
    pub closes_at: jiff::Timestamp,
}

impl Event {
    /// The ticket type of that name; without a name the first, which is the event's main one.
    #[must_use]
    pub fn ticket_type(&self, id: Option<&str>) -> Option<&TicketType> {
        match id {
            Some(id) => self.ticket_types.iter().find(|ticket_type| ticket_type.id.as_str() == id),
            None => self.ticket_types.first(),
        }
    }

    /// Every mistake, each with the path of its field.
    #[must_use]
    pub fn mistakes(&self) -> Vec<String> {
        match self.validate() {
            Ok(()) => Vec::new(),
            Err(report) => report.iter().map(|(path, mistake)| format!("{path}: {mistake}")).collect(),
        }
    }
}

impl TicketType {
    /// The pool of its units.
    #[must_use]
    pub fn pool(&self, event: &EventSlug) -> PoolId {
        PoolId::of(event, &self.id)
    }

    /// What its units are held for, when they are paid online.
    #[must_use]
    pub fn hold(&self) -> Option<HoldTerms> {
        match self.payment {
            Payment::AtTheGate => None,
            Payment::Online(online) => Some(HoldTerms {
                hold_for: Duration::from_secs(u64::from(online.hold_minutes) * 60),
                unit: Money { minor: self.price.minor.saturating_add(online.fee_minor), ..self.price },
            }),
        }
    }

    /// What the ledger needs to know of it.
    #[must_use]
    pub fn terms(&self, paused: bool) -> Terms {
        Terms {
            opens_at: self.sale.opens_at.into(),
            closes_at: self.sale.closes_at.into(),
            paused,
            limit_per_buyer: self.limit_per_buyer,
        }
    }
}

/// The rules of a sale that are judged at the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// From when.
    pub opens_at: Millis,
    /// Until when.
    pub closes_at: Millis,
    /// Stopped by the organizer.
    pub paused: bool,
    /// Most units of one buyer.
    pub limit_per_buyer: Option<u32>,
}

fn after(name: &'static str, earlier: jiff::Timestamp) -> impl FnOnce(&jiff::Timestamp, &()) -> garde::Result {
    move |later, ()| {
        if *later > earlier {
            Ok(())
        } else {
            Err(garde::Error::new(format!("must lie after {name}, which is {earlier}")))
        }
    }
}

fn known_time_zone(name: &str, (): &()) -> garde::Result {
    jiff::tz::TimeZone::get(name)
        .map(|_| ())
        .map_err(|_| garde::Error::new(format!("“{name}” is no IANA time zone, e.g. Europe/Vienna")))
}

fn not_negative(price: &Money, (): &()) -> garde::Result {
    if price.minor >= 0 { Ok(()) } else { Err(garde::Error::new("a price is never negative")) }
}

fn payable(payment: Payment) -> impl FnOnce(&Money, &()) -> garde::Result {
    move |price, ()| match payment {
        Payment::Online(_) if !(1..=MAX_PRICE_MINOR).contains(&price.minor) => Err(garde::Error::new(format!(
            "what is paid online costs 1 to {MAX_PRICE_MINOR} cents; what costs nothing is paid at_the_gate"
        ))),
        _ => Ok(()),
    }
}

fn distinct_ids(ticket_types: &[TicketType], (): &()) -> garde::Result {
    for (index, ticket_type) in ticket_types.iter().enumerate() {
        if ticket_types[..index].iter().any(|earlier| earlier.id == ticket_type.id) {
            return Err(garde::Error::new(format!("the id “{}” is used twice", ticket_type.id)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso_currency::Currency;

    pub(crate) fn festival() -> Event {
        let text = Text { title: "Frequency".into(), lead: String::new(), body: vec![] };
        Event {
            slug: "frequency-festival".parse().unwrap(),
            name: "Frequency Festival".into(),
            place: "Green Park, St. Pölten".into(),
            starts_at: "2027-08-19T14:00:00Z".parse().unwrap(),
            ends_at: "2027-08-22T01:00:00Z".parse().unwrap(),
            time_zone: "Europe/Vienna".into(),
            texts: Texts { de: text.clone(), en: text },
            ticket_types: vec![TicketType {
                id: "general-admission".parse().unwrap(),
                name: "General Admission".into(),
                price: Money { minor: 19_900, currency: Currency::EUR },
                payment: Payment::AtTheGate,
                capacity: 1000,
                max_per_order: 6,
                limit_per_buyer: Some(6),
                sale: SaleWindow {
                    opens_at: "2026-11-20T12:00:00Z".parse().unwrap(),
                    closes_at: "2027-08-19T14:00:00Z".parse().unwrap(),
                },
            }],
        }
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        let mut event = festival();
        assert_eq!(event.mistakes(), Vec::<String>::new());
        event.name = String::new();
        event.time_zone = "Vienna".into();
        event.ends_at = event.starts_at;
        event.ticket_types[0].capacity = 0;
        event.ticket_types[0].sale.closes_at = event.ticket_types[0].sale.opens_at;
        event.ticket_types.push(event.ticket_types[0].clone());
        let mistakes = event.mistakes().join("\n");
        for place in ["name", "time_zone", "ends_at", "capacity", "closes_at", "used twice"] {
            assert!(mistakes.contains(place), "{place} is missing in:\n{mistakes}");
        }
    }

    #[test]
    fn without_a_name_the_first_ticket_type_is_meant() {
        let event = festival();
        assert!(event.ticket_type(None).is_some());
        assert!(event.ticket_type(Some("vip")).is_none());
    }

    #[test]
    fn what_is_paid_online_costs_something_and_is_held_for_minutes() {
        let mut event = festival();
        let vip = &mut event.ticket_types[0];
        vip.payment = Payment::Online(OnlinePayment { hold_minutes: 10, fee_minor: 200, vat_basis_points: 1_300 });
        let hold = vip.hold().unwrap();
        assert_eq!((hold.hold_for.as_secs(), hold.unit.minor), (600, 20_100));
        assert_eq!(event.mistakes(), Vec::<String>::new());
        event.ticket_types[0].price.minor = 0;
        event.ticket_types[0].payment =
            Payment::Online(OnlinePayment { hold_minutes: 0, fee_minor: -1, vat_basis_points: 10_001 });
        let mistakes = event.mistakes().join("\n");
        for place in ["price: what is paid online", "hold_minutes", "fee_minor", "vat_basis_points"] {
            assert!(mistakes.contains(place), "{place} is missing in:\n{mistakes}");
        }
    }

    #[test]
    fn a_ticket_may_cost_nothing_and_never_less() {
        let mut event = festival();
        event.ticket_types[0].price.minor = 0;
        assert_eq!(event.mistakes(), Vec::<String>::new());
        event.ticket_types[0].price.minor = -1;
        assert_eq!(event.mistakes(), ["ticket_types[0].price: a price is never negative"]);
    }
}
