//! The mails that are owed, in Postgres. Two who take at once never take the same one.

use super::{PostgresOrderStore, mail_rows};
use crate::postgres::{End, Patience, Source, Work};
use async_trait::async_trait;
use sqlx::PgConnection;
use stampede_actors::ports::{MailKey, MailSums, Outbox, Owed, PortResult};
use stampede_domain::{Millis, OrderId};
use std::time::Duration;

#[async_trait]
impl Outbox for PostgresOrderStore {
    async fn take(&self, now: Millis, lease: Duration, limit: u32) -> PortResult<Vec<Owed>> {
        let until = now.plus(lease);
        let taken = self.database.transaction(Patience::Ordinary, "", move |connection, _| {
            Box::pin(async move {
                let taken = mail_rows::take(connection, now, until, limit).await?;
                Ok(if taken.is_empty() { End::RollBack(taken) } else { End::Commit(taken) })
            })
        });
        taken.await
    }

    async fn sent(&self, mails: &[MailKey], now: Millis) -> PortResult<()> {
        let mails = mails.to_vec();
        self.write(move |connection| Box::pin(async move { Ok(mail_rows::sent(connection, &mails, now).await?) })).await
    }

    async fn put_off(&self, mail: MailKey, until: Millis) -> PortResult<()> {
        self.write(move |connection| Box::pin(async move { Ok(mail_rows::put_off(connection, mail, until).await?) }))
            .await
    }

    async fn give_up(&self, mail: MailKey, now: Millis, why: &str) -> PortResult<()> {
        // A text column takes any character but this one.
        let why = why.replace('\0', " ");
        self.write(move |connection| Box::pin(async move { Ok(mail_rows::give_up(connection, mail, now, why).await?) }))
            .await
    }

    /// By the replica: it is shown to people, who have just been sent a mail.
    async fn orders_of(&self, address: &str, limit: u32) -> PortResult<Vec<OrderId>> {
        let address = address.to_owned();
        let found = self.database.read(Source::Replica, move |connection| {
            let address = address.clone();
            Box::pin(async move { Ok(mail_rows::orders_of(connection, &address, limit).await?) })
        });
        found.await
    }

    async fn mail_sums(&self) -> PortResult<MailSums> {
        let sums = self
            .database
            .read(Source::Replica, |connection| Box::pin(async move { Ok(mail_rows::sums(connection).await?) }));
        sums.await
    }
}

impl PostgresOrderStore {
    /// One statement that changes rows, as a transaction.
    async fn write<F>(&self, work: F) -> PortResult<()>
    where
        F: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, ()> + Send + 'static,
    {
        let written = self.database.transaction(Patience::Ordinary, "", move |connection, _| {
            Box::pin(async move { work(connection).await.map(End::Commit) })
        });
        written.await
    }
}
