//! The pages of an order and of its payment.

use super::{FaceError, Faces, page_context};
use crate::{
    BankCardPage, BankStepPage, CheckoutPage, FindOrdersPage, Lang, LinkSentPage, MyOrdersPage, OrderPage,
    OrderStatusView,
};
use minijinja::{context, value::Serde};

impl Faces {
    /// The checkout of a ticket type that is paid online. Contains the key once when it has a form, else not at all.
    pub fn checkout(&self, lang: Lang, page: &CheckoutPage) -> Result<String, FaceError> {
        let has_form = page.ticket.state.has_form();
        self.render("checkout.html", lang, context! { ticket => Serde(&page.ticket), has_form, ..page_context(page) })
    }

    /// An order: its state, its wave, what is next.
    pub fn order(&self, lang: Lang, page: &OrderPage) -> Result<String, FaceError> {
        let status = &page.status;
        // A stranger is not taken to the bank: for them nothing is being opened.
        let is_paying = matches!(status, OrderStatusView::Paying { .. }) && page.details.is_none();
        let until_ms = status.until_ms();
        // Rounded up: a second that has begun is still the buyer's.
        let left_s = until_ms.map_or(0, |until| (until - page.now_ms).max(0).unsigned_abs().div_ceil(1000));
        let shown = context! {
            face => if is_paying { "being_paid" } else { status.face() },
            status_name => status.name(),
            payment => if is_paying { None } else { status.payment() },
            decided => status.is_final(),
            declined => Serde(status.declined()),
            refund => Serde(status.refund()),
            until_ms,
            left_s,
            refresh_s => refresh_s(status, left_s),
        };
        self.render("order.html", lang, context! { ..shown, ..page_context(page) })
    }

    /// The simulated bank's card form.
    pub fn bank_card(&self, lang: Lang, page: &BankCardPage) -> Result<String, FaceError> {
        self.render("bank_card.html", lang, page_context(page))
    }

    /// The simulated bank's question whether it is you.
    pub fn bank_step(&self, lang: Lang, page: &BankStepPage) -> Result<String, FaceError> {
        self.render("bank_step.html", lang, page_context(page))
    }

    /// The form that asks for the link to one's orders.
    pub fn find_orders(&self, lang: Lang, page: &FindOrdersPage) -> Result<String, FaceError> {
        self.render("my_find.html", lang, page_context(page))
    }

    /// The one answer to that form.
    pub fn link_sent(&self, lang: Lang, page: &LinkSentPage) -> Result<String, FaceError> {
        self.render("my_sent.html", lang, page_context(page))
    }

    /// The orders of an address.
    pub fn my_orders(&self, lang: Lang, page: &MyOrdersPage) -> Result<String, FaceError> {
        self.render("my_orders.html", lang, page_context(page))
    }
}

/// After how many seconds a browser without scripts looks again; `None` where asking again changes nothing.
fn refresh_s(status: &OrderStatusView, left_s: u64) -> Option<u64> {
    match status {
        // Nobody is interrupted while reading and choosing; the page is renewed when the hold is over.
        OrderStatusView::Reserved { hold: Some(_) } if left_s > 0 => Some(left_s + 2),
        OrderStatusView::Reserved { .. } | OrderStatusView::Paying { continue_url: Some(_), .. } => Some(10),
        OrderStatusView::Checking { out_of_time: true, .. }
        | OrderStatusView::Checking { bank_is_silent: true, .. } => Some(5),
        // Whoever comes back from the bank mostly waits for no longer than this.
        OrderStatusView::Checking { .. } => Some(2),
        OrderStatusView::Pending | OrderStatusView::Unknown | OrderStatusView::Paying { .. } => Some(2),
        _ => None,
    }
}
