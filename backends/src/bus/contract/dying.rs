//! Dead letters: how they come back, and how they end.

use super::{BusRig, LONG, READY, consume, consume_all, ids, nothing_comes, outgoing_number, publish, pull};
use stampede_actors::ports::{Bus, DeadLetter, DeliveryId};
use stampede_domain::Millis;
use std::{collections::BTreeSet, sync::Arc};

const FOR_EVER: Millis = Millis(i64::MAX);

/// A bus on which these messages have died.
async fn with_letters(rig: &impl BusRig, numbers: std::ops::Range<u32>) -> (Arc<dyn Bus>, Vec<DeadLetter>) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, numbers.clone()).await;
    let pulled = pull(&bus, numbers.len()).await;
    let letters: Vec<_> = ids(&pulled).into_iter().map(|id| (id, "no such pool".to_owned())).collect();
    bus.set_aside(&letters).await.unwrap();
    let letters = bus.dead_letters(100).await.unwrap();
    assert_eq!(letters.len(), numbers.len());
    (bus, letters)
}

async fn listed(bus: &Arc<dyn Bus>) -> Vec<DeliveryId> {
    bus.dead_letters(100).await.unwrap().iter().map(|letter| letter.id).collect()
}

pub(crate) async fn a_replayed_letter_comes_again_and_stays_a_dead_letter_until_it_ends(rig: &impl BusRig) {
    let (bus, letters) = with_letters(rig, 0..2).await;
    for letter in &letters {
        let message = (0..2).map(outgoing_number).find(|message| message.payload == letter.payload).unwrap();
        assert_eq!(letter.label, message.label, "the label is beside the payload");
        assert_eq!((letter.replayed_at, letter.ended_at, letter.last_word.as_str()), (None, None, ""));
        assert!(!letter.set_aside_by.is_empty(), "somebody did it");
    }
    let [one, other] = [&letters[0], &letters[1]];
    bus.replay(&[one.id, DeliveryId(1 << 60)], "the “pool” is there now").await.unwrap();
    let again = pull(&bus, 1).await;
    assert_eq!((&again[0].payload, again[0].attempt), (&one.payload, 1));
    nothing_comes(rig, &bus).await;
    let known = bus.dead_letter(one.id).await.unwrap().unwrap();
    assert!(known.replayed_at.is_some() && known.ended_at.is_none(), "{known:?}");
    assert_eq!((known.last_word.as_str(), &known.payload), ("the “pool” is there now", &one.payload));
    assert_eq!(listed(&bus).await, [one.id, other.id]);
    bus.acknowledge(&ids(&again)).await.unwrap();
    bus.end_dead_letters(&[(one.id, "confirmed".into())]).await.unwrap();
    assert_eq!((listed(&bus).await, bus.backlog().await.unwrap().dead_letters), (vec![other.id], 1));
    nothing_comes(rig, &bus).await;
}

pub(crate) async fn what_ended_is_not_listed_not_counted_not_replayed_and_then_forgotten(rig: &impl BusRig) {
    let (bus, letters) = with_letters(rig, 0..3).await;
    let [one, two, three] = [letters[0].id, letters[1].id, letters[2].id];
    bus.end_dead_letters(&[(one, "dismissed: twice".into()), (two, "failed".into())]).await.unwrap();
    bus.end_dead_letters(&[(one, "another end".into()), (DeliveryId(1 << 60), String::new())]).await.unwrap();
    assert_eq!((listed(&bus).await, bus.backlog().await.unwrap().dead_letters), (vec![three], 1));
    let ended = bus.dead_letter(one).await.unwrap().unwrap();
    assert_eq!((ended.last_word.as_str(), ended.payload), ("dismissed: twice", letters[0].payload.clone()));
    let at = ended.ended_at.expect("it has ended");
    bus.replay(&[one, two], "in vain").await.unwrap();
    nothing_comes(rig, &bus).await;
    assert_eq!(bus.forget_dead_letters(at).await, Ok(0), "it ended at that time, not before");
    assert_eq!(bus.forget_dead_letters(FOR_EVER).await, Ok(2));
    assert_eq!(bus.dead_letter(one).await, Ok(None));
    assert_eq!(listed(&bus).await, [three], "what has not ended is never forgotten");
}

pub(crate) async fn a_replay_survives_a_crash(rig: &impl BusRig) {
    let (bus, letters) = with_letters(rig, 0..1).await;
    bus.replay(&[letters[0].id], "once more").await.unwrap();
    drop(bus);
    let bus = rig.open(LONG, READY).await;
    consume(&bus, BTreeSet::from([0])).await;
    assert_eq!(listed(&bus).await, [letters[0].id]);
    let again = consume_all(rig, &bus).await;
    assert!(again.is_empty() || again == [0] && !rig.acknowledges_at_once(), "{again:?}");
}
