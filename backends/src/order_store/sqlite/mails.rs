//! The mails that are owed, in `shop.db`. The file has one writer at a time, so nothing is locked here.

use super::{SqliteOrderStore, mail_rows};
use async_trait::async_trait;
use stampede_actors::ports::{MailKey, MailSums, Outbox, Owed, PortResult};
use stampede_domain::{Millis, OrderId};
use std::time::Duration;

#[async_trait]
impl Outbox for SqliteOrderStore {
    async fn take(&self, now: Millis, lease: Duration, limit: u32) -> PortResult<Vec<Owed>> {
        if !mail_rows::is_any_due(self.readers(), now).await.map_err(self.shop.reading())? {
            return Ok(Vec::new());
        }
        let until = now.plus(lease);
        let taken = self.shop.writer.transaction(move |connection| {
            Box::pin(async move { Ok(mail_rows::take(connection, now, until, limit).await?) })
        });
        taken.await
    }

    async fn sent(&self, mails: &[MailKey], now: Millis) -> PortResult<()> {
        let mails = mails.to_vec();
        let sent = self.shop.writer.transaction(move |connection| {
            Box::pin(async move { Ok(mail_rows::sent(connection, &mails, now).await?) })
        });
        sent.await
    }

    async fn put_off(&self, mail: MailKey, until: Millis) -> PortResult<()> {
        let put_off = self.shop.writer.transaction(move |connection| {
            Box::pin(async move { Ok(mail_rows::put_off(connection, mail, until).await?) })
        });
        put_off.await
    }

    async fn give_up(&self, mail: MailKey, now: Millis, why: &str) -> PortResult<()> {
        let why = why.to_owned();
        let given_up = self.shop.writer.transaction(move |connection| {
            Box::pin(async move { Ok(mail_rows::give_up(connection, mail, now, why).await?) })
        });
        given_up.await
    }

    async fn orders_of(&self, address: &str, limit: u32) -> PortResult<Vec<OrderId>> {
        mail_rows::orders_of(self.readers(), address, limit).await.map_err(self.shop.reading())
    }

    async fn mail_sums(&self) -> PortResult<MailSums> {
        mail_rows::sums(self.readers()).await.map_err(self.shop.reading())
    }
}
