//! Tickets on paper: a PDF of one A4 page a ticket. What it says stands in the page's texts, and is tagged for those who listen.
//!
//! One ticket takes 5 ms, six take 15 ms, a hundred a fifth of a second (optimised, on two busy cores; `tests::how_long_a_page_takes`).
//!
//! Absent on purpose: pictures, links (a paper has none), bidirectional lines (a name in Arabic is set from right to left, a line that
//! mixes both directions is set as its first letter says), letters that the font does not have (they become □).

use crate::{
    Lang, TicketView, TicketsPage, format,
    qr::{QUIET, Qr},
    texts,
};
use krilla::{
    Document, SerializeSettings,
    color::rgb,
    destination::XyzDestination,
    geom::{PathBuilder, Point, Rect, Transform},
    metadata::{DateTime, Metadata},
    num::NormalizedF32,
    outline::{Outline, OutlineNode},
    page::PageSettings,
    paint::{Fill, LinearGradient, Paint, SpreadMethod, Stop},
    surface::Surface,
    tagging::{ArtifactType, ContentTag, Identifier, SpanTag, Tag, TagGroup, TagTree},
    text::{Font, TextDirection},
};
use std::{fmt, num::NonZeroU16, sync::LazyLock};
use ttf_parser::Face;

/// A4 in points.
const PAGE: (f32, f32) = (595.28, 841.89);
/// What a home printer leaves white, and a little more.
const MARGIN: f32 = 48.0;
/// Side of the QR code, nearly nine centimetres: it is read at arm's length, from a phone's photo of a crumpled sheet.
const QR_SIDE: f32 = 250.0;
/// Where the column beside the code begins.
const COLUMN: f32 = MARGIN + QR_SIDE + 12.0;
/// Letters of the code in a line: a third of it.
const CODE_LINE: usize = 51;

/// Red, green, blue.
type Colour = (u8, u8, u8);

const BLACK: Colour = (0, 0, 0);
const INK: Colour = (0x1b, 0x0a, 0x2a);
const SOFT: Colour = (0x5c, 0x4b, 0x6b);
/// The poster's rainbow roll, left to right.
const ROLL: [(f32, Colour); 4] =
    [(0.0, (0xff, 0x7f, 0xb0)), (0.38, (0xff, 0x9a, 0x4d)), (0.70, (0xff, 0xd2, 0x3f)), (1.0, (0x6f, 0xe3, 0x9a))];

/// A PDF that could not be made: a bug of ours, never the visitor's doing.
#[derive(Debug)]
pub struct PaperError(&'static str);

impl fmt::Display for PaperError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "tickets on paper: {}", self.0)
    }
}

impl std::error::Error for PaperError {}

/// A typeface, to be drawn and to be measured.
struct Typeface {
    drawn: Font,
    measured: Face<'static>,
}

impl Typeface {
    fn of(file: &'static [u8]) -> Option<Self> {
        Some(Self { drawn: Font::new(file.into(), 0)?, measured: Face::parse(file, 0).ok()? })
    }

    /// What stands in for a letter that there is none for.
    fn letter(&self, letter: char) -> char {
        if self.measured.glyph_index(letter).is_some() { letter } else { '\u{25a1}' }
    }

    /// Width of a text of size 1, without kerning, which only makes it narrower.
    fn width(&self, text: &str) -> f32 {
        let advance = |letter| self.measured.glyph_hor_advance(self.measured.glyph_index(letter)?);
        let units: u32 = text.chars().filter_map(advance).map(u32::from).sum();
        #[expect(clippy::cast_precision_loss, reason = "a line is far shorter than sixteen million units")]
        let units = units as f32;
        units / f32::from(self.measured.units_per_em())
    }
}

static REGULAR: LazyLock<Option<Typeface>> =
    LazyLock::new(|| Typeface::of(include_bytes!("../fonts/DejaVuSansCondensed.ttf")));
