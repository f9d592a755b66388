//! `stampede orders export`

use super::existing;
use crate::config::Config;
use anyhow::Context;
use stampede_actors::ports::{CatalogueSnapshot, OrderRecord};
use stampede_domain::PoolId;
use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// Rows read at a time: an export of millions needs the memory of one page.
const PAGE: u32 = 10_000;

const HEADER: [&str; 11] = [
    "order_id",
    "event",
    "ticket_type",
    "quantity",
    "status",
    "reason",
    "user_id",
    "name",
    "email",
    "asked_at",
    "decided_at",
];

/// Writes every order as CSV, in the order of their ids, which is that of their time.
pub(crate) async fn export(config: &Config, output: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let books = existing(config).await?;
    let names = names(&books.catalogue().snapshot().await?);
    let to: Box<dyn Write> = match &output {
        Some(path) => Box::new(File::create(path).with_context(|| format!("{} cannot be written", path.display()))?),
        None => Box::new(io::stdout()),
    };
    let mut csv = csv::Writer::from_writer(to);
    csv.write_record(HEADER)?;
    let store = books.orders();
    let mut after = None;
    loop {
        let page = store.rows_after(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.order);
        for record in &page {
            csv.write_record(row(record, &names))?;
        }
    }
    csv.flush()?;
    books.close().await;
    Ok(ExitCode::SUCCESS)
}

type Names = HashMap<PoolId, (String, String)>;

fn names(catalogue: &CatalogueSnapshot) -> Names {
    let events = catalogue.listings.iter().map(|listing| &listing.event);
    let types = events.flat_map(|event| event.ticket_types.iter().map(move |ticket_type| (event, ticket_type)));
    types
        .map(|(event, ticket_type)| {
            (ticket_type.pool(&event.slug), (event.slug.to_string(), ticket_type.id.to_string()))
        })
        .collect()
}

fn row(record: &OrderRecord, names: &Names) -> [String; 11] {
    let unknown = || (record.pool.to_string(), String::new());
    let (event, ticket_type) = names.get(&record.pool).cloned().unwrap_or_else(unknown);
    let text = |text: &Option<String>| harmless(text.as_deref().unwrap_or(""));
    [
        record.order.to_string(),
        event,
        ticket_type,
        record.quantity.to_string(),
        record.status.as_str().to_owned(),
        record.reason.map_or("", |reason| reason.as_str()).to_owned(),
        text(&record.contact.user_id),
        text(&record.contact.name),
        text(&record.contact.email),
        record.asked_at.rfc3339(),
        record.decided_at.rfc3339(),
    ]
}

/// Spreadsheets run what begins like a formula (OWASP: CSV injection), and buyers choose their names.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_formula() {
        assert_eq!(harmless("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(harmless("Eva"), "Eva");
    }
}
