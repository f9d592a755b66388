//! A calm sale, one in trouble, one that nobody knows anything of yet: for tests and the gallery.

use super::{
    AdviceRow, Chart, CountRow, Headline, LagRow, Line, MailboxRow, PoolRow, RoomPage, SteeredEvent, Steering, Tone,
    TroubleRow, Units,
};

impl RoomPage {
    /// A calm sale, one in trouble, one that nobody knows anything of yet.
    pub fn samples() -> Vec<(&'static str, RoomPage)> {
        vec![("calm", calm()), ("behind", behind()), ("new", new())]
    }
}

fn calm() -> RoomPage {
    let wave = |high: f64, shift: f64| -> Vec<f64> {
        (0..240_u32).map(|second| high * (0.75 + 0.25 * (f64::from(second) / 23.0 + shift).sin())).collect()
    };
    let line = |name: &str, tone, values| Line { name: name.into(), tone, values };
    let chart = |title: &str, unit: &str, limit, lines| Chart {
        title: title.into(),
        unit: unit.into(),
        room: 300,
        limit,
        lines,
    };
    RoomPage {
        now_ms: 1_779_120_257_000,
        node: "shop-1 (4711)".into(),
        role: "web and writer, on one machine".into(),
        headline: Headline {
            tone: Tone::Calm,
            says: "Selling 4,312 orders a second.".into(),
            limit: "Nothing limits the sale but the number of those who come.".into(),
        },
        pools: vec![PoolRow {
            event: "Frequency Festival 20XX".into(),
            ticket_type: "General Admission".into(),
            state: "on sale".into(),
            units: Some(Units { capacity: 1_000_000, free: 612_330, in_flight: 431, held: 0, sold: 387_239 }),
        }],
        charts: vec![
            chart(
                "Orders",
                "a second",
                None,
                vec![
                    line("promised", Tone::Calm, wave(4_300.0, 0.0)),
                    line("confirmed", Tone::Calm, wave(4_200.0, -0.2)),
                    line("put off", Tone::Watch, vec![0.0; 240]),
                ],
            ),
            chart(
                "Answer to a buyer",
                "ms",
                None,
                vec![line("99 %", Tone::Watch, wave(9.0, 1.0)), line("half", Tone::Calm, wave(3.0, 1.0))],
            ),
            chart("Waiting to be written", "orders", None, vec![line("on the bus", Tone::Calm, wave(420.0, 2.0))]),
            chart("Oldest of them", "s", Some(5.0), vec![line("age", Tone::Calm, wave(0.02, 0.3))]),
        ],
        mailboxes: vec![
            mailbox("inventory", 12, 40_000, None),
            mailbox("publisher", 3, 1_000, None),
            mailbox("order_writer", 431, 20_000, Some(10_000)),
            MailboxRow {
                batch: None,
                batch_limit: None,
                closed_by: None,
                wait_ms: None,
                ..mailbox("cache_sync", 0, 1_000, None)
            },
        ],
        lags: vec![
            LagRow {
                name: "Oldest unwritten order".into(),
                value: Some("18 ms".into()),
                limit: "too late at 5 s".into(),
                tone: Tone::Calm,
            },
            LagRow {
                name: "Numbers shown to buyers".into(),
                value: Some("74 ms".into()),
                limit: "too late at 1 s".into(),
                tone: Tone::Calm,
            },
        ],
        advice: Vec::new(),
        notes: Vec::new(),
        payments: payments(),
        laws: vec![CountRow {
            name: "NeverOversold".into(),
            says: "Units of live orders never exceed the capacity.".into(),
            broken: 0,
        }],
        troubles: vec![],
        steering: Steering {
            closed_because: None,
            events: vec![SteeredEvent {
                slug: "frequency-20xx".into(),
                name: "Frequency Festival 20XX".into(),
                paused: false,
            }],
            wrong: None,
            who: String::new(),
            why: String::new(),
        },
    }
}

