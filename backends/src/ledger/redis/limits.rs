//! Rate limits: the keys `{prefix:limit:NAME:OF}`.

use super::{
    RedisLedger,
    fault::whole,
    scripts::Script,
    wire::{Packed, Reader, text},
};
use redis::Cmd;
use stampede_actors::ports::{PortResult, Take, Taken};
use std::time::Duration;

impl RedisLedger {
    /// Takes units, each key's in a call of its own, all in one go.
    pub(crate) async fn take_units(&self, asked: &[Take]) -> PortResult<Vec<Taken>> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let calls: Vec<_> = asked.iter().map(|take| self.take_call(take)).collect();
        let answers = whole(self.link.ask(&calls).await)?;
        answers.into_iter().map(|answer| read_taken(&text(answer)?)).collect()
    }

    fn take_call(&self, take: &Take) -> Cmd {
        let Take { key, quota, units } = take;
        let name = format!("{{{}:limit:{}:{:032x}}}", self.prefix, key.limit.name(), key.of);
        let given = self.given.as_ref().map_or(-1, |clock| clock.now().0);
        let mut packed = Packed::default();
        packed.number(given);
        for number in [*units, quota.burst.max(1), quota.per_second.max(1)] {
            packed.number(number.into());
        }
        self.link.digests.call(Script::Take, &name, &[&packed.0])
    }
}

pub(super) fn read_taken(answer: &[u8]) -> PortResult<Taken> {
    let mut reader = Reader(answer);
    let (granted, remaining) = (reader.units()?, reader.units()?);
    Ok(Taken { granted, remaining, retry_after: Duration::from_micros(reader.count()?) })
}
