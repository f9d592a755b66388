//! Pages for bad phones: a quarter of the bytes, compressed once for everyone although each has a key of its own.
//!
//! A gzip file (RFC 1952) is a header, DEFLATE blocks (RFC 1951), a checksum and a length. The blocks before and after the key
//! are compressed when the page is rendered and end on byte boundaries; the key goes between them as a *stored* block, so a
//! response costs a copy and a checksum. That the key is never compressed also means that nobody can learn it from the length
//! of an answer (BREACH); the pages that repeat what was typed are not compressed at all.

use actix_web::{HttpRequest, http::header};
use bytes::{BufMut, Bytes, BytesMut};
use flate2::{Compress, Compression, FlushCompress, Status};
use stampede_web::Asset;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Magic, DEFLATE, no flags, no time, no hints, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// Checksum and length.
const TRAILER: usize = 8;
/// Header of a stored block that is not the last: one byte of flags, the length and its complement.
const STORED: usize = 5;

/// A page with a slot, compressed around it.
#[derive(Clone)]
pub(super) struct Around {
    head: Bytes,
    tail: Bytes,
    /// Of the head alone.
    checksum: crc32fast::Hasher,
    head_length: usize,
}

impl Around {
    pub(super) fn new(head: &[u8], tail: &[u8]) -> Self {
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(head);
        let (head_length, head) = (head.len(), deflate(head, FlushCompress::Full));
        Self { head, tail: deflate(tail, FlushCompress::Finish), checksum, head_length }
    }

    /// The page with `middle` in its slot; `tail` is what [`Self::new`] was given.
    pub(super) fn with(&self, middle: &[u8], tail: &[u8]) -> Bytes {
        let Ok(length) = u16::try_from(middle.len()) else { return Bytes::new() };
        let size = HEADER.len() + self.head.len() + STORED + middle.len() + self.tail.len() + TRAILER;
        let mut page = BytesMut::with_capacity(size);
        page.put_slice(&HEADER);
        page.put_slice(&self.head);
        page.put_u8(0);
        page.put_u16_le(length);
        page.put_u16_le(!length);
        page.put_slice(middle);
        page.put_slice(&self.tail);
        let mut checksum = self.checksum.clone();
        checksum.update(middle);
        checksum.update(tail);
        page.put_u32_le(checksum.finalize());
        // The length modulo 2^32, as the format has it.
        let whole = self.head_length + middle.len() + tail.len();
        page.put_u32_le(u32::try_from(whole & 0xffff_ffff).unwrap_or_default());
        page.freeze()
    }
}

/// Whether the browser takes gzip.
pub(super) fn is_taken(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok());
    accepted.is_some_and(|accepted| {
        accepted.split(',').any(|coding| {
            let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
            name.trim().eq_ignore_ascii_case("gzip")
                && !matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        })
    })
}

/// A file, compressed the first time somebody asks for it.
pub(super) fn asset(asset: &'static Asset) -> Bytes {
    static ASSETS: Mutex<Option<HashMap<&'static str, Bytes>>> = Mutex::new(None);
    let mut assets = ASSETS.lock().unwrap_or_else(PoisonError::into_inner);
    let compressed = assets.get_or_insert_default().entry(asset.etag.as_str());
    compressed.or_insert_with(|| Around::new(&asset.bytes, &[]).with(&[], &[])).clone()
}

/// DEFLATE without a wrapper. `Full` ends on a byte boundary and may be followed; `Finish` ends the file.
fn deflate(bytes: &[u8], flush: FlushCompress) -> Bytes {
    let mut compress = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(bytes.len() / 2 + 64);
    let mut done = false;
    while !done {
        let read = usize::try_from(compress.total_in()).unwrap_or(bytes.len());
        out.reserve(256);
        let room = out.capacity() - out.len();
        let before = compress.total_out();
        let status = compress.compress_vec(&bytes[read..], &mut out, flush);
        let written = compress.total_out() - before;
        let all_read = compress.total_in() == bytes.len() as u64;
        // A flush is whole when it left room; the end says so itself.
        done = match flush {
            FlushCompress::Finish => !matches!(status, Ok(Status::Ok | Status::BufError)),
            _ => all_read && written < room as u64,
        };
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn read(page: &[u8]) -> String {
        let mut text = String::new();
        GzDecoder::new(page).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn what_was_spliced_is_read_as_one() {
        let long: String = (0..5_000).map(|number| format!("<p>{number} ")).collect();
        for (head, middle, tail) in
            [("", "", ""), ("a", "key", "z"), (long.as_str(), "018bcfe5", long.as_str()), ("", "k", &long)]
        {
            let page = Around::new(head.as_bytes(), tail.as_bytes()).with(middle.as_bytes(), tail.as_bytes());
            assert_eq!(read(&page), format!("{head}{middle}{tail}"));
        }
        assert!(Around::new(long.as_bytes(), b"").with(b"", b"").len() < long.len() / 2);
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        let takes = |accepted: &str| {
            is_taken(&TestRequest::default().insert_header(("accept-encoding", accepted)).to_http_request())
        };
        assert!(takes("gzip, deflate, br") && takes("br;q=1.0, GZIP;q=0.8"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes(""));
        assert!(!is_taken(&TestRequest::default().to_http_request()));
    }
}
