//! What buyers and organizers want of orders that are paid online, for pages and programs alike: who may ask, what the `Till` says,
//! and a short wait until it is so.

use crate::{
    desk::{Desk, PATIENCE},
    error::Problem,
    paying::is_own_path,
    same_site, tickets,
};
use actix_web::HttpRequest;
use stampede_actors::{
    facts::PutOff,
    inventory::{FindOrder, OrderFound},
    lane::Wish,
    mailbox::NoAnswer,
    till::{FindHold, TillAnswer, Wished},
    trace,
};
use stampede_domain::{Hold, Millis, OrderId, OrderStatus};
use std::time::Duration;

/// How long after a wish was taken it is looked whether it is so, twice as long after each look: a healthy shop needs 20 ms, and
/// with these six looks nobody waits longer than 1.3 s for an answer that says where to look on.
const LOOKS: u32 = 6;
const FIRST_LOOK: Duration = Duration::from_millis(20);

/// Whether somebody may change an order: whoever shows its key; else the browser that ordered it, and then only from our own pages,
/// because a browser sends its cookie whoever asks it to.
pub(crate) fn check_access(desk: &Desk, request: &HttpRequest, order: OrderId) -> Result<(), Problem> {
    if tickets::shows_key(desk, request, order) {
        return Ok(());
    }
    same_site::check(desk.shop.options.public_url.as_deref(), request)?;
    if tickets::is_shown_to(desk, request, order) { Ok(()) } else { Err(Problem::not_yours_to_change()) }
}

/// Asks for something. It is taken down durably when this is `Ok`, and done a moment later; the order is told as it stood before.
pub(crate) async fn ask(desk: &Desk, order: OrderId, wish: Wish) -> Result<Hold, Problem> {
    let wished = Wished { order, wish, trace: trace::current() };
    match desk.mailboxes.wished.ask_within(PATIENCE, wished).await {
        Ok(TillAnswer::Taken { hold }) => Ok(hold),
        Ok(TillAnswer::Refused(refused)) => Err(Problem::hold_refused(refused).about(order)),
        Ok(TillAnswer::Unknown) => Err(why_no_hold(desk, order).await),
        Ok(TillAnswer::NotNow { why }) => Err(Problem::wish_put_off(why)),
        Ok(TillAnswer::Unsure) | Err(NoAnswer::Unknown) => Err(Problem::wish_unknown(order)),
        Err(NoAnswer::Full) => Err(Problem::wish_put_off(PutOff::Full)),
    }
}

/// How an order that is paid online stands; `None`: it is not, or is not decided yet, or nobody ever asked for it.
pub(crate) async fn find(desk: &Desk, order: OrderId) -> Result<Option<Hold>, Problem> {
    let told = desk.mailboxes.find_hold.ask_within(PATIENCE, FindHold(order)).await;
    told.map_err(Problem::from)?.map_err(Problem::wish_put_off)
}

/// What is wrong with an order that cannot be paid.
pub(crate) async fn why_no_hold(desk: &Desk, order: OrderId) -> Problem {
    let told = desk.mailboxes.find_order.ask_within(PATIENCE, FindOrder { order, details: false }).await;
    match told {
        Ok(Ok(OrderFound { status: OrderStatus::Pending, .. })) => Problem::not_reserved_yet().about(order),
        Ok(Ok(_)) => Problem::not_paid_online().about(order),
        Ok(Err(why)) => why.into(),
        Err(why) => why.into(),
    }
}

/// Looks a few times whether it is so by now. `None`: not yet, or nobody can tell.
pub(crate) async fn soon(desk: &Desk, order: OrderId, is_so: impl Fn(&Hold) -> bool) -> Option<Hold> {
    let mut wait = FIRST_LOOK;
    for _ in 0..LOOKS {
        tokio::time::sleep(wait).await;
        match find(desk, order).await {
            Ok(Some(hold)) if is_so(&hold) => return Some(hold),
            Ok(_) => {}
            // Whoever has too much to do is not asked again for this.
            Err(_) => return None,
        }
        wait *= 2;
    }
    None
}

/// Whether an attempt has come so far that the buyer can go on.
pub(crate) fn can_go_on(hold: &Hold, attempt: u32) -> bool {
    hold.attempt >= attempt && (hold.status != OrderStatus::Paying || hold.page.is_some())
}

/// The attempt that somebody means who names none: the one under way, else the next one. Asked for twice, it is one payment.
pub(crate) fn attempt_meant(hold: &Hold) -> u32 {
    if matches!(hold.status, OrderStatus::Paying | OrderStatus::Expiring) {
        hold.attempt
    } else {
        hold.attempt.saturating_add(1)
    }
}

/// Whether the buyer comes from the bank and has done there what can be done. Until the shop has heard of it too, it says so rather
/// than to pay again.
pub(crate) fn is_back_from_bank(request: &HttpRequest) -> bool {
    request.query_string().split('&').any(|pair| pair == BACK_FROM_BANK)
}

/// In the address of an order's page to which the bank sends buyers back.
pub(crate) const BACK_FROM_BANK: &str = "bank=done";

/// Whether a buyer can be led to what a provider calls the page of a payment.
pub(crate) fn is_page(page: &str) -> bool {
    is_own_path(page) || page.starts_with("https://")
}

/// How long a page says "a moment" of a bank that has not opened a payment, or has not said how it ended.
const MOMENT_MS: i64 = 60_000;

/// Whether the bank takes longer than a moment for what it has to do, and not the buyer. A page that it has opened is the
/// buyer's turn, and people take their time.
pub(crate) fn bank_is_silent(hold: &Hold, now: Millis) -> bool {
    let since = match hold.status {
        OrderStatus::Paying if !hold.page.as_deref().is_some_and(is_page) => hold.paying_at,
        OrderStatus::Expiring => hold.hold_until,
        _ => return false,
    };
    now.0.saturating_sub(since.0) > MOMENT_MS
}

/// How a payment stands, as pages and their scripts tell it apart.
pub(crate) fn payment_word(hold: &Hold, now: Millis, is_back: bool) -> Option<&'static str> {
    match hold.status {
        OrderStatus::Paying if is_back || bank_is_silent(hold, now) => Some("checking"),
        OrderStatus::Paying if hold.page.as_deref().is_some_and(is_page) => Some("open"),
        OrderStatus::Paying => Some("opening"),
        OrderStatus::Expiring => Some("checking"),
        _ => None,
    }
}
