//! Ledgers: the promise book.

mod in_process;

#[cfg(test)]
mod contract;

pub use in_process::InProcessLedger;
