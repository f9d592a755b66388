//! Pausing and resuming a sale: behind a token, said with who and why.

use super::{
    ControlRoom,
    journal::Loudness,
    room::{self, Attempt},
    wants_html,
};
use crate::{body, error::Problem, same_site};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use stampede_actors::cache_sync::SteerSale;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// How long the catalogue may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long who guesses the token waits, one after the other: a token of ten random letters outlasts the sale.
const AFTER_A_WRONG_TOKEN: Duration = Duration::from_secs(1);

/// What is sent.
#[derive(Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    #[garde(length(max = 64))]
    event: String,
    #[garde(skip)]
    paused: bool,
    #[garde(length(chars, min = 1, max = 80), custom(body::readable), custom(body::visible))]
    who: String,
    #[garde(length(chars, min = 1, max = 200), custom(body::readable), custom(body::visible))]
    why: String,
    #[garde(length(max = 200))]
    token: String,
}

#[derive(Serialize)]
struct Done<'a> {
    event: &'a str,
    paused: bool,
}

/// Pauses or resumes. Browsers are led back to the control room, programs get JSON.
pub(super) async fn steer(
    room: Data<ControlRoom>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    same_site::check(None, &request)?;
    let order: Order = body::form(&request, payload).await?;
    let (event, paused) = (order.event.clone(), order.paused);
    match obey(&room, &order).await {
        Ok(()) if wants_html(&request) => {
            Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, "/ops")).finish())
        }
        Ok(()) => Ok(HttpResponse::Ok().json(Done { event: &event, paused })),
        Err(problem) if wants_html(&request) => {
            let attempt = Attempt { wrong: Some(problem.detail.to_string()), who: order.who, why: order.why };
            let mut page = room::show_again(&room, attempt).await?;
            *page.status_mut() = problem.status;
            Ok(page)
        }
        Err(problem) => Err(problem),
    }
}

async fn obey(room: &ControlRoom, order: &Order) -> Result<(), Problem> {
    let (Some(token), Some(mailbox)) = (&room.node.token, &room.steer) else {
        let why = room.steering_is_closed().unwrap_or_default();
        return Err(Problem::new(StatusCode::FORBIDDEN, "steering_closed", "Not from here", why));
    };
    if !bool::from(order.token.as_bytes().ct_eq(token.as_bytes())) {
        return Err(refuse_token(room).await);
    }
    body::validate(order)?;
    let event = order.event.parse().map_err(|_| no_such_event())?;
    let steered = mailbox.ask_within(PATIENCE, SteerSale { event, paused: order.paused }).await?;
    match steered {
        Ok(true) => {
            let Order { event, paused, who, why, .. } = order;
            let did = if *paused { "paused" } else { "resumed" };
            tracing::info!(event, who, why, "the sale was {did} by an operator");
            room.journal.write(room.clock.now(), Loudness::Deed, &format!("{event}: {did} by {who}: {why}"));
            Ok(())
        }
        Ok(false) => Err(no_such_event()),
        Err(failure) => {
            tracing::warn!(%failure, "the sale could not be steered");
            let detail = "Whether the sale was changed is not known: look at it in a moment, and try again.";
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_known", "Not known", detail);
            Err(problem.after(Duration::from_secs(1)))
        }
    }
}

async fn refuse_token(room: &ControlRoom) -> Problem {
    let _one_after_the_other = room.guesses.lock().await;
    tracing::warn!("somebody tried to steer the sale with a wrong token");
    tokio::time::sleep(AFTER_A_WRONG_TOKEN).await;
    let detail = "The token is not the one of STAMPEDE_OPS_TOKEN.";
    Problem::new(StatusCode::FORBIDDEN, "wrong_token", "Wrong token", detail)
}

fn no_such_event() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_such_event", "No such event", "There is no event of that name.")
}
