//! The bank's records in memory.

use super::{
    keeper::{Change, Keeper},
    record::{Act, Record},
};
use async_trait::async_trait;
use stampede_actors::ports::PortResult;
use stampede_domain::{Millis, PaymentId};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

#[derive(Default)]
pub(super) struct BankMemory(Mutex<Records>);

#[derive(Default)]
struct Records {
    by_id: BTreeMap<PaymentId, Record>,
    by_key: BTreeMap<String, PaymentId>,
    by_time: BTreeMap<(Millis, PaymentId), ()>,
}

impl BankMemory {
    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Keeper for BankMemory {
    async fn open(&self, new: Record) -> PortResult<Record> {
        let mut records = self.records();
        let known = records.by_key.get(&new.key).and_then(|id| records.by_id.get(id));
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let named = (0..).map(|number| new.numbered(number)).find(|named| !records.by_id.contains_key(&named.id));
        let named = named.unwrap_or(new);
        records.by_key.insert(named.key.clone(), named.id.clone());
        records.by_time.insert((named.created_at, named.id.clone()), ());
        records.by_id.insert(named.id.clone(), named.clone());
        Ok(named)
    }

    async fn change(&self, payment: &PaymentId, now: Millis, act: Act) -> PortResult<Option<Change>> {
        let mut records = self.records();
        let Some(record) = records.by_id.get_mut(payment) else { return Ok(None) };
        let change = Change::of(record.clone(), now, &act);
        *record = change.after.clone();
        Ok(Some(change))
    }

    async fn find(&self, payment: &PaymentId) -> PortResult<Option<Record>> {
        Ok(self.records().by_id.get(payment).cloned())
    }

    async fn since(&self, since: Millis, after: Option<&PaymentId>, limit: u32) -> PortResult<Vec<Record>> {
        let records = self.records();
        let after = after.and_then(|id| records.by_id.get(id)).map(|record| (record.created_at, record.id.clone()));
        let is_after =
            |place: &(Millis, PaymentId)| place.0 >= since && after.as_ref().is_none_or(|after| place > after);
        let places = records.by_time.keys().filter(|place| is_after(place));
        let found = places.take(limit as usize).filter_map(|(_, id)| records.by_id.get(id).cloned());
        Ok(found.collect())
    }
}
