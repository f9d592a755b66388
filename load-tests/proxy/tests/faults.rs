//! Every fault of a wire, shown by a server that echoes and somebody who talks to it.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use stampede_proxy::{Cut, Door, End, Flow, Moment, Proxy, Way, When, Wire};
use std::{io::ErrorKind, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{Instant, timeout},
};

/// What is silent for so long is silent: local bytes need a millisecond.
const SILENT: Duration = Duration::from_millis(150);
const SOON: Duration = Duration::from_secs(10);

/// A server that gives back what it gets and tells of what it got and of how its connections end.
async fn echo() -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                loop {
                    let word = match stream.read(&mut bytes).await {
                        Ok(0) => "closed".to_owned(),
                        Ok(length) => String::from_utf8_lossy(&bytes[..length]).into_owned(),
                        Err(error) => format!("{:?}", error.kind()),
                    };
                    let has_ended = word == "closed" || word == "ConnectionReset";
                    let answer = word.clone();
                    if tell.send(word).is_err() || has_ended || stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, told)
}

struct Talk {
    proxy: Proxy,
    stream: TcpStream,
    server: mpsc::UnboundedReceiver<String>,
}

impl Talk {
    async fn begun() -> Self {
        let (address, server) = echo().await;
        let proxy = Proxy::before(address, 1).await.unwrap();
        let mut talk = Self { stream: TcpStream::connect(proxy.address()).await.unwrap(), proxy, server };
        assert_eq!(talk.says("hello").await, "hello");
        talk
    }

