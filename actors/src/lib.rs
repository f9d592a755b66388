//! Behaviour: the actors of the shop, one a file, and the ports they need.

pub mod clock;
pub mod ports;
pub mod wire;
