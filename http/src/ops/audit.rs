//! The laws, over every row.

use super::{ControlRoom, page, wants_html};
use crate::error::Problem;
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use serde::Serialize;
use stampede_actors::{
    audit::{AuditReport, LawFound},
    cache_sync::AuditLaws,
};
use stampede_web::{AuditPage, LawRow};
use std::time::Duration;

/// How long an audit may take: it reads every row, about a million a second.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuditJson<'a> {
    at: String,
    holds: bool,
    waiting: Option<u64>,
    dead_letters: u64,
    laws: Vec<LawJson<'a>>,
    pools: Vec<PoolJson<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LawJson<'a> {
    law: &'a str,
    /// `null`: could not be judged.
    holds: Option<bool>,
    breaches: &'a [String],
    looked_at: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PoolJson<'a> {
    name: &'a str,
    capacity: u32,
    held: u32,
    sold: u32,
    orders: u64,
    orders_by_status: Vec<(&'a str, u64, u64)>,
}

/// 200 when every law holds, 500 when one is broken.
pub(super) async fn show(room: Data<ControlRoom>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let report = room.audit.ask_within(PATIENCE, AuditLaws).await?.map_err(|failure| {
        tracing::warn!(%failure, "the laws could not be checked");
        Problem::from(stampede_actors::mailbox::NoAnswer::Unknown)
    })?;
    let status = if report.holds() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    if wants_html(&request) {
        let laws = report.laws.iter().map(row).collect();
        let mut table = page(room.faces.ops_audit(&AuditPage { now_ms: report.at.0, laws }))?;
        *table.status_mut() = status;
        return Ok(table);
    }
    Ok(HttpResponse::build(status).json(json(&report)))
}

fn row(found: &LawFound) -> LawRow {
    LawRow {
        name: found.law.name().to_owned(),
        says: found.law.says().to_owned(),
        holds: found.holds(),
        found: if found.breaches.is_empty() { found.looked_at.clone() } else { found.breaches.join("; ") },
    }
}

fn json(report: &AuditReport) -> AuditJson<'_> {
    let laws = report.laws.iter().map(|found| LawJson {
        law: found.law.name(),
        holds: found.holds(),
        breaches: &found.breaches,
        looked_at: &found.looked_at,
    });
    let pools = report.pools.iter().map(|pool| PoolJson {
        name: &pool.name,
        capacity: pool.sums.numbers.capacity,
        held: pool.sums.numbers.held,
        sold: pool.sums.numbers.sold,
        orders: pool.sums.orders,
        orders_by_status: pool
            .by_status
            .iter()
            .map(|(status, orders, units)| (status.as_str(), *orders, *units))
            .collect(),
    });
    AuditJson {
        at: report.at.rfc3339(),
        holds: report.holds(),
        waiting: report.waiting,
        dead_letters: report.dead_letters,
        laws: laws.collect(),
        pools: pools.collect(),
    }
}
