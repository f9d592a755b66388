//! The mails that are owed, in memory.

use super::MemoryOrderStore;
use crate::memory::{MailRow, Tables};
use async_trait::async_trait;
use stampede_actors::ports::{MailKey, MailSums, Outbox, Owed, PortResult};
use stampede_domain::{Millis, OrderId};
use std::time::Duration;

#[async_trait]
impl Outbox for MemoryOrderStore {
    async fn take(&self, now: Millis, lease: Duration, limit: u32) -> PortResult<Vec<Owed>> {
        let mut tables = self.shop.tables().await;
        let waiting = tables.mails.iter().filter_map(|(mail, row)| Some((row.due_at?, row.owed_at, *mail)));
        let mut due: Vec<_> = waiting.filter(|(due, ..)| *due <= now).collect();
        due.sort_unstable();
        due.truncate(limit as usize);
        let mut taken = Vec::with_capacity(due.len());
        for (.., mail) in due {
            let Some(row) = tables.mails.get_mut(&mail) else { continue };
            row.due_at = Some(now.plus(lease));
            row.attempts += 1;
            taken.push(Owed { order: mail.0, occasion: mail.1, attempts: row.attempts });
        }
        Ok(taken)
    }

    async fn sent(&self, mails: &[MailKey], _now: Millis) -> PortResult<()> {
        let mut tables = self.shop.tables().await;
        for mail in mails {
            if let Some(row) = tables.mails.get_mut(mail) {
                (row.due_at, row.given_up_at) = (None, None);
            }
        }
        Ok(())
    }

    async fn put_off(&self, mail: MailKey, until: Millis) -> PortResult<()> {
        let mut tables = self.shop.tables().await;
        if let Some(row) = tables.mails.get_mut(&mail).filter(|row| row.due_at.is_some()) {
            row.due_at = Some(until);
        }
        Ok(())
    }

    async fn give_up(&self, mail: MailKey, now: Millis, _why: &str) -> PortResult<()> {
        let mut tables = self.shop.tables().await;
        if let Some(row) = tables.mails.get_mut(&mail).filter(|row| row.due_at.is_some()) {
            (row.due_at, row.given_up_at) = (None, Some(now));
        }
        Ok(())
    }

    async fn orders_of(&self, address: &str, limit: u32) -> PortResult<Vec<OrderId>> {
        let tables = self.shop.tables().await;
        let of_the_address = tables.addresses.iter().filter(|(other, _)| other == address);
        Ok(of_the_address.rev().take(limit as usize).map(|(_, order)| *order).collect())
    }

    async fn mail_sums(&self) -> PortResult<MailSums> {
        let tables = self.shop.tables().await;
        let waiting = || tables.mails.values().filter(|row| row.due_at.is_some());
        Ok(MailSums {
            waiting: waiting().count() as u64,
            oldest: waiting().map(|row| row.owed_at).min(),
            given_up: tables.mails.values().filter(|row| row.given_up_at.is_some()).count() as u64,
        })
    }
}

/// Owes mails; those that were owed before stay as they are.
pub(super) fn owe(tables: &mut Tables, now: Millis, mails: Vec<MailKey>) {
    for mail in mails {
        let row = MailRow { owed_at: now, due_at: Some(now), attempts: 0, given_up_at: None };
        tables.mails.entry(mail).or_insert(row);
    }
}
