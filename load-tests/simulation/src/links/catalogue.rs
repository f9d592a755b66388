//! The wire to the catalogue.

use super::{Kind, Link, wired};
use async_trait::async_trait;
use stampede_actors::ports::{Catalogue, CatalogueSnapshot, PortResult};
use stampede_domain::{Event, EventSlug};

wired! { Catalogue over Link<dyn Catalogue> {
    revision() -> u64, Reads;
    snapshot() -> CatalogueSnapshot, Reads;
    apply(event: &Event) -> bool, Tends;
    apply_waiting(event: &EventSlug, revision: u64) -> (), Tends;
    set_paused(event: &EventSlug, paused: bool) -> bool, Tends;
} }
