//! QR codes (ISO/IEC 18004), for pages and for paper: the same squares, drawn by whoever needs them.

use fast_qr::{ECL, QRBuilder};
use std::fmt::Write;

/// Light squares around a code, without which scanners do not find it.
pub(crate) const QUIET: usize = 4;

/// A code as runs of dark squares, its quiet zone included in all coordinates.
pub(crate) struct Qr {
    /// Squares on each side.
    pub(crate) size: usize,
    /// Left end, row and length of each run, row by row.
    pub(crate) runs: Vec<(usize, usize, usize)>,
}

impl Qr {
    /// The code of a text that has some hundred characters at most; `None` when it has too many.
    pub(crate) fn of(text: &str) -> Option<Self> {
        // A seventh of the squares may be dirty or torn: phones are scratched and paper is folded.
        let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
        let mut runs = Vec::new();
        for row in 0..code.size {
            let mut at = 0;
            while at < code.size {
                let length = code[row][at..].iter().take_while(|square| square.value()).count();
                if length > 0 {
                    runs.push((at + QUIET, row + QUIET, length));
                }
                at += length.max(1);
            }
        }
        Some(Self { size: code.size + 2 * QUIET, runs })
    }

    /// SVG path data of lines as wide as a square, the first through 0, 0: whole numbers, and few of them, because pages go to phones.
    pub(crate) fn path(&self) -> String {
        let mut path = String::with_capacity(self.runs.len() * 6);
        let mut pen = (0, usize::MAX);
        for &(left, row, length) in &self.runs {
            let (left, row) = (left - QUIET, row - QUIET);
            let _ = match pen {
                (at, same) if same == row => write!(path, "m{} 0h{length}", left - at),
                _ => write!(path, "M{left} {row}h{length}"),
            };
            pen = (left + length, row);
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> String {
        format!("STP1{}", "A2".repeat(75).split_at(149).0)
    }

    #[test]
    fn a_ticket_fits_a_code_that_a_phone_reads_from_paper() {
        let code = Qr::of(&ticket()).expect("because it is short");
        assert_eq!(code.size, 41 + 2 * QUIET, "version 6: letters and digits, eleven bits a pair");
        let inside = QUIET..code.size - QUIET;
        assert!(code.runs.iter().all(|(left, row, length)| {
            *length > 0 && inside.contains(left) && inside.contains(row) && left + length <= code.size - QUIET
        }));
        // The three finders' upper edges.
        assert!(code.runs.contains(&(QUIET, QUIET, 7)) && code.runs.contains(&(code.size - QUIET - 7, QUIET, 7)));
        assert!(code.runs.contains(&(QUIET, code.size - QUIET - 7, 7)));
    }

    #[test]
    fn a_path_walks_along_the_runs() {
        let code = Qr { size: 12, runs: vec![(4, 4, 2), (7, 4, 1), (5, 6, 3)] };
        assert_eq!(code.path(), "M0 0h2m1 0h1M1 2h3");
        assert!(Qr::of(&ticket()).expect("because it is short").path().len() < 3_600, "pages go to phones");
    }

    #[test]
    fn what_does_not_fit_is_none() {
        assert!(Qr::of(&"A".repeat(10_000)).is_none());
    }
}