static BOLD: LazyLock<Option<Typeface>> =
    LazyLock::new(|| Typeface::of(include_bytes!("../fonts/DejaVuSansCondensed-Bold.ttf")));

/// The tickets of an order as a PDF.
///
/// # Errors
/// When it could not be made.
pub fn tickets_pdf(lang: Lang, page: &TicketsPage) -> Result<Vec<u8>, PaperError> {
    print(lang, page, SerializeSettings::default())
}

fn print(lang: Lang, page: &TicketsPage, settings: SerializeSettings) -> Result<Vec<u8>, PaperError> {
    let (Some(regular), Some(bold)) = (REGULAR.as_ref(), BOLD.as_ref()) else {
        return Err(PaperError("the typefaces cannot be read"));
    };
    let mut document = Document::new_with(settings);
    document.set_metadata(metadata(lang, page));
    let (mut tree, mut outline) = (TagTree::new(), Outline::new());
    for (index, ticket) in page.tickets.iter().enumerate() {
        let size = PageSettings::from_wh(PAGE.0, PAGE.1).ok_or(PaperError("A4 is no size"))?;
        let mut sheet = document.start_page_with(size);
        let press = Press { surface: sheet.surface(), regular, bold, lang, group: TagGroup::new(Tag::Section) };
        let group = press.ticket(page, ticket)?;
        sheet.finish();
        tree.push(group);
        let top = XyzDestination::new(index, Point::from_xy(0.0, 0.0));
        outline.push_child(OutlineNode::new(which(lang, ticket), top));
    }
    document.set_tag_tree(tree);
    document.set_outline(outline);
    document.finish().map_err(|_| PaperError("it could not be put together"))
}

fn metadata(lang: Lang, page: &TicketsPage) -> Metadata {
    let title = texts::find(lang, "tickets_title").unwrap_or_default();
    let at =
        jiff::Timestamp::from_millisecond(page.confirmed_at_ms).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    let part = |number: i8| number.unsigned_abs();
    Metadata::new()
        .title(format!("{title} {}", page.event_name))
        .language(lang.tag().to_owned())
        .creator("Stampede".to_owned())
        .creation_date(
            DateTime::new(at.year().unsigned_abs())
                .month(part(at.month()))
                .day(part(at.day()))
                .hour(part(at.hour()))
                .minute(part(at.minute()))
                .second(part(at.second()))
                .utc_offset_hour(0),
        )
}

/// `Ticket 1 of 2`.
fn which(lang: Lang, ticket: &TicketView) -> String {
    let text = texts::find(lang, "ticket_n").unwrap_or_default();
    text.replace("{number}", &ticket.number.to_string()).replace("{of}", &ticket.of.to_string())
}

/// A page being printed.
struct Press<'a> {
    surface: Surface<'a>,
    regular: &'static Typeface,
    bold: &'static Typeface,
    lang: Lang,
    group: TagGroup,
}

/// How a text is set.
#[derive(Clone, Copy)]
struct Type {
    bold: bool,
    size: f32,
    colour: Colour,
    /// Most lines; what is longer ends in an ellipsis.
    most: usize,
}

