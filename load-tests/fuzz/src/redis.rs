//! What Redis answers.

use crate::bytes::Bytes;
use stampede_actors::ports::PortFailure;
use stampede_backends::fuzz::redis_answers;

/// Answers of scripts: read as far as they go, in bounded memory; what no script answers is a step of unknown outcome.
pub fn redis_answer(data: &[u8]) {
    let mut bytes = Bytes(data);
    let share = bytes.below(501);
    for answer in redis_answers(share, bytes.0) {
        match answer {
            Ok(found) => assert!(found <= share.max(data.len()), "{found} of {} bytes", data.len()),
            Err(PortFailure::Unknown(why)) => assert!(why.is_ascii() && why.len() < 100),
            Err(other) => panic!("the step was done, and yet: {other}"),
        }
    }
}
