use crate::{catalogue::contract, postgres::scratch::Rig};

contract::catalogue_contract!(Rig::default());
