//! The simulation's own proof: every deliberate fault in the shop is noticed. A build of its own: `cargo test -p
//! stampede-simulation --features sabotage`.

#![cfg(feature = "sabotage")]

use stampede_domain::sabotage::Sabotage;
use stampede_simulation::catch;

/// Most histories until it must have been noticed.
const HISTORIES: u64 = 600;

#[test]
fn every_deliberate_fault_is_noticed() {
    let unnoticed: Vec<_> =
        Sabotage::ALL.into_iter().filter(|sabotage| catch(*sabotage, 1, HISTORIES, 120).is_none()).collect();
    assert!(unnoticed.is_empty(), "in {HISTORIES} histories each: {unnoticed:?}");
}
