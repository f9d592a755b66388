use crate::{order_store::contract, postgres::scratch::Rig};

contract::order_store_contract!(Rig::default());
