//! The cast: how deep each mailbox is, what it may hold, what was done.

use super::{Cast, ControlRoom, page, wants_html};
use crate::error::Problem;
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use stampede_web::{ActorRow, ActorsPage};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActorJson<'a> {
    name: &'a str,
    instances: u64,
    depth: u64,
    capacity: u64,
    handled: u64,
    refused: u64,
    restarts: u64,
    batches: u64,
    mean_batch_size: Option<f64>,
}

/// Every actor, summed over its instances.
pub(super) async fn show(room: Data<ControlRoom>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let actors = rows(&room.cast);
    if wants_html(&request) {
        return page(room.faces.ops_actors(&ActorsPage { now_ms: room.clock.now().0, actors }));
    }
    Ok(HttpResponse::Ok().json(actors.iter().map(json).collect::<Vec<_>>()))
}

pub(super) fn rows(cast: &Cast) -> Vec<ActorRow> {
    let mut rows: Vec<(ActorRow, u64)> = Vec::new();
    for gate in cast.gates() {
        let index = rows.iter().position(|(row, _)| row.name == gate.actor()).unwrap_or_else(|| {
            rows.push((ActorRow { name: gate.actor().to_owned(), ..ActorRow::default() }, 0));
            rows.len() - 1
        });
        let (row, batched) = &mut rows[index];
        let (batches, messages) = gate.batches();
        row.instances += 1;
        row.depth += u64::from(gate.depth());
        row.capacity += u64::from(gate.capacity());
        row.handled += gate.handled();
        row.refused += gate.refused();
        row.restarts += gate.restarts();
        row.batches += batches;
        *batched += messages;
    }
    rows.into_iter().map(|(row, batched)| with_mean(row, batched)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a mean of counts far below 2^52")]
fn with_mean(mut row: ActorRow, batched: u64) -> ActorRow {
    row.mean_batch_size = (row.batches > 0).then(|| batched as f64 / row.batches as f64);
    row
}

fn json(row: &ActorRow) -> ActorJson<'_> {
    ActorJson {
        name: &row.name,
        instances: row.instances,
        depth: row.depth,
        capacity: row.capacity,
        handled: row.handled,
        refused: row.refused,
        restarts: row.restarts,
        batches: row.batches,
        mean_batch_size: row.mean_batch_size,
    }
}
