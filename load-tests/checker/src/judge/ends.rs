//! Ledger and bus at rest: nothing is claimed, what is free is what is not sold, nothing waits.

use crate::{Books, Expectations, Pool, Report};
use stampede_domain::laws::Law;

/// Judges what is left.
pub(super) fn judge(books: &Books, expected: &Expectations, report: &mut Report) {
    for pool in &books.pools {
        judge_ledger(pool, report);
    }
    if books.bus.waiting > 0 {
        let how = format!("{} messages still wait on the bus", books.bus.waiting);
        report.breach(Law::EveryPromiseDecided, how, []);
    }
    if books.bus.dead_letters != expected.dead_letters {
        let how = format!("{} dead letters, {} were made", books.bus.dead_letters, expected.dead_letters);
        report.breach(Law::EveryPromiseDecided, how, []);
    }
}

fn judge_ledger(pool: &Pool, report: &mut Report) {
    let Some(book) = pool.ledger else { return };
    let name = pool.pool;
    report.counts.leaked += u64::from(book.claimed);
    if book.claimed > 0 || book.claims > 0 {
        let how = format!("{name}: {} claims of {} units are left", book.claims, book.claimed);
        report.breach(Law::NothingLeaks, how, []);
    }
    let unsold = pool.store.unsold();
    if book.free != unsold {
        report.counts.leaked += u64::from(book.free.abs_diff(unsold));
        let how = format!("{name}: {} units can be bought, {unsold} are not sold", book.free);
        report.breach(Law::NothingLeaks, how, []);
    }
    if book.settled != pool.store {
        let how = format!("{name}: the ledger says {:?}, the store {:?}", book.settled, pool.store);
        report.breach(Law::NothingLeaks, how, []);
    }
}
