//! The bus over its test servers: ours for everything, and Google's for what both must agree on.

mod faults;
mod proxy;
pub(super) mod rig;
mod server;
mod sharing;

mod ours {
    use super::rig::Rig;

    crate::bus::contract::bus_contract!(Rig::ours());
}

mod googles {
    use super::rig::Rig;

    crate::bus::contract::bus_contract!(Rig::googles());
}