    async fn sends(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The answer, or how the connection ended.
    async fn hears(&mut self) -> String {
        let mut bytes = [0; 4096];
        match timeout(SOON, self.stream.read(&mut bytes)).await.unwrap() {
            Ok(0) => "closed".to_owned(),
            Ok(length) => String::from_utf8_lossy(&bytes[..length]).into_owned(),
            Err(error) => format!("{:?}", error.kind()),
        }
    }

    async fn says(&mut self, text: &str) -> String {
        self.sends(text).await;
        self.hears().await
    }

    async fn hears_nothing(&mut self) {
        let mut bytes = [0; 1];
        let heard = timeout(SILENT, self.stream.read(&mut bytes)).await;
        assert!(heard.is_err(), "heard something: {heard:?}");
    }

    async fn server_heard(&mut self) -> String {
        timeout(SOON, self.server.recv()).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_sound_wire_passes_everything_and_counts_it() {
    let Talk { proxy, stream, server: _told } = Talk::begun().await;
    let long = "x".repeat(1_000_000);
    let (mut from, mut to) = stream.into_split();
    let sending = tokio::spawn(async move {
        to.write_all(long.as_bytes()).await.unwrap();
        drop(to);
    });
    let mut back = Vec::new();
    timeout(SOON, from.read_to_end(&mut back)).await.unwrap().unwrap();
    sending.await.unwrap();
    assert_eq!(back.len(), 1_000_000);
    let counts = proxy.counts();
    assert_eq!((counts.accepted, counts.forth, counts.back), (1, 1_000_005, 1_000_005));
    assert_eq!((counts.swallowed, counts.slowed, counts.cut, counts.ended), (0, 0, 0, 0));
}

#[tokio::test]
async fn a_slow_wire_delays_each_way_and_keeps_the_order() {
    let mut talk = Talk::begun().await;
    let (delay, jitter) = (Duration::from_millis(60), Duration::from_millis(30));
    talk.proxy.set(Wire::slower(delay, jitter));
    let began = Instant::now();
    for letter in ["a", "b", "c", "d"] {
        talk.sends(letter).await;
        tokio::task::yield_now().await;
    }
    let mut heard = String::new();
    while heard.len() < 4 {
        heard += &talk.hears().await;
    }
    assert_eq!(heard, "abcd");
    assert!(began.elapsed() >= 2 * delay, "{:?}", began.elapsed());
    // Under way together: four messages do not wait for each other.
    assert!(began.elapsed() < 8 * delay, "{:?}", began.elapsed());
    assert_eq!(talk.proxy.counts().slowed, 8);
    talk.proxy.set(Wire::default());
    assert_eq!(talk.says("fast").await, "fast");
    assert_eq!(talk.proxy.counts().slowed, 8);
}

#[tokio::test]
async fn a_thin_wire_takes_its_time() {
    let mut talk = Talk::begun().await;
    talk.proxy.set(Wire { forth: Way { bytes_per_second: 10_000, ..Way::default() }, ..Wire::default() });
    let began = Instant::now();
    talk.sends(&"x".repeat(4_000)).await;
    let mut heard = 0;
    while heard < 4_000 {
        heard += talk.hears().await.len();
    }
    let took = began.elapsed();
    assert!((Duration::from_millis(300)..Duration::from_secs(2)).contains(&took), "{took:?}");
    assert_eq!(talk.proxy.counts().slowed, 4_000);
}

#[tokio::test]
async fn a_black_hole_swallows_in_silence_and_what_has_a_hole_stays_silent() {
    let mut talk = Talk::begun().await;
    assert_eq!(talk.server_heard().await, "hello");
    talk.proxy.set(Wire::black_hole());
    talk.sends("lost").await;
    talk.hears_nothing().await;
    let mut late = TcpStream::connect(talk.proxy.address()).await.unwrap();
    late.write_all(b"lost, too").await.unwrap();
    talk.hears_nothing().await;
    assert_eq!(talk.proxy.counts().swallowed, 13);
    talk.proxy.set(Wire::default());
    talk.sends("lost for ever").await;
    talk.hears_nothing().await;
    assert!(talk.server.try_recv().is_err(), "the server heard something");
    talk.stream = TcpStream::connect(talk.proxy.address()).await.unwrap();
    assert_eq!(talk.says("a new one").await, "a new one");
}

#[tokio::test]
async fn only_answers_can_be_swallowed() {
    let mut talk = Talk::begun().await;
    assert_eq!(talk.server_heard().await, "hello");
    talk.proxy.set(Wire { back: Way { flow: Flow::Swallowed, ..Way::default() }, ..Wire::default() });
    talk.sends("heard").await;
    assert_eq!(talk.server_heard().await, "heard");
    talk.hears_nothing().await;
}

#[tokio::test]
async fn a_held_wire_passes_everything_later() {
    let mut talk = Talk::begun().await;
    assert_eq!(talk.server_heard().await, "hello");
    talk.proxy.set(Wire::both(Way { flow: Flow::Held, ..Way::default() }));
    talk.sends("later").await;
    talk.hears_nothing().await;
    assert!(talk.server.try_recv().is_err(), "the server heard something");
    assert_eq!(talk.proxy.counts().held, 2, "both directions");
    talk.proxy.set(Wire::default());
    assert_eq!(talk.hears().await, "later");
}

#[tokio::test]
async fn a_reset_is_a_reset_on_both_sides_and_new_ones_work() {
    let mut talk = Talk::begun().await;
    assert_eq!(talk.server_heard().await, "hello");
    assert_eq!(talk.proxy.end_all(End::Reset), 1);
    assert_eq!(talk.hears().await, "ConnectionReset");
    assert_eq!(talk.server_heard().await, "ConnectionReset");
    talk.stream = TcpStream::connect(talk.proxy.address()).await.unwrap();
    assert_eq!(talk.says("again").await, "again");
    assert_eq!(talk.proxy.counts().ended, 1);
}

#[tokio::test]
async fn closing_is_in_order_on_both_sides() {
    let mut talk = Talk::begun().await;
    assert_eq!(talk.server_heard().await, "hello");
    assert_eq!(talk.proxy.end_all(End::Closed), 1);
    assert_eq!(talk.hears().await, "closed");
    assert_eq!(talk.server_heard().await, "closed");
}

#[tokio::test]
async fn who_is_half_open_hears_nothing_of_it() {
    let mut talk = Talk::begun().await;
    assert_eq!(talk.server_heard().await, "hello");
    assert_eq!(talk.proxy.end_all(End::Unheard), 1);
    assert_eq!(talk.server_heard().await, "ConnectionReset");
    talk.sends("anybody?").await;
    talk.hears_nothing().await;
    assert_eq!(talk.proxy.counts().swallowed, 8);
}

#[tokio::test]
async fn a_slammed_door_resets_and_is_counted() {
    let mut talk = Talk::begun().await;
    talk.proxy.set(Wire::with_door(Door::Slammed));
    assert_eq!(talk.says("those inside go on").await, "those inside go on");
    talk.stream = TcpStream::connect(talk.proxy.address()).await.unwrap();
    assert_eq!(talk.hears().await, "ConnectionReset");
    assert_eq!(talk.proxy.counts().slammed, 1);
}

#[tokio::test]
async fn a_door_that_is_gone_refuses_and_comes_back_at_its_place() {
    let mut talk = Talk::begun().await;
    talk.proxy.set(Wire::with_door(Door::Gone));
    let refused = async || loop {
        match TcpStream::connect(talk.proxy.address()).await {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => break,
            // The listener is told, and needs a moment.
            _ => tokio::task::yield_now().await,
        }
    };
    timeout(SOON, refused()).await.unwrap();
    assert_eq!(talk.says("those inside go on").await, "those inside go on");
    talk.proxy.set(Wire::default());
    let back = async || loop {
        match TcpStream::connect(talk.proxy.address()).await {
            Ok(stream) => break stream,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    let stream = timeout(SOON, back()).await.unwrap();
    talk.stream = stream;
    assert_eq!(talk.says("back").await, "back");
}

#[tokio::test]
async fn a_message_is_cut_before_the_server_gets_it() {
    let mut talk = Talk::begun().await;
    assert_eq!(talk.server_heard().await, "hello");
    let when = When::Seen { pattern: b"COMMIT".to_vec(), times: 2 };
    talk.proxy.cut(Cut { when, moment: Moment::Before });
    assert_eq!(talk.says("COMMIT one").await, "COMMIT one");
    assert_eq!(talk.server_heard().await, "COMMIT one");
    assert_eq!(talk.says("COMMIT two").await, "ConnectionReset");
    assert_eq!(talk.server_heard().await, "ConnectionReset");
    assert_eq!(talk.proxy.counts().cut, 1);
}

#[tokio::test]
async fn the_answer_to_a_message_is_cut_off() {
    let mut talk = Talk::begun().await;
    assert_eq!(talk.server_heard().await, "hello");
    let when = When::Seen { pattern: b"COMMIT".to_vec(), times: 1 };
    talk.proxy.cut(Cut { when, moment: Moment::AfterAnswer });
    assert_eq!(talk.says("BEGIN").await, "BEGIN");
    assert_eq!(talk.server_heard().await, "BEGIN");
    assert_eq!(talk.says("COMMIT").await, "ConnectionReset");
    assert_eq!(talk.server_heard().await, "COMMIT", "the server got it");
    assert_eq!(talk.proxy.counts().cut, 1);
    talk.stream = TcpStream::connect(talk.proxy.address()).await.unwrap();
    assert_eq!(talk.says("COMMIT").await, "COMMIT", "it cuts once");
}

#[tokio::test]
async fn a_connection_is_cut_after_so_many_bytes() {
    let mut talk = Talk::begun().await;
    talk.proxy.cut(Cut { when: When::Bytes(10), moment: Moment::Before });
    assert_eq!(talk.says("five.").await, "five.");
    assert_eq!(talk.says("ten..").await, "ConnectionReset");
    talk.proxy.cut(Cut { when: When::Bytes(1), moment: Moment::Before });
    talk.proxy.cut_nothing();
    talk.stream = TcpStream::connect(talk.proxy.address()).await.unwrap();
    assert_eq!(talk.says("not cut").await, "not cut");
    assert_eq!(talk.proxy.counts().cut, 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_counted() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let proxy = Proxy::before(nobody, 1).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let ended = timeout(SOON, stream.read(&mut [0; 1])).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(proxy.counts().unreachable, 1);
}
