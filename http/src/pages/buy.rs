//! The buy form: to the order's page when it is taken, else the same page with the reason and everything that was typed.

use super::{
    checkout::{self, Wanted},
    cookies, language, rendered, see_other, views,
};
use crate::{
    api::availability::event_slug, body, desk::Desk, door, error::Problem, pages::cache::Spliceable, same_site,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path, Payload},
};
use garde::Validate;
use serde::Deserialize;
use stampede_actors::{
    inventory::{EventShown, FindEvent, PlaceOrder, Placed},
    mailbox::NoAnswer,
    trace,
};
use stampede_domain::{BuyerId, Contact, EventSlug, OrderId, OrderRefused, event::MAX_PER_ORDER, key};
use stampede_web::{FieldError, FormView, RefusalView, RefusedPage};

/// The form as it is sent: texts, whatever they say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BuyForm {
    #[serde(default)]
    key: String,
    #[serde(default)]
    ticket_type_id: String,
    #[serde(default)]
    quantity: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    /// Says that the form is the checkout's: what is paid online is ordered nowhere else.
    #[serde(default)]
    checkout: String,
}

/// The same with its meaning.
#[derive(Debug, Validate)]
struct Input {
    #[garde(range(min = 1, max = MAX_PER_ORDER))]
    quantity: u32,
    #[garde(length(chars, min = 1, max = 200), custom(body::readable), custom(body::visible))]
    name: String,
    #[garde(inner(length(chars, max = 254), email, custom(body::readable)))]
    email: Option<String>,
}

/// Why there is no order, and with which status.
struct No {
    status: StatusCode,
    refusal: RefusalView,
    errors: Vec<FieldError>,
}

/// Takes an order from the form.
pub(super) async fn buy(
    desk: Data<Desk>,
    request: HttpRequest,
    address: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    same_site::check(desk.shop.options.public_url.as_deref(), &request)?;
    let slug = event_slug(&address.1)?;
    let form: BuyForm = body::form(&request, payload).await?;
    let shown = desk.mailboxes.find_event.ask(FindEvent(Some(slug.clone()))).await??;
    let is_online = checkout::online(&shown, &form.ticket_type_id).is_some();
    if is_online && form.checkout.is_empty() {
        return to_checkout(&desk, &request, &shown, form);
    }
    match place(&desk, &request, &slug, &form, is_online).await? {
        Ok(order) => {
            let signed = desk.shop.signer.order_key(order);
            let mut response = see_other(&format!("/{}/orders/{order}?k={signed}", language(&request).tag()));
            response.add_cookie(&cookies::with_order(&desk, &request, order)).map_err(|_| Problem::internal())?;
            Ok(response)
        }
        Err(no) => refused(&desk, &request, &shown, form, no),
    }
}

/// On to the checkout, from the event's page. What was typed there already goes along in the answer, never in an address.
fn to_checkout(desk: &Desk, request: &HttpRequest, shown: &EventShown, form: BuyForm) -> Result<HttpResponse, Problem> {
    let (Ok(quantity), lang) = (quantity(&form), language(request)) else {
        let wrong = FieldError { field: "quantity".into(), code: "out_of_range".into() };
        let no = No { status: StatusCode::UNPROCESSABLE_ENTITY, refusal: RefusalView::Invalid, errors: vec![wrong] };
        return refused(desk, request, shown, form, no);
    };
    if form.name.trim().is_empty() && form.email.trim().is_empty() {
        return Ok(see_other(&checkout::url(lang, shown, &form.ticket_type_id, quantity)));
    }
    let BuyForm { key, ticket_type_id, quantity: typed, name, email, .. } = form;
    let key = key::order_id(&key, desk.now()).unwrap_or_else(|_| desk.keys.fresh());
    let form = Some(FormView { quantity: typed, name, email, errors: Vec::new() });
    let wanted = Wanted { ticket_type: &ticket_type_id, quantity, key, form, refusal: None };
    Ok(checkout::response(StatusCode::OK).body(checkout::page(desk, lang, shown, wanted)?))
}

/// How many, if one may ask for so many at all.
fn quantity(form: &BuyForm) -> Result<u32, ()> {
    let quantity = form.quantity.trim().parse().map_err(drop)?;
    if (1..=MAX_PER_ORDER).contains(&quantity) { Ok(quantity) } else { Err(()) }
}

