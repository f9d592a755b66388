//! What can happen, and its name in a trace.

use super::{
    PaidWorld,
    state::{Hand, Stage, State},
};
use stampede_domain::HoldChange;
use std::fmt;

/// What buyer and organizer may wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wish {
    /// To pay, for the first or the second time.
    Pay(u32),
    /// To have more time.
    Extend,
    /// Not to have the order.
    Cancel,
    /// To give the money back.
    Refund,
}

impl Wish {
    /// The change that it is.
    pub(super) fn change(self) -> HoldChange {
        match self {
            Self::Pay(attempt) => HoldChange::Pay { attempt },
            Self::Extend => HoldChange::Extend,
            Self::Cancel => HoldChange::Cancel,
            Self::Refund => HoldChange::Refund,
        }
    }
}

/// One thing that happens. Nodes and payments are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// Time goes by.
    Tick,
    /// A wish arrives; `late` when whoever writes it read the clock a moment ago.
    Wish { wish: Wish, late: bool },
    /// The bank sets the money aside.
    Authorize { payment: usize },
    /// The bank says no.
    Decline { payment: usize },
    /// The money comes although the provider had said that none would.
    ComesLate { payment: usize },
    /// A node reads the row, and takes what it needs.
    Take { node: usize, need: usize },
    /// A node hears of a payment and asks after it.
    Notice { node: usize, payment: usize },
    /// It notes the payment and reads the row.
    Note { node: usize },
    /// The provider does what a node asks; `lost` when the node never hears of it.
    Call { node: usize, lost: bool },
    /// The node writes what came of it.
    Write { node: usize },
    /// The node dies.
    Die { node: usize },
}

impl PaidWorld {
    /// Everything that may happen now.
    pub(super) fn steps(&self, state: &State, steps: &mut Vec<Step>) {
        if state.now < self.last {
            steps.push(Step::Tick);
        }
        for wish in &self.wishes {
            steps.push(Step::Wish { wish: *wish, late: false });
            if self.is_stale && state.now > 0 {
                steps.push(Step::Wish { wish: *wish, late: true });
            }
        }
        for (payment, known) in state.payments.iter().enumerate() {
            if known.stage == Stage::AwaitsBuyer {
                steps.extend([Step::Authorize { payment }, Step::Decline { payment }]);
            }
            if known.stage == Stage::Closed && self.is_unreliable {
                steps.push(Step::ComesLate { payment });
            }
        }
        for (node, hand) in state.hands.iter().enumerate() {
            self.steps_of(state, node, hand, steps);
        }
    }

    fn steps_of(&self, state: &State, node: usize, hand: &Hand, steps: &mut Vec<Step>) {
        match hand {
            Hand::Empty => {
                let needs = self.needs(state).len();
                steps.extend((0..needs).map(|need| Step::Take { node, need }));
                steps.extend((0..state.payments.len()).map(|payment| Step::Notice { node, payment }));
                return;
            }
            Hand::Took(..) | Hand::Judges(..) => {
                steps.extend([Step::Call { node, lost: false }, Step::Call { node, lost: true }]);
            }
            Hand::Noticed(..) => steps.push(Step::Note { node }),
            Hand::Writes(..) => steps.push(Step::Write { node }),
        }
        steps.push(Step::Die { node });
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tick => write!(f, "time goes by"),
            Self::Wish { wish, late } => write!(f, "{wish:?} arrives{}", if *late { " by an old clock" } else { "" }),
            Self::Authorize { payment } => write!(f, "the bank sets payment {payment} aside"),
            Self::Decline { payment } => write!(f, "the bank declines payment {payment}"),
            Self::ComesLate { payment } => write!(f, "the money of payment {payment} comes after all"),
            Self::Take { node, need } => write!(f, "node {node} takes need {need}"),
            Self::Notice { node, payment } => write!(f, "node {node} hears of payment {payment}"),
            Self::Note { node } => write!(f, "node {node} notes it"),
            Self::Call { node, lost: false } => write!(f, "node {node} asks the provider"),
            Self::Call { node, lost: true } => write!(f, "node {node} asks the provider and hears nothing"),
            Self::Write { node } => write!(f, "node {node} writes"),
            Self::Die { node } => write!(f, "node {node} dies"),
        }
    }
}
