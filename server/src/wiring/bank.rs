//! The simulated bank's desk, for the pages of `http`.

use async_trait::async_trait;
use stampede_actors::{clock::SharedClock, ports::PortResult};
use stampede_backends::payments::{AtTheBank, BankStep as Step, Card, CardProblem, SimulatedBank, TEST_CARDS};
use stampede_domain::PaymentId;
use stampede_http::bank::{BankDesk, BankStep, BankView, CardTaken, RehearsalCard, TypedCard};

/// The bank as its buyers meet it.
pub(super) struct Counter {
    bank: SimulatedBank,
    clock: SharedClock,
}

impl Counter {
    /// The counter of a bank.
    pub(super) fn of(bank: SimulatedBank, clock: SharedClock) -> Self {
        Self { bank, clock }
    }
}

#[async_trait]
impl BankDesk for Counter {
    async fn view(&self, payment: &PaymentId) -> PortResult<Option<BankView>> {
        Ok(self.bank.look(payment).await?.map(view))
    }

    async fn pay_with(&self, payment: &PaymentId, card: TypedCard) -> PortResult<Option<CardTaken>> {
        let TypedCard { number, expiry, cvc } = card;
        match Card::read(self.clock.now(), &number, &expiry, &cvc) {
            Ok(card) => Ok(self.bank.pay_with(payment, card).await?.map(view).map(CardTaken::Seen)),
            Err(problems) => {
                let mistakes = problems.into_iter().map(|CardProblem { field, code }| (field, code)).collect();
                Ok(self.bank.look(payment).await?.map(|_| CardTaken::Mistakes(mistakes)))
            }
        }
    }

    async fn answer_step(&self, payment: &PaymentId, is_me: bool) -> PortResult<Option<BankView>> {
        Ok(self.bank.answer_step(payment, is_me).await?.map(view))
    }

    async fn go_back(&self, payment: &PaymentId) -> PortResult<Option<BankView>> {
        Ok(self.bank.go_back(payment).await?.map(view))
    }

    fn cards(&self) -> Vec<RehearsalCard> {
        TEST_CARDS.iter().map(|card| RehearsalCard { number: card.number, does: card.does }).collect()
    }
}

fn view(AtTheBank { payment, what_for, step }: AtTheBank) -> BankView {
    let step = match step {
        Step::NeedsCard => BankStep::NeedsCard,
        Step::NeedsStep { card_ending } => BankStep::NeedsStep { card_ending },
        Step::Done(state) => BankStep::Done(state),
    };
    BankView { order: payment.order, amount: payment.amount, what_for, step }
}
