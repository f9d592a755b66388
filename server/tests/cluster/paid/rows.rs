//! What is written, as the checker reads it: by a stranger's hand, past the shop.

use super::{LIMIT, Size};
use crate::harness::books::stored;
use stampede_actors::{
    clock::SystemClock,
    ports::{PaymentGateway, PaymentState, ProviderPayment},
};
use stampede_backends::payments::{BankTimes, SimulatedBank};
use stampede_checker::paid::{Account, HeldOrder, Noted, PaidBooks};
use stampede_domain::{BuyerId, Millis};
use std::{fmt::Debug, path::Path, process::Command, str::FromStr, sync::Arc};

/// Orders that need somebody.
pub(super) const DUE: &str = "SELECT count(*) FROM holds WHERE due_at IS NOT NULL";
/// The pool's numbers.
pub(super) const POOL: &str = "SELECT held, sold FROM pools WHERE ticket_type = 'vip-pass'";
/// More payments than any sale has.
const ALL: u32 = 1_000_000;

/// How long VIP passes are held from now on.
pub(super) fn holds_for(size: &Size) -> String {
    format!("UPDATE pools SET hold_seconds = {} WHERE ticket_type = 'vip-pass'", size.hold.as_secs())
}

/// Every hold, its id as this database writes it.
pub(super) fn holds(id: &str) -> String {
    format!("SELECT {id}, buyer, quantity, amount, status, hold_until, changed_at, owed FROM holds")
}

/// Every payment.
pub(super) fn payments(id: &str) -> String {
    format!("SELECT id, {id}, captured, refunded FROM payments")
}

/// What was read: rows one a line, fields divided by `|`.
pub(super) struct Read {
    pub(super) holds: String,
    pub(super) payments: String,
    pub(super) pool: String,
    pub(super) waiting: u64,
    pub(super) dead_letters: u64,
}

impl Read {
    pub(super) fn books(&self, size: &Size, provider: Vec<Account>) -> PaidBooks {
        let mut pool = self.pool.split('|');
        let (held, sold) = (number(&mut pool), number(&mut pool));
        PaidBooks {
            capacity: size.capacity,
            limit: Some(LIMIT),
            held,
            sold,
            holds: self.holds.lines().map(hold).collect(),
            noted: self.payments.lines().map(noted).collect(),
            provider,
            waiting: self.waiting,
            dead_letters: self.dead_letters,
        }
    }
}

fn hold(line: &str) -> HeldOrder {
    let mut fields = line.split('|');
    HeldOrder {
        order: number(&mut fields),
        buyer: BuyerId(number(&mut fields)),
        quantity: number(&mut fields),
        amount: number(&mut fields),
        status: stored(number(&mut fields)),
        hold_until: Millis(number(&mut fields)),
        changed_at: Millis(number(&mut fields)),
        owed: number(&mut fields),
    }
}

fn noted(line: &str) -> Noted {
    let mut fields = line.split('|');
    Noted {
        id: number(&mut fields),
        order: number(&mut fields),
        captured: number(&mut fields),
        refunded: number(&mut fields),
    }
}

fn number<'a, T: FromStr<Err: Debug>>(fields: &mut impl Iterator<Item = &'a str>) -> T {
    fields.next().unwrap().parse().unwrap()
}

/// Python brings its own SQLite. The shop must not run.
const STRANGER: &str = "import sqlite3, sys
file = sqlite3.connect(sys.argv[1])
for row in file.execute(sys.argv[2]): print('|'.join(map(str, row)))
file.commit()
file.close()";

/// Something to a file of a shop that does not run.
pub(super) fn sqlite(file: &Path, statement: &str) -> String {
    let output = Command::new("python3").args(["-c", STRANGER]).arg(file).arg(statement).output().unwrap();
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The simulated bank's own books, when the shop does not run.
pub(super) async fn bank(directory: &Path) -> Vec<Account> {
    let (tell, _) = tokio::sync::mpsc::channel(1);
    let bank = SimulatedBank::open(directory, Arc::new(SystemClock), BankTimes::default(), "", tell).await.unwrap();
    let payments = bank.made_since(Millis(0), None, ALL).await.unwrap();
    bank.close().await;
    payments.into_iter().map(account).collect()
}

fn account(payment: ProviderPayment) -> Account {
    use PaymentState::{Authorized, AwaitsBuyer, Processing};
    let ProviderPayment { id, order, attempt, amount, captured, refunded, state, .. } = payment;
    let is_open = matches!(state, AwaitsBuyer | Processing | Authorized);
    Account { id: id.as_str().to_owned(), order, attempt, amount: amount.minor, captured, refunded, is_open }
}