fn payments() -> Vec<LagRow> {
    let line = |name: &str, value: &str, limit: &str| LagRow {
        name: name.into(),
        value: Some(value.into()),
        limit: limit.into(),
        tone: Tone::Calm,
    };
    let orders =
        "reserved 31 · paying 12 · expiring 0 · confirmed 1,204 · expired 311 · cancelled 7 · refunded 2".to_owned();
    vec![
        line("Orders", &orders, "of all that were ever reserved"),
        line(
            "Money",
            "60,420,600 taken · 100,200 given back · 60,320,400 earned · 0 to be given back",
            "it adds up; in cents",
        ),
        line("Payments under way", "12, the oldest for 41 s", "none of them out of time"),
        line("Most overdue hold", "0 ms", "too late at 60 s"),
        line("Declined", "9, and 214 paid", "in the last five minutes"),
        line("Payment provider", "is called", "31 calls answered a second, 0 failed"),
        line("Wishes on the lane", "3, the oldest 4 ms", "too late at 5 s"),
    ]
}

fn mailbox(name: &str, depth: u64, capacity: u64, mark: Option<u64>) -> MailboxRow {
    MailboxRow {
        name: name.into(),
        depth,
        capacity,
        mark,
        per_second: 4_312.4,
        wait_ms: Some(0.21),
        batch: Some(83.3),
        batch_limit: Some(1_000),
        closed_by: Some("ready".into()),
        refused: 0,
        restarts: 0,
    }
}

fn behind() -> RoomPage {
    RoomPage {
        headline: Headline {
            tone: Tone::Alarm,
            says: "New orders are put off: 1,204 a second.".into(),
            limit: "The writer is behind: the oldest unwritten order is 7.3 s old.".into(),
        },
        mailboxes: vec![MailboxRow {
            refused: 311,
            restarts: 2,
            ..mailbox("order_writer", 10_000, 20_000, Some(10_000))
        }],
        lags: vec![LagRow {
            name: "Oldest unwritten order".into(),
            value: Some("7.3 s".into()),
            limit: "too late at 5 s".into(),
            tone: Tone::Alarm,
        }],
        advice: vec![AdviceRow {
            variable: "STAMPEDE_ORDER_WRITER_BATCH_SIZE".into(),
            from: "100".into(),
            to: "200".into(),
            because: "the writers are at work 99 % of the time and their batches are full (98 of 100)".into(),
            expect: "many more orders a second".into(),
        }],
        notes: vec!["The payment provider does not answer. Look at its <status> page.".into()],
        payments: vec![LagRow {
            name: "Payment provider".into(),
            value: Some("left in peace for a moment".into()),
            limit: "0 calls answered a second, 2.1 failed".into(),
            tone: Tone::Alarm,
        }],
        laws: vec![CountRow { name: "NothingLeaks".into(), says: "After quiet nothing is claimed.".into(), broken: 1 }],
        troubles: vec![
            TroubleRow {
                at_ms: 1_779_120_256_000,
                tone: Tone::Watch,
                says: "the store takes no orders orders=98 <none>".into(),
            },
            TroubleRow {
                at_ms: 1_779_120_200_000,
                tone: Tone::Calm,
                says: "paused by Zoë: the gate is not ready".into(),
            },
        ],
        steering: Steering {
            closed_because: None,
            wrong: Some("The token is not the one of STAMPEDE_OPS_TOKEN.".into()),
            who: "Zoë \"7\"><b>".into(),
            why: "the gate is not ready".into(),
            ..calm().steering
        },
        ..calm()
    }
}

fn new() -> RoomPage {
    RoomPage {
        headline: Headline {
            tone: Tone::Watch,
            says: "Nothing can be sold yet.".into(),
            limit: "The ledger is not open.".into(),
        },
        pools: vec![PoolRow { units: None, state: "unknown".into(), ..calm().pools.swap_remove(0) }],
        charts: calm().charts.into_iter().map(|chart| Chart { lines: Vec::new(), ..chart }).collect(),
        mailboxes: Vec::new(),
        payments: Vec::new(),
        lags: vec![LagRow {
            name: "Oldest unwritten order".into(),
            value: None,
            limit: "too late at 5 s".into(),
            tone: Tone::Calm,
        }],
        steering: Steering {
            closed_because: Some("Set STAMPEDE_OPS_TOKEN to pause and resume the sale from here.".into()),
            ..calm().steering
        },
        ..calm()
    }
}
