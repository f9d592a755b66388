//! What a changed order means for its pool.

use crate::{buyer::BuyerId, decide::PoolRow, order::OrderStatus};
use std::collections::HashMap;

/// Moves the units of an order from where they counted to where they count now: held, sold, or nobody's. `units` are the live
/// units of buyers, needed only under a limit. Whether anything moved; then the version is the caller's to raise, once a batch.
pub fn move_units(
    row: &mut PoolRow,
    units: &mut HashMap<BuyerId, u32>,
    (buyer, quantity): (BuyerId, u32),
    (before, after): (OrderStatus, OrderStatus),
) -> bool {
    if before.is_held() == after.is_held() && before.is_live() == after.is_live() {
        return false;
    }
    let numbers = &mut row.numbers;
    let mut take = |status: OrderStatus, sign: bool| {
        let place = match status {
            held if held.is_held() => &mut numbers.held,
            OrderStatus::Confirmed => &mut numbers.sold,
            _ => return,
        };
        *place = if sign { place.saturating_add(quantity) } else { place.saturating_sub(quantity) };
    };
    take(before, false);
    take(after, true);
    if row.limit_per_buyer.is_some() && before.is_live() && !after.is_live() {
        let taken = units.entry(buyer).or_default();
        *taken = taken.saturating_sub(quantity);
    }
    true
}
