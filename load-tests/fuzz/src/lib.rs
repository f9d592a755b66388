//! A property for every parser that faces the net or the disk: `README.md` has the table.
//!
//! A target is a plain function of bytes that panics when something does not hold. libFuzzer calls it (`make fuzz`, the programs
//! in `libfuzzer/`), and so does the test of every day (`tests/replay.rs`), with the corpus that is kept and with mutations of it
//! from a fixed seed. Absent: what parses for us and is not ours (HTTP's heads, SQLite's pages, Redis's and Google's protocols).

mod bus;
mod bytes;
mod door;
mod events;
mod files;
mod names;
mod orders;
mod paying;
mod redis;
mod requests;
mod rows;
mod settings;
mod shop;
mod tickets;

pub use bus::{bus_message, label};
pub use door::{languages, networks, origins, seals, visitor};
pub use events::event_file;
pub use files::{sums, write_ahead_log};
pub use names::{health_answer, order_key, slug};
pub use orders::{buy_form, buy_json, order_page};
pub use paying::{hold_rows, notice, pay_form, pay_json};
pub use redis::redis_answer;
pub use requests::request;
pub use rows::{queue_rows, shop_rows};
pub use settings::{command_line, setting};
pub use shop::{Answered, answered, laws_hold};
pub use tickets::ticket;

/// A property of bytes.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its program, its corpus and its row in the table.
pub const TARGETS: &[(&str, Target)] = &[
    ("bus_message", bus_message),
    ("label", label),
    ("sums", sums),
    ("write_ahead_log", write_ahead_log),
    ("queue_rows", queue_rows),
    ("shop_rows", shop_rows),
    ("redis_answer", redis_answer),
    ("event_file", event_file),
    ("setting", setting),
    ("command_line", command_line),
    ("networks", networks),
    ("origins", origins),
    ("visitor", visitor),
    ("languages", languages),
    ("seals", seals),
    ("ticket", ticket),
    ("order_key", order_key),
    ("slug", slug),
    ("health_answer", health_answer),
    ("request", request),
    ("buy_json", buy_json),
    ("buy_form", buy_form),
    ("order_page", order_page),
    ("notice", notice),
    ("hold_rows", hold_rows),
    ("pay_json", pay_json),
    ("pay_form", pay_form),
];
