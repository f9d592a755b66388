//! One connection: two directions, each a task's loop that reads, holds back and writes.

use crate::{
    End, Shared,
    counts::add,
    cut::Moment,
    wire::{Flow, Way, Wire},
};
use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::Instant,
};

/// Bytes read at a time.
const CHUNK: usize = 8 * 1024;
/// Bytes of one direction that wait in here at most: beyond it the sender waits, as at a real bottleneck's buffer.
const WAITING_AT_MOST: usize = 256 * 1024;
/// A thin wire passes its bytes in so many portions a second, not in one lump.
const PORTIONS_PER_SECOND: usize = 20;

/// A connection, as others can reach it.
pub(crate) struct Line {
    end: watch::Sender<Option<End>>,
    /// The next answer goes no further, and then the connection ends.
    answer_is_lost: AtomicBool,
    seed: u64,
}

impl Line {
    pub(crate) fn new(seed: u64) -> Self {
        Self { end: watch::Sender::new(None), answer_is_lost: AtomicBool::new(false), seed }
    }

    /// Ends it; the first who says how decides.
    pub(crate) fn end(&self, how: End) {
        self.end.send_if_modified(|end| {
            let first = end.is_none();
            end.get_or_insert(how);
            first
        });
    }
}

/// Carries a connection to its end.
pub(crate) async fn connect(client: TcpStream, server: SocketAddr, line: &Line, shared: &Shared) {
    let mut end = line.end.subscribe();
    let reached = tokio::select! {
        reached = TcpStream::connect(server) => reached,
        _ = ended(&mut end) => return client.set_zero_linger().unwrap_or_default(),
    };
    let Ok(server) = reached else {
        add(&shared.counters.unreachable, 1);
        return client.set_zero_linger().unwrap_or_default();
    };
    for stream in [&client, &server] {
        // Else every small message would wait for the acknowledgement of the one before.
        stream.set_nodelay(true).unwrap_or_default();
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let forth = Direction::new(true, line, shared).run(from_client, to_server);
    let back = Direction::new(false, line, shared).run(from_server, to_client);
    tokio::join!(forth, back);
}

/// One direction of a connection.
struct Direction<'a> {
    is_forth: bool,
    line: &'a Line,
    shared: &'a Shared,
    ended: watch::Receiver<Option<End>>,
    wire: watch::Receiver<Wire>,
    /// Bytes on their way, and when they arrive.
    waiting: VecDeque<(Instant, Vec<u8>)>,
    waiting_bytes: usize,
    /// Nothing arrives before this: bytes do not overtake each other, and a thin wire is busy.
    busy_until: Instant,
    /// The end of what came by, while a message is looked for.
    tail: Vec<u8>,
    /// Something was swallowed.
    has_a_hole: bool,
    chance: u64,
}

/// What a direction's loop does next.
enum Next {
    GoesOn,
    /// The sender has no more to say, and all of it was passed on.
    SaysNoMore,
    Ends(End),
}

/// What a direction's loop waited for.
enum Happened {
    Ended(End),
    Changed,
    Due,
    Came(std::io::Result<usize>),
}

async fn ended(line: &mut watch::Receiver<Option<End>>) -> End {
    // Whoever could end it is gone: that is an end, too.
    line.wait_for(Option::is_some).await.ok().and_then(|how| *how).unwrap_or(End::Reset)
}

impl<'a> Direction<'a> {
    fn new(is_forth: bool, line: &'a Line, shared: &'a Shared) -> Self {
        Self {
            is_forth,
            line,
            shared,
            ended: line.end.subscribe(),
            wire: shared.wire(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            busy_until: Instant::now(),
            tail: Vec::new(),
            has_a_hole: false,
            chance: line.seed.wrapping_mul(2).wrapping_add(is_forth.into()),
        }
    }

    async fn run(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; CHUNK];
        loop {
            match self.step(&mut from, &mut to, &mut buffer).await {
                Next::GoesOn => {}
                // Dropping our half says so to the other side; the other direction goes on.
                Next::SaysNoMore if !self.has_a_hole => return drop(to),
                Next::SaysNoMore => return to.forget(),
                Next::Ends(how) => return self.finish(how, from, to).await,
            }
        }
    }

    async fn step(&mut self, from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, buffer: &mut [u8]) -> Next {
        let way = self.way();
        let is_held = way.flow == Flow::Held && !self.has_a_hole;
        let due = self.waiting.front().map(|(due, _)| *due);
        let may_read = !is_held && self.waiting_bytes < WAITING_AT_MOST;
        let portion = portion(&way).min(buffer.len());
        let happened = tokio::select! {
            biased;
            how = ended(&mut self.ended) => Happened::Ended(how),
            _ = self.wire.changed() => Happened::Changed,
            () = tokio::time::sleep_until(due.unwrap_or(self.busy_until)), if due.is_some() && !is_held => Happened::Due,
            read = from.read(&mut buffer[..portion]), if may_read => Happened::Came(read),
        };
        match happened {
            Happened::Ended(how) => Next::Ends(how),
            Happened::Changed => {
                if self.way().flow == Flow::Held {
                    add(&self.shared.counters.held, 1);
                }
                Next::GoesOn
            }
            Happened::Due => {
                let Some((_, bytes)) = self.waiting.pop_front() else { return Next::GoesOn };
                self.waiting_bytes -= bytes.len();
                self.pass(to, &bytes).await
            }
            Happened::Came(Ok(0)) => self.say_no_more(to).await,
            Happened::Came(Ok(length)) => self.came(&way, to, &buffer[..length]).await,
            Happened::Came(Err(_)) => self.end(End::Reset),
        }
    }

