//! The poster's letters, drawn: one modular alphabet of pipes on a grid of 100 x 76, as SVG path data. The template
//! strokes each path several times, wide to narrow, which turns a pipe into parallel lines. No text lives here.

use serde::Serialize;

/// Width and height of one letter.
const CELL: (u32, u32) = (100, 76);
const GAP: u32 = 8;

/// A letter and where its cell begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Glyph {
    /// SVG path data within the cell.
    pub path: &'static str,
    /// Left edge of the cell.
    pub x: u32,
    /// Top edge of the cell.
    pub y: u32,
}

/// A word set in rows, and the size of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    /// The letters in reading order.
    pub glyphs: Vec<Glyph>,
    /// Width of the block.
    pub width: u32,
    /// Height of the block.
    pub height: u32,
}

/// Sets a word of up to twelve letters or digits: four and fewer in one row, nine in a square of three by three.
/// `None` when a character has no drawing; the page then sets the word in type.
pub fn block(word: &str) -> Option<Block> {
    let paths: Vec<&'static str> =
        word.chars().map(|letter| path(letter.to_ascii_uppercase())).collect::<Option<_>>()?;
    let columns: u32 = match paths.len() {
        0 | 13.. => return None,
        1..=4 => u32::try_from(paths.len()).ok()?,
        5..=9 => 3,
        10..=12 => 4,
    };
    let glyphs: Vec<Glyph> = (0_u32..)
        .zip(paths)
        .map(|(index, path)| Glyph { path, x: index % columns * (CELL.0 + GAP), y: index / columns * (CELL.1 + GAP) })
        .collect();
    let height = glyphs.last()?.y + CELL.1;
    Some(Block { glyphs, width: columns * (CELL.0 + GAP) - GAP, height })
}

fn path(letter: char) -> Option<&'static str> {
    Some(match letter {
        'A' => "M10 76V30A20 20 0 0 1 30 10H70A20 20 0 0 1 90 30V76M10 46H90",
        'B' => "M76 38A14 14 0 0 0 76 10H10V66H76A14 14 0 0 0 76 38H10",
        'C' => "M100 10H30A20 20 0 0 0 10 30V46A20 20 0 0 0 30 66H100",
        'D' => "M10 10H70A20 20 0 0 1 90 30V46A20 20 0 0 1 70 66H10Z",
        'E' => "M100 10H30A20 20 0 0 0 10 30V46A20 20 0 0 0 30 66H100M10 38H94",
        'F' => "M10 76V30A20 20 0 0 1 30 10H100M10 38H90",
        'G' => "M100 10H30A20 20 0 0 0 10 30V46A20 20 0 0 0 30 66H90V38H50",
        'H' => "M10 0V76M90 0V76M10 38H90",
        'I' => "M50 0V76",
        'J' => "M90 0V46A20 20 0 0 1 70 66H30A20 20 0 0 1 10 46V40",
        'K' => "M10 0V76M90 0V18A20 20 0 0 1 70 38H10M70 38A20 20 0 0 1 90 58V76",
        'L' => "M10 0V46A20 20 0 0 0 30 66H100",
        'M' => "M10 76V30A20 20 0 0 1 30 10H70A20 20 0 0 1 90 30V76M50 10V76",
        'N' => "M10 76V30A20 20 0 0 1 30 10H70A20 20 0 0 1 90 30V76",
        'O' | '0' => "M30 10H70A20 20 0 0 1 90 30V46A20 20 0 0 1 70 66H30A20 20 0 0 1 10 46V30A20 20 0 0 1 30 10Z",
        'P' => "M10 76V10H76A14 14 0 0 1 76 38H10",
        'Q' => "M30 10H70A20 20 0 0 1 90 30V46A20 20 0 0 1 70 66H30A20 20 0 0 1 10 46V30A20 20 0 0 1 30 10ZM58 38V76",
        'R' => "M10 76V30A20 20 0 0 1 30 10H76A14 14 0 0 1 76 38H10M70 38A20 20 0 0 1 90 58V76",
        '5' => "M100 10H10V38H76A14 14 0 0 1 76 66H0",
        'S' => "M100 10H24A14 14 0 0 0 24 38H76A14 14 0 0 1 76 66H0",
        'T' => "M0 10H100M50 10V76",
        'U' => "M10 0V46A20 20 0 0 0 30 66H70A20 20 0 0 0 90 46V0",
        'V' => "M10 0V26L50 66L90 26V0",
        'W' => "M10 0V46A20 20 0 0 0 30 66H70A20 20 0 0 0 90 46V0M50 66V0",
        'X' => "M10 0V18A20 20 0 0 0 30 38H70A20 20 0 0 0 90 18V0M10 76V58A20 20 0 0 1 30 38H70A20 20 0 0 1 90 58V76",
        'Y' => "M10 0V18A20 20 0 0 0 30 38H70A20 20 0 0 0 90 18V0M50 38V76",
        'Z' | '2' => "M0 10H76A14 14 0 0 1 76 38H24A14 14 0 0 0 24 66H100",
        '1' => "M24 10H50V76",
        '3' => "M0 10H76A14 14 0 0 1 76 38H20M76 38A14 14 0 0 1 76 66H0",
        '4' => "M10 0V18A20 20 0 0 0 30 38H90M90 0V76",
        '6' => "M94 10H30A20 20 0 0 0 10 30V52A14 14 0 0 0 24 66H76A14 14 0 0 0 76 38H10",
        '7' => "M0 10H70A20 20 0 0 1 90 30V76",
        '8' => "M24 38A14 14 0 0 1 24 10H76A14 14 0 0 1 76 38H24A14 14 0 0 0 24 66H76A14 14 0 0 0 76 38",
        '9' => "M90 38H24A14 14 0 0 1 24 10H70A20 20 0 0 1 90 30V76",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::block;

    #[test]
    fn nine_letters_make_a_square_of_three() {
        let block = block("Frequency").expect("because every letter of the festival is drawn");
        assert_eq!((block.glyphs.len(), block.width, block.height), (9, 316, 244));
        assert_eq!((block.glyphs[4].x, block.glyphs[4].y), (108, 84));
    }

    #[test]
    fn every_letter_and_digit_is_drawn() {
        assert!(('A'..='Z').chain('0'..='9').all(|letter| block(&letter.to_string()).is_some()));
    }

    #[test]
    fn a_word_without_a_drawing_is_left_to_type() {
        assert_eq!(block("Öl"), None);
        assert_eq!(block(""), None);
        assert_eq!(block("Thirteenchars"), None);
    }
}
