//! One order's X-ray: what this process remembers of its steps, what ledger and store know. Nothing of its buyer.

use super::{ControlRoom, page, wants_html};
use crate::error::Problem;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use serde::{Deserialize, Serialize};
use stampede_actors::{
    cache_sync::{OrderSeen, XrayOrder},
    flight::{self, Noted, Step},
    ports::{OrderRecord, PortResult},
};
use stampede_domain::{Millis, OrderId, ledger::Known};
use stampede_web::{StepRow, XrayPage};
use std::time::Duration;

/// How long ledger and store are waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked for in a form.
#[derive(Default, Deserialize)]
struct Asked {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct XrayJson<'a> {
    order: &'a str,
    stands: &'a str,
    steps: Vec<StepJson<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepJson<'a> {
    step: &'a str,
    /// Unix milliseconds; `null`: not known here.
    at_ms: Option<i64>,
    by: &'a str,
    source: &'a str,
}

/// Leads the form to the order's address.
pub(super) async fn lead(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let asked = serde_urlencoded::from_str::<Asked>(request.query_string()).unwrap_or_default();
    let order = read(asked.id.trim())?;
    Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, format!("/ops/orders/{order}"))).finish())
}

/// Shows what is known of an order. 404 when nobody knows it.
pub(super) async fn show(
    room: Data<ControlRoom>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let order = read(&id)?;
    let seen = room.xray.ask_within(PATIENCE, XrayOrder(order)).await?;
    let notes = flight::find(order);
    let shown = developed(&room, order, &seen, &notes);
    let is_known = !shown.steps.is_empty();
    let status = if is_known || seen.row.is_err() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    if wants_html(&request) {
        let mut answer = page(room.faces.ops_xray(&shown))?;
        *answer.status_mut() = status;
        return Ok(answer);
    }
    if status == StatusCode::NOT_FOUND {
        return Err(Problem::new(status, "no_such_order", "No such order", shown.stands));
    }
    let steps = shown.steps.iter().map(|step| StepJson {
        step: &step.name,
        at_ms: step.at_ms,
        by: &step.by,
        source: &step.source,
    });
    Ok(HttpResponse::build(status).json(XrayJson { order: &shown.id, stands: &shown.stands, steps: steps.collect() }))
}

fn read(id: &str) -> Result<OrderId, Problem> {
    let detail = "An order's id is a UUID, e.g. 01890a5d-ac96-774b-bcce-b302099a8057.";
    id.parse().map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "no_order_id", "No order id", detail))
}

fn developed(room: &ControlRoom, order: OrderId, seen: &OrderSeen, notes: &[Noted]) -> XrayPage {
    let row = seen.row.as_ref().ok().and_then(Option::as_ref);
    let is_known = !notes.is_empty() || row.is_some() || is_in_flight(&seen.ledger);
    XrayPage {
        now_ms: room.clock.now().0,
        id: order.to_string(),
        stands: stands(seen),
        steps: if is_known { steps(&room.node.name, order, row, notes) } else { Vec::new() },
        facts: row.map(facts).unwrap_or_default(),
    }
}

fn is_in_flight(ledger: &PortResult<Option<Known>>) -> bool {
    matches!(ledger, Ok(Some(Known::Claimed { .. } | Known::Noted(_))))
}

fn stands(seen: &OrderSeen) -> String {
    let in_the_ledger = match &seen.ledger {
        Ok(Some(Known::Claimed { promised: true, .. })) => "The ledger has promised it.",
        Ok(Some(Known::Claimed { promised: false, .. })) => "The ledger has claimed its units; it is not promised.",
        Ok(Some(Known::Noted(_))) => "The ledger knows of the decision.",
        Ok(Some(Known::Nothing)) => "The ledger knows nothing of it.",
        Ok(None) => "The ledger is not open, or may yet learn of it.",
        Err(_) => "The ledger cannot be asked.",
    };
    match &seen.row {
        Ok(Some(row)) => {
            let reason = row.reason.map(|reason| format!(" ({})", reason.as_str())).unwrap_or_default();
            format!("Decided: {}{reason}. {in_the_ledger}", row.status.as_str())
        }
        Ok(None) => format!("The store has no row of it. {in_the_ledger}"),
        Err(_) => format!("The store cannot be asked. {in_the_ledger}"),
    }
}

/// The steps of the protocol, each as far as it is known.
fn steps(node: &str, order: OrderId, row: Option<&OrderRecord>, notes: &[Noted]) -> Vec<StepRow> {
    let asked_at = row.map_or(order.time(), |row| row.asked_at);
    let asked = StepRow {
        name: "asked".into(),
        at_ms: Some(asked_at.0),
        after_ms: Some(0),
        by: String::new(),
        source: if row.is_some() { "the row" } else { "the order's id, by the buyer's clock" }.into(),
    };
    let taken = Step::ALL.into_iter().map(|step| {
        let noted = notes.iter().find(|noted| noted.step == step);
        let by_row = row.filter(|_| step == Step::Committed).map(|row| row.decided_at);
        let at = noted.map(|noted| noted.at).or(by_row);
        let with = |noted: &Noted| format!("{node}, {}", together(noted.batch));
        StepRow {
            name: step.name().into(),
            at_ms: at.map(|at| at.0),
            after_ms: at.map(|Millis(at)| at - asked_at.0),
            by: noted.map(with).unwrap_or_default(),
            source: match (noted, by_row) {
                // The ledger does not say of each order whether it was open to hear it.
                (Some(_), _) if step == Step::Settled => {
                    "this process, which told the ledger; what that knows is above".into()
                }
                (Some(_), _) => "this process".into(),
                (None, Some(_)) => "the row".into(),
                (None, None) => "not kept here: another process did it, or it is long ago".into(),
            },
        }
    });
    std::iter::once(asked).chain(taken).collect()
}

fn together(batch: u32) -> String {
    match batch {
        0 | 1 => "alone".into(),
        more => format!("with {} others", more - 1),
    }
}

fn facts(row: &OrderRecord) -> Vec<(String, String)> {
    vec![
        ("Units".into(), row.quantity.to_string()),
        ("Pool".into(), row.pool.to_string()),
        ("Version of the pool at the decision, the same for all of its batch".into(), row.version.to_string()),
        ("Asked".into(), row.asked_at.rfc3339()),
        ("Decided".into(), row.decided_at.rfc3339()),
    ]
}