    /// Bytes came: they are lost, cut, held back or passed on.
    async fn came(&mut self, way: &Way, to: &mut OwnedWriteHalf, bytes: &[u8]) -> Next {
        let counters = &self.shared.counters;
        if self.has_a_hole || way.flow == Flow::Swallowed {
            self.has_a_hole = true;
            add(&counters.swallowed, bytes.len());
            return Next::GoesOn;
        }
        let falls = if self.is_forth {
            self.shared.blade.falls(&mut self.tail, bytes)
        } else {
            self.line.answer_is_lost.load(Ordering::Acquire).then_some(Moment::Before)
        };
        match falls {
            Some(Moment::Before) => {
                add(&counters.swallowed, bytes.len());
                add(&counters.cut, 1);
                return self.end(End::Reset);
            }
            Some(Moment::AfterAnswer) => self.line.answer_is_lost.store(true, Ordering::Release),
            None => {}
        }
        let late = self.lateness(way, bytes.len());
        if late.is_zero() && self.waiting.is_empty() {
            return self.pass(to, bytes).await;
        }
        add(&counters.slowed, bytes.len());
        let due = (Instant::now() + late).max(self.busy_until);
        self.busy_until = due + transit(way, bytes.len());
        self.waiting.push_back((due, bytes.to_vec()));
        self.waiting_bytes += bytes.len();
        Next::GoesOn
    }

    async fn pass(&mut self, to: &mut OwnedWriteHalf, bytes: &[u8]) -> Next {
        let written = tokio::select! {
            biased;
            written = to.write_all(bytes) => written,
            how = ended(&mut self.ended) => return Next::Ends(how),
        };
        let counter = if self.is_forth { &self.shared.counters.forth } else { &self.shared.counters.back };
        match written {
            Ok(()) => {
                add(counter, bytes.len());
                Next::GoesOn
            }
            Err(_) => self.end(End::Reset),
        }
    }

    /// What is under way still arrives before the end does.
    async fn say_no_more(&mut self, to: &mut OwnedWriteHalf) -> Next {
        while let Some((due, bytes)) = self.waiting.pop_front() {
            tokio::time::sleep_until(due).await;
            match self.pass(to, &bytes).await {
                Next::GoesOn => {}
                other => return other,
            }
        }
        Next::SaysNoMore
    }

    /// Ends the whole connection, the other direction too.
    fn end(&self, how: End) -> Next {
        self.line.end(how);
        Next::Ends(how)
    }

    async fn finish(self, how: End, mut from: OwnedReadHalf, to: OwnedWriteHalf) {
        match how {
            End::Closed => drop(to),
            End::Reset => {
                for stream in [from.as_ref(), to.as_ref()] {
                    stream.set_zero_linger().unwrap_or_default();
                }
                // Else it would say that it ends in order before it is reset.
                to.forget();
            }
            End::Unheard if self.is_forth => {
                to.as_ref().set_zero_linger().unwrap_or_default();
                to.forget();
                let mut nowhere = [0; 1024];
                while let Ok(length @ 1..) = from.read(&mut nowhere).await {
                    add(&self.shared.counters.swallowed, length);
                }
            }
            // The other direction keeps the silent side open.
            End::Unheard => to.forget(),
        }
    }

    fn way(&mut self) -> Way {
        let wire = self.wire.borrow_and_update();
        if self.is_forth { wire.forth } else { wire.back }
    }

    /// How long bytes that came now are under way, but for those before them.
    fn lateness(&mut self, way: &Way, length: usize) -> Duration {
        let jitter = if way.jitter.is_zero() { Duration::ZERO } else { way.jitter.mul_f64(self.chance()) };
        way.delay + jitter + transit(way, length)
    }

    /// Between 0 and 1: SplitMix64, which is enough to be different.
    fn chance(&mut self) -> f64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// How long a wire of this width is busy with so many bytes.
fn transit(way: &Way, length: usize) -> Duration {
    match way.bytes_per_second {
        0 => Duration::ZERO,
        width => Duration::from_secs_f64(length as f64 / f64::from(width)),
    }
}

/// The most bytes read at a time.
fn portion(way: &Way) -> usize {
    match way.bytes_per_second {
        0 => usize::MAX,
        width => (usize::try_from(width).unwrap_or(usize::MAX) / PORTIONS_PER_SECOND).max(1),
    }
}
