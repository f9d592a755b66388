//! A wire that can be cut so that our end does not notice.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

pub(super) struct Proxy {
    pub(super) url: String,
    cuts: Arc<AtomicU32>,
    /// The far ends of the connections there are.
    far_ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    pub(super) fn before(url: &str) -> Self {
        let there = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let cuts = Arc::new(AtomicU32::new(0));
        let far_ends: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let (known, opened) = (Arc::clone(&cuts), Arc::clone(&far_ends));
        // Ends with the test's process.
        thread::spawn(move || {
            for here in listener.incoming() {
                let (Ok(here), Ok(there)) = (here, TcpStream::connect(&there)) else { continue };
                let (back, forth) = (here.try_clone().unwrap(), there.try_clone().unwrap());
                opened.lock().unwrap().push(there.try_clone().unwrap());
                let (one, other) = (Arc::clone(&known), Arc::clone(&known));
                thread::spawn(move || carry(here, forth, &one));
                thread::spawn(move || carry(there, back, &other));
            }
        });
        Self { url, cuts, far_ends }
    }

    /// The connections there are have ended for the server, and we hear nothing of it. New ones work.
    pub(super) fn cut(&self) {
        self.cuts.fetch_add(1, Ordering::SeqCst);
        for far_end in self.far_ends.lock().unwrap().drain(..) {
            far_end.shutdown(Shutdown::Both).unwrap();
        }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, cuts: &AtomicU32) {
    let born = cuts.load(Ordering::SeqCst);
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        // What is cut swallows everything and says nothing.
        if cuts.load(Ordering::SeqCst) == born && to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
}
