//! How the catalogue changes, over the few statements that a database must know. Each function is one transaction's work.

use super::change::in_force_now;
use crate::sql::Stop;
use async_trait::async_trait;
use stampede_actors::ports::{Listing, PortFailure};
use stampede_domain::{Event, EventSlug, HoldTerms, PoolId, TicketType};

/// What is needed of a pool to change it.
pub(super) struct PoolNow {
    pub(super) event: String,
    pub(super) ticket_type: String,
    pub(super) capacity: u32,
    /// Units that are sold or held.
    pub(super) used: u32,
    pub(super) limit: Option<u32>,
    /// What its units are held for, when they are paid online.
    pub(super) hold: Option<HoldTerms>,
}

impl PoolNow {
    fn is_of(&self, event: &EventSlug, ticket_type: &TicketType) -> bool {
        self.event == event.as_str() && self.ticket_type == ticket_type.id.as_str()
    }
}

/// Events and their pools inside a transaction. No other transaction changes the catalogue meanwhile.
#[async_trait]
pub(super) trait Shelf: Send {
    /// The listing of an event.
    async fn listing(&mut self, slug: &EventSlug) -> sqlx::Result<Option<Listing>>;
    /// Keeps the judge out of these pools until the commit; called once, before they are looked at.
    async fn lock(&mut self, pools: Vec<PoolId>) -> sqlx::Result<()>;
    /// A pool.
    async fn pool(&mut self, pool: PoolId) -> sqlx::Result<Option<PoolNow>>;
    /// Whether any order names the pool. It may read all rows, which is why only a removal asks, and who changes how a ticket is
    /// paid.
    async fn has_orders(&mut self, pool: PoolId) -> sqlx::Result<bool>;
    /// Adds a pool.
    async fn insert_pool(&mut self, event: &EventSlug, ticket_type: &TicketType) -> sqlx::Result<()>;
    /// Sets capacity, limit and what units are held for, and raises the version.
    async fn change_pool(&mut self, pool: PoolId, to: &TicketType) -> sqlx::Result<()>;
    /// Adds up the buyers' units from the orders: a limit counts what was bought before it too.
    async fn count_buyers(&mut self, pool: PoolId) -> sqlx::Result<()>;
    /// Forgets the buyers' units, which are kept only under a limit.
    async fn forget_buyers(&mut self, pool: PoolId) -> sqlx::Result<()>;
    /// Removes a pool.
    async fn delete_pool(&mut self, pool: PoolId) -> sqlx::Result<()>;
    /// Raises epoch and version of an event's pools.
    async fn raise_epochs(&mut self, event: &EventSlug) -> sqlx::Result<()>;
    /// Adds an event behind all others, or replaces it where it stands.
    async fn put_event(&mut self, event: &Event, waiting: Option<&Event>) -> sqlx::Result<()>;
    /// Sets the pause.
    async fn set_paused(&mut self, slug: &EventSlug, paused: bool) -> sqlx::Result<()>;
    /// The number of the latest change.
    async fn revision(&mut self) -> sqlx::Result<u64>;
    /// Tells all processes that something has changed.
    async fn raise_revision(&mut self) -> sqlx::Result<()>;
}

fn impossible(why: String) -> Stop {
    PortFailure::Impossible(why).into()
}

/// [`stampede_actors::ports::Catalogue::apply`].
pub(super) async fn apply(shelf: &mut impl Shelf, wanted: Event) -> Result<bool, Stop> {
    let mistakes = wanted.mistakes();
    if !mistakes.is_empty() {
        return Err(impossible(mistakes.join("; ")));
    }
    let listing = shelf.listing(&wanted.slug).await?;
    let in_force = match &listing {
        Some(listing) => in_force_now(&listing.event, &wanted),
        None => wanted.clone(),
    };
    let waiting = (in_force != wanted).then_some(wanted);
    // What is in force has every ticket type of what waits, and of what was in force before.
    shelf.lock(pools_of(&in_force)).await?;
    if let Some(waiting) = &waiting {
        may_be_tightened(shelf, &in_force, waiting).await?;
    }
    let unchanged = listing.is_some_and(|listing| listing.event == in_force && listing.waiting == waiting);
    if !unchanged {
        put(shelf, &in_force, waiting.as_ref()).await?;
    }
    Ok(waiting.is_some())
}

