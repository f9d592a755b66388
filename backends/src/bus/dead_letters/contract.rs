//! What every shelf of dead letters must do.

use super::{DeadLetterShelf, NewDeadLetter, letter_id};
use stampede_actors::label::Label;
use stampede_domain::{BuyerId, Fingerprint, Millis, OrderId, PoolId};

/// One list of all clauses; a technology cannot leave one out.
macro_rules! dead_letter_contract {
    ($make:expr) => {
        crate::bus::dead_letters::contract::dead_letter_contract!($make;
            an_empty_shelf_lists_nothing,
            letters_come_back_as_they_were_oldest_first,
            the_same_message_twice_is_one_letter,
            a_list_is_bounded_and_a_count_is_not,
            a_letter_that_was_replayed_stays_until_it_ends,
            what_has_ended_is_found_but_not_listed_until_it_is_forgotten,
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

fn label(number: i64) -> Label {
    let (order, pool) = (OrderId::from([7; 16]), PoolId(number));
    Label { order, pool, quantity: 1, buyer: BuyerId(2), fingerprint: Fingerprint(3) }
}

fn letter(key: &str, dead_since: i64) -> NewDeadLetter {
    NewDeadLetter {
        message_key: key.into(),
        payload: vec![0, 255, b'{'].into(),
        label: (dead_since % 20 == 0).then(|| label(dead_since)),
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
        assert_eq!((shown.attempts, shown.dead_since, shown.label), (7, Millis(dead_since), put.label));
        assert_eq!((shown.replayed_at, shown.ended_at, shown.last_word.as_str()), (None, None, ""));
        assert!(shown.set_aside_by.contains(&std::process::id().to_string()), "{}", shown.set_aside_by);
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

pub(crate) async fn a_letter_that_was_replayed_stays_until_it_ends(shelf: &impl DeadLetterShelf) {
    shelf.put(&[letter("a", 10), letter("b", 20)]).await.unwrap();
    let ids = [letter_id("a"), letter_id("nobody")];
    shelf.replayed(&ids, Millis(30), "the \0 pool was missing").await.unwrap();
    let listed = shelf.list(10).await.unwrap();
    let replayed: Vec<_> = listed.iter().map(|letter| letter.replayed_at).collect();
    assert_eq!((replayed, shelf.count().await), (vec![Some(Millis(30)), None], Ok(2)));
    assert!(listed[0].last_word.ends_with("pool was missing"), "{}", listed[0].last_word);
    shelf.end(&[(ids[0], "confirmed".into())], Millis(40)).await.unwrap();
    shelf.replayed(&ids, Millis(50), "too late").await.unwrap();
    let ended = shelf.find(&ids).await.unwrap();
    assert_eq!((ended.len(), ended[0].replayed_at, ended[0].last_word.as_str()), (1, Some(Millis(30)), "confirmed"));
}

pub(crate) async fn what_has_ended_is_found_but_not_listed_until_it_is_forgotten(shelf: &impl DeadLetterShelf) {
    shelf.put(&[letter("a", 10), letter("b", 20), letter("c", 30)]).await.unwrap();
    let [a, b, c] = ["a", "b", "c"].map(letter_id);
    shelf.end(&[], Millis(35)).await.unwrap();
    shelf.end(&[(a, "failed".into()), (b, "dismissed: “twice”".into())], Millis(40)).await.unwrap();
    shelf.end(&[(a, "once more".into()), (letter_id("nobody"), String::new())], Millis(60)).await.unwrap();
    assert_eq!((shelf.list(10).await.unwrap()[0].id, shelf.count().await), (c, Ok(1)));
    let mut ended = shelf.find(&[b, a]).await.unwrap();
    ended.sort_by_key(|letter| letter.dead_since);
    let ends: Vec<_> = ended.iter().map(|letter| (letter.id, letter.ended_at, letter.last_word.as_str())).collect();
    assert_eq!(ends, [(a, Some(Millis(40)), "failed"), (b, Some(Millis(40)), "dismissed: “twice”")]);
    assert_eq!(shelf.forget(Millis(40)).await, Ok(0), "it ended then, not before");
    shelf.end(&[(c, "later".into())], Millis(50)).await.unwrap();
    assert_eq!(shelf.forget(Millis(41)).await, Ok(2));
    assert_eq!(shelf.find(&[a, b, c]).await.unwrap().len(), 1);
    shelf.put(&[letter("a", 10)]).await.unwrap();
    assert_eq!(shelf.count().await, Ok(1), "what is forgotten may die again");
}
