//! One order's X-ray: which steps it has taken, when, where. Nothing of its buyer.

use serde::Serialize;

/// What is known of an order.
#[derive(Clone, Debug, Serialize)]
pub struct XrayPage {
    /// Server time at rendering, unix milliseconds.
    pub now_ms: i64,
    /// The order.
    pub id: String,
    /// Where it stands, in a sentence.
    pub stands: String,
    /// Its steps, in the order of the protocol.
    pub steps: Vec<StepRow>,
    /// What else is known, name and value.
    pub facts: Vec<(String, String)>,
}

/// A step.
#[derive(Clone, Debug, Serialize)]
pub struct StepRow {
    /// Which.
    pub name: String,
    /// When, unix milliseconds; nothing when it is not known.
    pub at_ms: Option<i64>,
    /// Milliseconds after the first.
    pub after_ms: Option<i64>,
    /// Who did it, and with how many others.
    pub by: String,
    /// How it is known, or why not.
    pub source: String,
}

impl XrayPage {
    /// An order that is confirmed, one that nobody knows.
    pub fn samples() -> Vec<(&'static str, XrayPage)> {
        let step = |name: &str, after: Option<i64>, by: &str, source: &str| StepRow {
            name: name.into(),
            at_ms: after.map(|after| 1_779_120_250_000 + after),
            after_ms: after,
            by: by.into(),
            source: source.into(),
        };
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let confirmed = XrayPage {
            now_ms: 1_779_120_257_000,
            id: id.into(),
            stands: "Confirmed.".into(),
            steps: vec![
                step("asked", Some(0), "shop-1 (4711)", "the row"),
                step("claimed", Some(1), "shop-1 (4711), with 37 others", "this process"),
                step("published", Some(3), "shop-1 (4711), with 37 others", "this process"),
                step("promised", Some(4), "shop-1 (4711), with 37 others", "this process"),
                step("committed", Some(19), "shop-1 (4711), in batch 4,711 of 481 orders", "the row"),
                step("settled", None, "", "not kept any more"),
            ],
            facts: vec![("Units".into(), "2".into()), ("Pool's version".into(), "4,711".into())],
        };
        let unknown = XrayPage {
            stands: "Nobody knows this order.".into(),
            steps: Vec::new(),
            facts: Vec::new(),
            ..confirmed.clone()
        };
        vec![("confirmed", confirmed), ("unknown", unknown)]
    }
}
