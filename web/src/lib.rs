//! The face of Stampede: templates, static files, typed page functions and their view models.
//!
//! A page is one view model, one function of [`Faces`], one template. View models carry raw values (minor units, unix
//! milliseconds, counts); how Austrians and English readers see them is decided here. Absent on purpose: every other
//! crate of ours, HTTP, clocks, cookies, rules about tickets. What a page may say is in `texts.rs`, in both languages.

mod assets;
mod calendar;
pub mod chart;
mod faces;
mod filters;
pub mod format;
mod lang;
pub mod lettering;
mod mails;
mod pages;
mod paper;
mod qr;
mod texts;
pub mod wave;

pub use assets::{Asset, asset, asset_url};
pub use calendar::calendar;
pub use faces::{FaceError, Faces, KEY_SLOT};
pub use lang::Lang;
pub use mails::{ConfirmationMail, ExpiryMail, HeaderText, Mail, MailedOrder, OrdersLinkMail, RefundMail, RefundWhy};
pub use pages::Links;
pub use pages::bank::{BankCardPage, BankPayment, BankStepPage, TestCard};
pub use pages::checkout::CheckoutPage;
pub use pages::error::ErrorPage;
pub use pages::event::{EventPage, EventTexts, FieldError, FormView, SaleStateView, TicketTypeView};
pub use pages::money::{PriceView, ReceiptView, RefundState, RefundView};
pub use pages::my::{FindOrdersPage, LinkSentPage, MyOrderRow, MyOrdersPage};
pub use pages::ops::{ActorRow, ActorsPage, AuditPage, LawRow};
pub use pages::order::{
    CancelledView, DeclineView, ExpiredView, ExtendView, HoldView, OrderDetails, OrderPage, OrderStatusView,
};
pub use pages::refused::{RefusalView, RefusedPage};
pub use pages::room::{
    AdviceRow, Chart, CountRow, Headline, LagRow, Line, MailboxRow, PoolRow, RoomPage, SteeredEvent, Steering, Tone,
    TroubleRow, Units,
};
pub use pages::tickets::{TicketView, TicketsPage};
pub use pages::xray::{StepRow, XrayPage};
pub use paper::{PaperError, tickets_pdf};
