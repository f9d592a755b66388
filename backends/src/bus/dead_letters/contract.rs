//! What every shelf of dead letters must do.

use super::{DeadLetterShelf, NewDeadLetter, letter_id};
use stampede_domain::Millis;

/// One list of all clauses; a technology cannot leave one out.
macro_rules! dead_letter_contract {
    ($make:expr) => {
        crate::bus::dead_letters::contract::dead_letter_contract!($make;
            an_empty_shelf_lists_nothing,
            letters_come_back_as_they_were_oldest_first,
            the_same_message_twice_is_one_letter,
            a_list_is_bounded_and_a_count_is_not,
        );
    };
    ($make:expr; $($clause:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                crate::bus::dead_letters::contract::$clause(&$make).await;
            }
        )*
    };
}
pub(crate) use dead_letter_contract;

fn letter(key: &str, dead_since: i64) -> NewDeadLetter {
    NewDeadLetter {
        message_key: key.into(),
        payload: vec![0, 255, b'{'].into(),
        reason: format!("{key}: no\u{fffd}\u{202e} such “pool”"),
        attempts: 7,
        dead_since: Millis(dead_since),
    }
}

pub(crate) async fn an_empty_shelf_lists_nothing(shelf: &impl DeadLetterShelf) {
    shelf.put(&[]).await.unwrap();
    assert_eq!((shelf.list(10).await.unwrap().len(), shelf.count().await), (0, Ok(0)));
}

pub(crate) async fn letters_come_back_as_they_were_oldest_first(shelf: &impl DeadLetterShelf) {
    shelf.put(&[letter("c", 30), letter("a", 10)]).await.unwrap();
    shelf.put(&[letter("b", 20)]).await.unwrap();
    let listed = shelf.list(10).await.unwrap();
    for (key, (dead_since, shown)) in ["a", "b", "c"].into_iter().zip([10, 20, 30].into_iter().zip(listed)) {
        let put = letter(key, dead_since);
        assert_eq!((shown.id, shown.payload, shown.reason), (letter_id(key), put.payload, put.reason));
        assert_eq!((shown.attempts, shown.dead_since), (7, Millis(dead_since)));
    }
    assert_eq!(shelf.count().await, Ok(3));
}

pub(crate) async fn the_same_message_twice_is_one_letter(shelf: &impl DeadLetterShelf) {
    shelf.put(&[letter("a", 10), letter("a", 20)]).await.unwrap();
    shelf.put(&[letter("b", 15), letter("a", 5)]).await.unwrap();
    let since: Vec<_> = shelf.list(10).await.unwrap().iter().map(|shown| shown.dead_since).collect();
    assert_eq!((since, shelf.count().await), (vec![Millis(10), Millis(15)], Ok(2)));
}

pub(crate) async fn a_list_is_bounded_and_a_count_is_not(shelf: &impl DeadLetterShelf) {
    let many: Vec<_> = (0..30).map(|number| letter(&format!("{number:02}"), 100 - number)).collect();
    shelf.put(&many).await.unwrap();
    let listed = shelf.list(4).await.unwrap();
    let since: Vec<_> = listed.iter().map(|shown| shown.dead_since.0).collect();
    assert_eq!((since, shelf.count().await), (vec![71, 72, 73, 74], Ok(30)));
}
