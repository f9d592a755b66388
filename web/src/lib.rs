//! The face of Stampede: templates, static files, typed page functions and their view models.
//!
//! A page is one view model, one function of [`Faces`], one template. View models carry raw values (minor units, unix
//! milliseconds, counts); how Austrians and English readers see them is decided here. Absent on purpose: every other
//! crate of ours, HTTP, clocks, cookies, rules about tickets. What a page may say is in `texts.rs`, in both languages.

mod assets;
pub mod chart;
mod faces;
mod filters;
pub mod format;
mod lang;
pub mod lettering;
mod pages;
mod texts;
pub mod wave;

pub use assets::{Asset, asset, asset_url};
pub use faces::{FaceError, Faces, KEY_SLOT};
pub use lang::Lang;
pub use pages::Links;
pub use pages::error::ErrorPage;
pub use pages::event::{EventPage, EventTexts, FieldError, FormView, SaleStateView, TicketTypeView};
pub use pages::ops::{ActorRow, ActorsPage, AuditPage, LawRow};
pub use pages::order::{OrderDetails, OrderPage, OrderStatusView};
pub use pages::refused::{RefusalView, RefusedPage};
pub use pages::room::{
    AdviceRow, Chart, CountRow, Headline, LagRow, Line, MailboxRow, PoolRow, RoomPage, SteeredEvent, Steering, Tone,
    TroubleRow, Units,
};
pub use pages::xray::{StepRow, XrayPage};
