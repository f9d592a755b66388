//! A disk that fails while the shop sells: the process ends with a sentence, and what was acknowledged is there afterwards.

use crate::support::{Shop, crowd::Crowd};
use std::time::Duration;

/// How soon a shop ends that can no longer write.
const AT_ONCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_ends_the_process_with_a_sentence_and_nothing_acknowledged_is_lost() {
    let mut shop = Shop::closed(&[("STAMPEDE_DEMO_CAPACITY", "1000000")]);
    let said = shop.directory().join("said");
    // Files may grow to a mebibyte, and the system answers who goes on writing rather than end him.
    shop.start_where(&format!("trap '' XFSZ; ulimit -f 1024; exec 2>{}", said.display())).await;
    let (crowd, mut everyone) = Crowd::come(&shop, 8, 5);
    let ended = tokio::time::timeout(AT_ONCE, tokio::task::spawn_blocking(move || (shop.ended(), shop))).await;
    let (status, mut shop) = ended.expect("the process ends on its own").unwrap();
    everyone.abort_all();
    while everyone.join_next().await.is_some() {}
    let said = std::fs::read_to_string(said).unwrap();
    assert_eq!(status.code(), Some(4), "{said}");
    assert!(said.contains(".db can no longer be used") && said.contains("start again"), "{said}");

    let promised = crowd.promised.lock().unwrap().clone();
    assert!(promised.len() > 20, "{} orders are no sale", promised.len());
    shop.start().await;
    shop.until_quiet().await;
    for order in promised.keys() {
        assert_eq!(shop.status(order).await.as_deref(), Some("confirmed"), "{order} was told 202");
    }
    shop.audit();
}