async fn place(
    desk: &Desk,
    request: &HttpRequest,
    slug: &EventSlug,
    form: &BuyForm,
    needs_email: bool,
) -> Result<Result<OrderId, No>, Problem> {
    let input = match read(form, needs_email) {
        Ok(input) => input,
        Err(errors) => {
            return Ok(Err(No { status: StatusCode::UNPROCESSABLE_ENTITY, refusal: RefusalView::Invalid, errors }));
        }
    };
    let Ok(order) = key::order_id(&form.key, desk.now()) else {
        return Ok(Err(No {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            refusal: RefusalView::KeyStale,
            errors: Vec::new(),
        }));
    };
    let ticket_type = Some(form.ticket_type_id.clone()).filter(|id| !id.is_empty());
    let buyer = buyer(desk, request, &input, order);
    let reads = language(request).tag().to_owned();
    let contact = Contact { user_id: None, name: Some(input.name), email: input.email, language: Some(reads) };
    let message = PlaceOrder {
        order,
        event: Some(slug.clone()),
        ticket_type,
        quantity: input.quantity,
        buyer,
        contact,
        trace: trace::current(),
    };
    let placed = match door::place(desk, request, message).await {
        Ok(placed) => placed,
        Err(NoAnswer::Full) => return Ok(Err(busy(&Problem::from(NoAnswer::Full)))),
        Err(NoAnswer::Unknown) => return Ok(Err(unknown(desk, request, order, &Problem::unknown(order)))),
    };
    let Some(problem) = Problem::of(&placed, order, desk.now()) else { return Ok(Ok(order)) };
    match placed {
        Placed::Refused(refused) => Ok(Err(no(desk, request, order, &problem, refused))),
        Placed::Unknown { .. } => Ok(Err(unknown(desk, request, order, &problem))),
        Placed::TooOften { .. } => {
            let refusal = RefusalView::TooMany { retry_after_s: problem.retry_after_s().unwrap_or(1) };
            Ok(Err(No { status: problem.status, refusal, errors: Vec::new() }))
        }
        Placed::PutOff { .. } => Ok(Err(busy(&problem))),
        Placed::Accepted { .. } | Placed::NotForSale => Err(problem),
    }
}

/// Whose limit an order of the form counts for: the e-mail's, else the browser's, else (no cookies) its own.
fn buyer(desk: &Desk, request: &HttpRequest, input: &Input, order: OrderId) -> BuyerId {
    match (&input.email, cookies::session(desk, request)) {
        (Some(email), _) => BuyerId::from_email(email),
        (None, Some(session)) => BuyerId::from_session(&session),
        (None, None) => BuyerId::from_session(&order.to_string()),
    }
}

/// An e-mail is needed where tickets are paid for online: they are sent there, and what goes wrong with the money is told there.
fn read(form: &BuyForm, needs_email: bool) -> Result<Input, Vec<FieldError>> {
    let quantity = form.quantity.trim().parse();
    let email = Some(form.email.trim().to_owned()).filter(|email| !email.is_empty());
    let input = Input { quantity: quantity.clone().unwrap_or(1), name: form.name.trim().to_owned(), email };
    let mut errors: Vec<FieldError> = Vec::new();
    let mut wrong =
        |field: &str, code: &str| errors.push(FieldError { field: field.to_owned(), code: code.to_owned() });
    if quantity.is_err() {
        wrong("quantity", "not_a_number");
    }
    if needs_email && input.email.is_none() {
        wrong("email", "required");
    }
    if let Err(report) = input.validate() {
        for (path, _) in report.iter() {
            let field = path.to_string();
            wrong(&field, code(&field, &input));
        }
    }
    // Validation has an order of its own; the form's is the one people go through.
    let place = |field: &str| ["quantity", "name", "email"].iter().position(|one| *one == field);
    errors.sort_by_key(|error| place(&error.field));
    errors.dedup_by(|later, earlier| later.field == earlier.field);
    if errors.is_empty() { Ok(input) } else { Err(errors) }
}

