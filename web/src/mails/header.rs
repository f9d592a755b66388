//! Text that may stand in a mail's header or in one line of its body, whatever people typed.

use serde::Serialize;
use std::fmt;

/// One line without control characters and without characters that turn the direction of reading; no more than
/// [`HeaderText::MOST`] characters. Nothing else can be made of the type, so no header can be broken by a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct HeaderText(String);

impl HeaderText {
    /// Most characters: more is shortened with an ellipsis. Two lines of a mail program on a phone.
    pub const MOST: usize = 150;

    /// Makes any text fit: line ends and white space become single spaces, what cannot be seen goes.
    pub fn new(text: &str) -> HeaderText {
        let line = one_line(text);
        if line.chars().count() <= Self::MOST {
            return HeaderText(line);
        }
        let kept: String = line.chars().take(Self::MOST - 1).collect();
        HeaderText(format!("{}…", kept.trim_end()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeaderText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The text in one line: every run of white space and line ends is one space, control characters and those that turn
/// the direction of reading are gone.
pub(crate) fn one_line(text: &str) -> String {
    let seen: String = text
        .chars()
        .map(|character| if character.is_whitespace() || character.is_control() { ' ' } else { character })
        .filter(|character| !turns(*character))
        .collect();
    seen.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A name to greet someone with; `None` when it could be anything else. Whoever orders for a stranger's address must
/// not write that stranger a message, least of all an address that mail programs turn into a link.
pub(crate) fn greeting(name: &str) -> Option<String> {
    const MOST: usize = 60;
    let line = one_line(name);
    let words = || line.split(' ');
    let is_name =
        |character: char| character.is_alphabetic() || "'’-. \u{b7}".contains(character) || is_mark(character);
    let could_be_a_link =
        line.to_lowercase().contains("www") || words().any(|word| word.trim_end_matches('.').contains('.'));
    let fits = !line.is_empty() && line.chars().count() <= MOST && words().count() <= 6;
    (fits && !could_be_a_link && line.chars().all(is_name)).then_some(line)
}

/// Marks that are written over or under letters in many scripts.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{dff}')
}

/// Direction marks, embeddings, overrides and isolates (Unicode TR9), and characters of no width.
fn turns(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_can_end_a_header() {
        let hostile = "Zoë\r\nBcc: all@example.org\n\nPay here\u{2028}now\u{85}\0\u{1b}[31m\u{b}end";
        let line = HeaderText::new(hostile);
        assert!(!line.as_str().contains(|character: char| character.is_control() || character == '\u{2028}'));
        assert_eq!(line.as_str(), "Zoë Bcc: all@example.org Pay here now [31m end");
    }

    #[test]
    fn nothing_turns_the_direction_of_reading() {
        assert_eq!(HeaderText::new("a\u{202e}gpj.exe\u{2066}b\u{200f}\u{feff}").as_str(), "agpj.exeb");
    }

    #[test]
    fn a_long_text_is_shortened_and_says_so() {
        let line = HeaderText::new(&"Ö🎧".repeat(500));
        assert_eq!(line.as_str().chars().count(), HeaderText::MOST);
        assert!(line.as_str().ends_with('…'));
        assert_eq!(HeaderText::new(" \r\n ").as_str(), "");
    }

    #[test]
    fn only_a_name_is_greeted() {
        for name in ["Zoë Ångström", "مريم", "J. R. R. O’Neill-Öztürk", "李小龙"] {
            assert_eq!(greeting(name).as_deref(), Some(name));
        }
        for name in [
            "",
            "evil.example",
            "see www evil",
            "http://evil.example",
            "a@b.at",
            "Free money: call 0800",
            "You have won a prize, go there now",
            "<b>Zoë</b>",
            "Zoë 🎧",
        ] {
            assert_eq!(greeting(name), None, "{name}");
        }
        assert_eq!(greeting("Zoë\nÅngström").as_deref(), Some("Zoë Ångström"));
    }
}