/// [`stampede_actors::ports::Catalogue::apply_waiting`].
pub(super) async fn apply_waiting(shelf: &mut impl Shelf, slug: EventSlug, revision: u64) -> Result<(), Stop> {
    if shelf.revision().await? != revision {
        return Ok(());
    }
    let Some(listing) = shelf.listing(&slug).await? else { return Ok(()) };
    let Some(waiting) = listing.waiting else { return Ok(()) };
    shelf.lock(pools_of(&listing.event)).await?;
    may_be_tightened(shelf, &listing.event, &waiting).await?;
    for gone in removed(&listing.event, &waiting) {
        let pool = gone.pool(&slug);
        shelf.forget_buyers(pool).await?;
        shelf.delete_pool(pool).await?;
    }
    put(shelf, &waiting, None).await?;
    // Every book of these pools was made under the old rules, in whatever process: it is behind from now on.
    shelf.raise_epochs(&slug).await?;
    Ok(())
}

/// [`stampede_actors::ports::Catalogue::set_paused`].
pub(super) async fn set_paused(shelf: &mut impl Shelf, slug: EventSlug, paused: bool) -> Result<bool, Stop> {
    let Some(listing) = shelf.listing(&slug).await? else { return Ok(false) };
    if listing.paused != paused {
        shelf.set_paused(&slug, paused).await?;
        shelf.raise_revision().await?;
    }
    Ok(true)
}

fn pools_of(event: &Event) -> Vec<PoolId> {
    event.ticket_types.iter().map(|ticket_type| ticket_type.pool(&event.slug)).collect()
}

fn removed<'e>(now: &'e Event, then: &'e Event) -> impl Iterator<Item = &'e TicketType> {
    now.ticket_types.iter().filter(|now| then.ticket_types.iter().all(|then| then.id != now.id))
}

/// Says at once what could not come into force later either.
async fn may_be_tightened(shelf: &mut impl Shelf, in_force: &Event, wanted: &Event) -> Result<(), Stop> {
    for now in &in_force.ticket_types {
        let pool = now.pool(&in_force.slug);
        let Some(row) = shelf.pool(pool).await? else { continue };
        match wanted.ticket_types.iter().find(|then| then.id == now.id) {
            Some(then) => capacity_suffices(then, row.used)?,
            None if shelf.has_orders(pool).await? => {
                return Err(impossible(format!("ticket type “{}” has orders and cannot be removed", now.id)));
            }
            None => {}
        }
    }
    Ok(())
}

fn capacity_suffices(ticket_type: &TicketType, used: u32) -> Result<(), Stop> {
    let TicketType { id, capacity, .. } = ticket_type;
    if *capacity >= used {
        return Ok(());
    }
    Err(impossible(format!(
        "ticket type “{id}”: capacity {capacity} is less than the {used} units that are sold or held"
    )))
}

/// Writes an event and its pools.
async fn put(shelf: &mut impl Shelf, event: &Event, waiting: Option<&Event>) -> Result<(), Stop> {
    for ticket_type in &event.ticket_types {
        match shelf.pool(ticket_type.pool(&event.slug)).await? {
            None => shelf.insert_pool(&event.slug, ticket_type).await?,
            Some(row) if !row.is_of(&event.slug, ticket_type) => {
                return Err(impossible(format!(
                    "“{}/{}” and “{}/{}” have the same pool id: choose another name",
                    event.slug, ticket_type.id, row.event, row.ticket_type
                )));
            }
            Some(row) => {
                capacity_suffices(ticket_type, row.used)?;
                change(shelf, ticket_type.pool(&event.slug), &row, ticket_type).await?;
            }
        }
    }
    shelf.put_event(event, waiting).await?;
    shelf.raise_revision().await?;
    Ok(())
}

/// Changes capacity, limit and what units are held for, when they differ, and with the limit the buyers' units. Orders that are held
/// keep what they were reserved with.
async fn change(shelf: &mut impl Shelf, pool: PoolId, now: &PoolNow, to: &TicketType) -> Result<(), Stop> {
    if now.capacity == to.capacity && now.limit == to.limit_per_buyer && now.hold == to.hold() {
        return Ok(());
    }
    if now.hold.is_some() != to.hold().is_some() && shelf.has_orders(pool).await? {
        return Err(impossible(format!(
            "ticket type “{}” has orders, so how it is paid (at the gate or online) cannot change any more: sell another one",
            to.id
        )));
    }
    shelf.change_pool(pool, to).await?;
    match (now.limit, to.limit_per_buyer) {
        (None, Some(_)) => shelf.count_buyers(pool).await?,
        (Some(_), None) => shelf.forget_buyers(pool).await?,
        _ => {}
    }
    Ok(())
}