fn code(field: &str, input: &Input) -> &'static str {
    match field {
        "quantity" => "out_of_range",
        "name" if input.name.chars().all(body::is_unseen) => "required",
        "name" if input.name.chars().count() > 200 => "too_long",
        _ => "invalid_characters",
    }
}

fn no(desk: &Desk, request: &HttpRequest, order: OrderId, problem: &Problem, refused: OrderRefused) -> No {
    let mut errors = Vec::new();
    let refusal = match refused {
        OrderRefused::NotOpen { opens_at } => RefusalView::NotOpen { opens_at_ms: opens_at.0 },
        OrderRefused::Paused => RefusalView::Paused,
        OrderRefused::SaleOver => RefusalView::Over,
        OrderRefused::SoldOut { free, .. } => RefusalView::SoldOut { available: free.into() },
        OrderRefused::LimitReached { limit, .. } => RefusalView::LimitReached { limit },
        OrderRefused::TooManyAtOnce { .. } => {
            errors.push(FieldError { field: "quantity".into(), code: "out_of_range".into() });
            RefusalView::Invalid
        }
        OrderRefused::KeyReused => {
            let mine = cookies::orders(desk, request).contains(&order);
            RefusalView::KeyReused { order_url: mine.then(|| order_url(desk, request, order)) }
        }
        // The form's order has come to nothing; the page brings a fresh key, so the next try is a new order.
        OrderRefused::Ended(_) => RefusalView::KeyStale,
    };
    No { status: problem.status, refusal, errors }
}

/// Nothing was taken; the same form can be sent again.
fn busy(problem: &Problem) -> No {
    let refusal = RefusalView::Busy { retry_after_s: problem.retry_after_s().unwrap_or(1), order_url: None };
    No { status: problem.status, refusal, errors: Vec::new() }
}

fn unknown(desk: &Desk, request: &HttpRequest, order: OrderId, problem: &Problem) -> No {
    let retry_after_s = problem.retry_after_s().unwrap_or(1);
    let refusal = RefusalView::Unknown { order_url: order_url(desk, request, order), retry_after_s };
    No { status: problem.status, refusal, errors: Vec::new() }
}

fn order_url(desk: &Desk, request: &HttpRequest, order: OrderId) -> String {
    format!("/{}/orders/{order}?k={}", language(request).tag(), desk.shop.signer.order_key(order))
}

/// The page again, with the reason, the input and a key: the same one while the outcome is open, so that pressing the button
/// again asks for the same order; else a fresh one.
fn refused(
    desk: &Desk,
    request: &HttpRequest,
    shown: &EventShown,
    form: BuyForm,
    no: No,
) -> Result<HttpResponse, Problem> {
    let lang = language(request);
    let (at_checkout, wanted_quantity) = (!form.checkout.is_empty(), quantity(&form));
    let kept = FormView { quantity: form.quantity, name: form.name, email: form.email, errors: no.errors };
    let keeps_key =
        matches!(no.refusal, RefusalView::Unknown { .. } | RefusalView::Busy { .. } | RefusalView::TooMany { .. });
    let key = form.key.parse().ok().filter(|_| keeps_key).unwrap_or_else(|| desk.keys.fresh());
    let mut response = checkout::response(no.status);
    if let RefusalView::Busy { retry_after_s, .. }
    | RefusalView::Unknown { retry_after_s, .. }
    | RefusalView::TooMany { retry_after_s } = &no.refusal
    {
        response.insert_header((header::RETRY_AFTER, retry_after_s.to_string()));
    }
    // At the checkout the number cannot be changed: who asks for one that cannot be goes back to where it can.
    if let (true, Ok(quantity), Some((of, ..))) =
        (at_checkout, wanted_quantity, checkout::online(shown, &form.ticket_type_id))
        && quantity <= of.max_per_order
    {
        let (form, refusal) = (Some(kept), Some(no.refusal));
        let wanted = Wanted { ticket_type: of.id.as_str(), quantity, key, form, refusal };
        return Ok(response.body(checkout::page(desk, lang, shown, wanted)?));
    }
    let event = views::event(lang, shown, Some(&form.ticket_type_id), Some(kept));
    let page = rendered(desk.shop.faces.refused(lang, &RefusedPage { event, refusal: no.refusal }))?;
    Ok(response.body(Spliceable::new(&page).with(key)))
}
