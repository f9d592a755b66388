//! What goes wrong.

use std::time::Duration;

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It is not worked on, and answered so.
    Answers(u16, &'static str),
    /// It never arrives: something on the way answers so.
    ProxyAnswers(u16),
    /// It is worked on, and the connection ends without an answer.
    DoneAndLost,
    /// It is worked on, and the answer takes so long.
    DoneAndLate(Duration),
    /// It is worked on, and the answer is none.
    DoneAndGarbled,
}

/// Longer than this no client waits.
const TOO_LONG: Duration = Duration::from_secs(8);

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Answers(429, _) => "answers 429",
            Self::Answers(409, _) => "answers 409",
            Self::Answers(..) => "answers 5xx",
            Self::ProxyAnswers(_) => "a proxy answers",
            Self::DoneAndLost => "does it and hangs up",
            Self::DoneAndLate(by) if by >= TOO_LONG => "does it and answers too late",
            Self::DoneAndLate(_) => "is slow",
            Self::DoneAndGarbled => "does it and answers nonsense",
        }
    }
}

/// How it tells what happens to sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notices {
    /// Once, at once.
    #[default]
    Once,
    /// Twice.
    Twice,
    /// Also of a session that was made, before the answer that tells its name.
    BeforeTheAnswer,
    /// Each after the one that came later.
    OutOfOrder,
    /// Not at all.
    Never,
    /// So much later.
    Late(Duration),
}

impl Notices {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Once => "notices once",
            Self::Twice => "notices twice",
            Self::BeforeTheAnswer => "notices before the answer",
            Self::OutOfOrder => "notices out of order",
            Self::Never => "notices never",
            Self::Late(_) => "notices late",
        }
    }
}

/// What goes wrong for a while.
#[derive(Clone, Debug, Default)]
pub struct Weather {
    /// Of a hundred requests so many go wrong so.
    pub faults: Vec<(u32, Fault)>,
    /// And what it tells.
    pub notices: Notices,
    /// It lasts for so many requests that they are not kept.
    pub is_long: bool,
}

impl Weather {
    /// What a number below a hundred stands for.
    pub(crate) fn draws(&self, number: u32) -> Option<Fault> {
        let mut below = 0;
        self.faults.iter().find_map(|(share, fault)| {
            below += share;
            (number < below).then_some(*fault)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_hundred_requests_so_many_go_wrong_as_the_weather_says() {
        let weather =
            Weather { faults: vec![(30, Fault::DoneAndLost), (20, Fault::Answers(429, ""))], ..Weather::default() };
        let drawn: Vec<_> = (0..100).filter_map(|number| weather.draws(number)).map(Fault::name).collect();
        assert_eq!(drawn.iter().filter(|name| **name == "does it and hangs up").count(), 30);
        assert_eq!(drawn.len(), 50);
    }
}