impl Press<'_> {
    fn ticket(mut self, page: &TicketsPage, ticket: &TicketView) -> Result<TagGroup, PaperError> {
        self.roll();
        let width = PAGE.0 - 2.0 * MARGIN;
        let say = |key| texts::find(self.lang, key).unwrap_or_default();
        let which = which(self.lang, ticket);
        let kicker = Type { bold: true, size: 15.0, colour: SOFT, most: 2 };
        let headline = Type { bold: true, size: 32.0, colour: INK, most: 3 };
        let hint = Type { bold: false, size: 10.0, colour: INK, most: 4 };
        let small = Type { bold: false, size: 8.5, colour: INK, most: 3 };
        let (show, private, of_code) = (say("tickets_lead"), say("tickets_private"), say("ticket_code"));
        let alternative = say("ticket_qr").replace("{number}", &ticket.number.to_string());

        let title = Tag::Hn(NonZeroU16::MIN, Some(which.clone())).into();
        let mut at = self.set(title, &format!("{which} · {}", page.ticket_type), (MARGIN, 72.0), width, kicker);
        at = self.set(Tag::P.into(), &page.event_name, (MARGIN, at + 22.0), width, headline);

        let top = at + 6.0;
        let beside = self.facts(page, top + 12.0);
        self.qr(&ticket.code, &alternative, top)?;
        at = beside.max(top + QR_SIDE) + 24.0;
        at = self.set(Tag::P.into(), show, (MARGIN, at), width, hint);
        at = self.set(Tag::P.into(), private, (MARGIN, at + 4.0), width, hint);
        at = self.set(Tag::P.into(), of_code, (MARGIN, at + 16.0), width, Type { colour: SOFT, ..small });
        let (code, rest) = ticket.code.as_bytes().as_chunks::<CODE_LINE>();
        let lines = code.iter().map(<[u8; CODE_LINE]>::as_slice).chain((!rest.is_empty()).then_some(rest));
        let code: Vec<_> = lines.map(String::from_utf8_lossy).collect();
        self.set(Tag::P.into(), &code.join(" "), (MARGIN, at), width, small);
        self.surface.finish();
        Ok(self.group)
    }

    /// Who, when, where and for how much, beside the code. Answers where it ends.
    fn facts(&mut self, page: &TicketsPage, mut at: f32) -> f32 {
        let lang = self.lang;
        let say = |key| texts::find(lang, key).unwrap_or_default();
        let price = format::money(lang, page.price_minor, &page.currency);
        let price = if page.paid_at_gate { format!("{price}, {}", say("at_gate")) } else { price };
        let width = PAGE.0 - MARGIN - COLUMN;
        let name = Type { bold: false, size: 9.0, colour: SOFT, most: 1 };
        let fact = Type { bold: true, size: 12.0, colour: INK, most: 4 };
        for (key, value) in [
            ("name", page.holder.as_str()),
            ("when", &format::date_time(lang, page.starts_at_ms, &page.time_zone)),
            ("until", &format::date_time(lang, page.ends_at_ms, &page.time_zone)),
            ("where", &page.place),
            ("price", &price),
            ("order_number", &page.order_id),
        ] {
            if !value.is_empty() {
                at = self.set(Tag::P.into(), say(key), (COLUMN, at), width, name);
                // A number is as long as a line, and is not to be broken.
                let fact = if key == "order_number" { Type { size: 10.0, ..fact } } else { fact };
                at = self.set(Tag::P.into(), value, (COLUMN, at + 2.0), width, fact) + 7.0;
            }
        }
        at
    }

    /// Sets a text into lines of a width, as one paragraph of its kind. Answers where the next line would be.
    fn set(&mut self, kind: krilla::tagging::TagKind, text: &str, from: (f32, f32), width: f32, how: Type) -> f32 {
        let typeface = if how.bold { self.bold } else { self.regular };
        let mut paragraph = TagGroup::new(kind);
        let mut at = from.1;
        self.surface.set_fill(Some(fill(print_colour(how.colour))));
        for line in lines(typeface, text, width / how.size, how.most) {
            paragraph.push(self.tagged(ContentTag::Span(SpanTag::empty()), |surface| {
                let font = typeface.drawn.clone();
                surface.draw_text(Point::from_xy(from.0, at), font, how.size, &line, false, TextDirection::Auto);
            }));
            at += how.size * 1.25;
        }
        self.group.push(paragraph);
        at
    }

    fn qr(&mut self, code: &str, alternative: &str, top: f32) -> Result<(), PaperError> {
        let qr = Qr::of(code).ok_or(PaperError("a code does not fit"))?;
        #[expect(clippy::cast_precision_loss, reason = "a code has fewer than 200 squares on a side")]
        let squares = |count: usize| count as f32;
        // In squares, because whole numbers make the file half as large.
        let mut path = PathBuilder::new();
        for &(left, row, length) in &qr.runs {
            let run = Rect::from_xywh(squares(left), squares(row), squares(length), 1.0);
            run.into_iter().for_each(|run| path.push_rect(run));
        }
        let side = QR_SIDE / squares(qr.size);
        // The quiet zone is as white as the margin, so the code stands at the margin itself.
        let place = Transform::from_row(side, 0.0, 0.0, side, MARGIN - side * squares(QUIET), top);
        let path = path.finish().ok_or(PaperError("a code has no squares"))?;
        let mut figure = TagGroup::new(Tag::Figure(Some(alternative.to_owned())));
        self.surface.set_fill(Some(fill(print_colour(BLACK))));
        figure.push(self.tagged(ContentTag::Other, |surface| {
            surface.push_transform(&place);
            surface.draw_path(&path);
            surface.pop();
        }));
        self.group.push(figure);
        Ok(())
    }

    /// The poster's colours along the upper edge.
    fn roll(&mut self) {
        let stops = ROLL.map(|(offset, colour)| Stop {
            offset: NormalizedF32::new(offset).unwrap_or(NormalizedF32::ZERO),
            color: print_colour(colour).into(),
            opacity: NormalizedF32::ONE,
        });
        let roll = LinearGradient {
            x1: 0.0,
            y1: 0.0,
            x2: PAGE.0,
            y2: 0.0,
            transform: Default::default(),
            spread_method: SpreadMethod::Pad,
            stops: stops.to_vec(),
            anti_alias: false,
        };
        let mut edge = PathBuilder::new();
        Rect::from_xywh(0.0, 0.0, PAGE.0, 18.0).into_iter().for_each(|strip| edge.push_rect(strip));
        if let Some(edge) = edge.finish() {
            self.surface.set_fill(Some(fill(roll)));
            // Belongs to no text, so nobody has to hear of it.
            let decoration = krilla::tagging::Artifact::new(ArtifactType::Other, None);
            self.tagged(ContentTag::Artifact(decoration), |surface| surface.draw_path(&edge));
        }
    }

    fn tagged(&mut self, tag: ContentTag<'_>, draw: impl FnOnce(&mut Surface<'_>)) -> Identifier {
        let identifier = self.surface.start_tagged(tag);
        draw(&mut self.surface);
        self.surface.end_tagged();
        identifier
    }
}

fn print_colour((red, green, blue): Colour) -> rgb::Color {
    rgb::Color::new(red, green, blue)
}

fn fill(paint: impl Into<Paint>) -> Fill {
    Fill { paint: paint.into(), opacity: NormalizedF32::ONE, rule: Default::default() }
}

/// A text in lines of a width in sizes of its letters, broken between words where that can be; at most so many.
fn lines(typeface: &Typeface, text: &str, width: f32, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0.0;
    for word in text.split(|letter: char| letter.is_whitespace() && letter != '\u{a0}') {
        let word: String = word.chars().filter(|letter| !letter.is_control()).map(|it| typeface.letter(it)).collect();
        let (blank, long) = (typeface.width(" "), typeface.width(&word));
        if word.is_empty() {
            continue;
        }
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() || used + blank + long <= width {
            if !line.is_empty() {
                line.push(' ');
                used += blank;
            }
        } else {
            lines.push(String::new());
            used = 0.0;
        }
        // A word that is longer than a line is broken where the line ends.
        for letter in word.chars() {
            let wide = typeface.width(letter.encode_utf8(&mut [0; 4]));
            if used + wide > width && used > 0.0 {
                lines.push(String::new());
                used = 0.0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(letter);
            }
            used += wide;
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            while !last.is_empty() && typeface.width(last) + typeface.width("…") > width {
                last.pop();
            }
            last.push('…');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use krilla::configure::{Accessibility, ConfigurationBuilder};
    use std::time::Instant;

    fn read(pdf: &[u8]) -> (usize, String) {
        let document = lopdf::Document::load_mem(pdf).expect("because it is a PDF");
        let pages: Vec<u32> = document.get_pages().into_keys().collect();
        let text = document.extract_text(&pages).expect("because it has text");
        (pages.len(), text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn every_ticket_has_a_page_that_says_what_the_page_in_the_browser_says() {
        for lang in Lang::ALL {
            for (name, page) in TicketsPage::samples(lang) {
                let (pages, text) = read(&tickets_pdf(lang, &page).expect("because a sample is printed"));
                assert_eq!(pages, page.tickets.len(), "{name}");
                for ticket in &page.tickets {
                    let code = ticket.code.as_bytes().chunks(CODE_LINE).map(String::from_utf8_lossy);
                    let code = code.collect::<Vec<_>>().join(" ");
                    assert!(text.contains(&code), "{code} is not in {text}");
                }
                assert!(text.contains(&page.place) && text.contains(&page.order_id), "{text}");
                assert!(text.contains(&page.ticket_type), "{text}");
            }
        }
    }

    #[test]
    fn umlauts_and_the_euro_are_on_paper() {
        let page = TicketsPage::samples(Lang::De).swap_remove(0).1;
        let (_, text) = read(&tickets_pdf(Lang::De, &page).expect("because a sample is printed"));
        for words in [
            "Zoë <script>alert(1)</script> Größenwahn",
            "Green Park, St. Pölten",
            "€ 199,00, am Einlass zu zahlen",
            "20. August 2026, 18:00 Uhr",
        ] {
            assert!(text.replace('\u{a0}', " ").contains(words), "{words} is not in {text}");
        }
    }

    /// PDF/UA-1, as far as a program can check it.
    #[test]
    fn whoever_listens_to_it_hears_all_of_it() {
        let mut page = TicketsPage::samples(Lang::En).swap_remove(2).1;
        page.holder = "🎧 中 Zoë".into();
        let configuration = ConfigurationBuilder::new().with_accessibility_validator(Accessibility::UA1).finish();
        let configuration = configuration.expect("because one validator contradicts nothing");
        let settings = SerializeSettings { configuration, ..SerializeSettings::default() };
        print(Lang::En, &page, settings).expect("because everything is tagged");
    }

    #[test]
    fn long_names_are_broken_and_the_longest_end_in_an_ellipsis() {
        let typeface = REGULAR.as_ref().expect("because the font is in the program");
        let width = typeface.width("eight wide");
        assert_eq!(lines(typeface, "eight wide lines", width, 5), ["eight wide", "lines"]);
        assert_eq!(lines(typeface, "  a \u{7} b  ", width, 5), ["a b"]);
        assert_eq!(lines(typeface, "", width, 5), [""]);
        let long = lines(typeface, &"Donaudampfschifffahrt".repeat(9), width, 3);
        assert_eq!(long.len(), 3);
        assert!(long[2].ends_with('…') && long.iter().all(|line| typeface.width(line) <= width), "{long:?}");
        assert_eq!(lines(typeface, "🎧", width, 1), ["□"]);
    }

    /// The largest order there is (100) takes as long as it takes; it is printed off the workers' threads.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "it measures")]
    fn how_long_a_page_takes() {
        let page = TicketsPage::samples(Lang::De).swap_remove(0).1;
        let ticket = page.tickets[0].clone();
        for count in [1, 6, 100] {
            let page = TicketsPage { tickets: vec![ticket.clone(); count], ..page.clone() };
            let began = Instant::now();
            let pdf = tickets_pdf(Lang::De, &page).expect("because a sample is printed");
            println!("{count} tickets: {:?}, {} bytes", began.elapsed(), pdf.len());
            assert!(pdf.len() < 40_000 + 20_000 * count, "fonts are cut to the letters that are used");
        }
    }
}
