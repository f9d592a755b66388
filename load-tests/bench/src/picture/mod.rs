//! Pictures of a load over time: small charts under each other with one axis of time, as SVG. They follow the reader's light or
//! dark scheme, and say units.

mod scale;

use scale::{Scale, short};
use std::fmt::Write as _;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 16.0;
/// Title, caption, the names of the phases and the first panel's title.
const TOP: f64 = 116.0;
/// Where the phases begin, above the first panel.
const SHADE: f64 = 62.0;
const PANEL: f64 = 104.0;
/// Between panels: the next one's title.
const GAP: f64 = 40.0;
const BOTTOM: f64 = 42.0;

/// How much narrower a label may turn out than it was thought to be.
const NARROWEST: f64 = 0.85;

/// A picture.
pub(crate) struct Picture {
    /// What it shows.
    pub(crate) title: String,
    /// Under what circumstances.
    pub(crate) caption: String,
    /// What was going on when.
    pub(crate) bands: Vec<Band>,
    /// The charts, from above.
    pub(crate) panels: Vec<Panel>,
}

/// A span of time with a name.
pub(crate) struct Band {
    /// What it is called, in a few letters.
    pub(crate) name: String,
    /// A second line.
    pub(crate) about: String,
    /// How long, in seconds; the next one begins where it ends.
    pub(crate) seconds: f64,
}

/// A chart.
pub(crate) struct Panel {
    /// What it shows, with its unit.
    pub(crate) title: String,
    /// Each step of the axis ten times the one before: for latencies.
    pub(crate) tenfold: bool,
    /// Its lines.
    pub(crate) lines: Vec<Line>,
}

/// A line in a chart.
pub(crate) struct Line {
    /// What it is.
    pub(crate) name: &'static str,
    /// Which of the picture's colours it has.
    pub(crate) hue: Hue,
    /// Seconds and values, in the order of time.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Colours that those who see no red or green can tell apart, each for light and for dark.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hue {
    /// What is asked, or there.
    Grey,
    /// What goes well.
    Blue,
    /// What is done.
    Green,
    /// What is refused for good.
    Orange,
    /// What is put off.
    Purple,
}

impl Hue {
    fn class(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Blue => "blue",
            Self::Green => "green",
            Self::Orange => "orange",
            Self::Purple => "purple",
        }
    }
}

const STYLE: &str = "
text{font:12px system-ui,sans-serif;fill:#3b3f46}.title{font-size:17px;font-weight:600;fill:#16191d}.panel{font-weight:600;fill:#16191d}
.paper{fill:#fff}.band{fill:#f3f4f6}.grid{stroke:#dcdfe4}.end{text-anchor:end}.middle{text-anchor:middle}
polyline{fill:none;stroke-width:1.8;stroke-linejoin:round}
.grey{stroke:#6b7280}.blue{stroke:#0063b1}.green{stroke:#00795a}.orange{stroke:#c24e00}.purple{stroke:#9b3f85}
@media(prefers-color-scheme:dark){text{fill:#b6bcc6}.title,.panel{fill:#f1f3f5}.paper{fill:#14171b}.band{fill:#1d2126}.grid{stroke:#31363d}
.grey{stroke:#9aa3af}.blue{stroke:#5fb4f5}.green{stroke:#35c79c}.orange{stroke:#f39a4a}.purple{stroke:#d890c6}}";

impl Picture {
    /// The picture as SVG.
    pub(crate) fn svg(&self) -> String {
        let height = TOP + self.panels.len() as f64 * (PANEL + GAP) - GAP + BOTTOM;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"t d\">\n"
        );
        let (title, caption) = (escaped(&self.title), escaped(&self.caption));
        let _ =
            writeln!(svg, "<title id=\"t\">{title}</title>\n<desc id=\"d\">{caption}</desc>\n<style>{STYLE}</style>");
        let _ = writeln!(svg, "<rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>");
        let _ = writeln!(svg, "<text class=\"title\" x=\"{LEFT}\" y=\"26\">{title}</text>");
        let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"44\">{caption}</text>");
        self.draw_bands(&mut svg, height - BOTTOM);
        for (place, panel) in self.panels.iter().enumerate() {
            let top = TOP + place as f64 * (PANEL + GAP);
            panel.draw(&mut svg, top, &self.time());
        }
        self.draw_time(&mut svg, height - BOTTOM);
        svg.push_str("</svg>\n");
        svg
    }

    fn time(&self) -> Scale {
        Scale::even(0.0, self.bands.iter().map(|band| band.seconds).sum(), LEFT, WIDTH - RIGHT)
    }

    /// Every other one is shaded, and each has its name on top.
    fn draw_bands(&self, svg: &mut String, bottom: f64) {
        let (time, mut from) = (self.time(), 0.0);
        for (place, band) in self.bands.iter().enumerate() {
            let (left, right) = (time.at(from), time.at(from + band.seconds));
            from += band.seconds;
            let (width, middle, height) = (right - left, f64::midpoint(left, right), bottom - TOP + SHADE);
            if place % 2 == 0 {
                let y = TOP - SHADE;
                let _ = writeln!(
                    svg,
                    "<rect class=\"band\" x=\"{left:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{height}\"/>"
                );
            }
            // A narrow one does without the name: the picture's caption is read anyway.
            if width_of(&band.name) * NARROWEST <= width {
                let (first, second) = (TOP - SHADE + 14.0, TOP - SHADE + 28.0);
                let (name, about) = (escaped(&band.name), escaped(&band.about));
                let _ = writeln!(svg, "<text class=\"middle\" x=\"{middle:.1}\" y=\"{first}\">{name}</text>");
                let _ = writeln!(svg, "<text class=\"middle\" x=\"{middle:.1}\" y=\"{second}\">{about}</text>");
            }
        }
    }

    fn draw_time(&self, svg: &mut String, bottom: f64) {
        let time = self.time();
        for tick in time.ticks(10) {
            let (x, y) = (time.at(tick), bottom + 16.0);
            let _ = writeln!(svg, "<text class=\"middle\" x=\"{x:.1}\" y=\"{y}\">{}</text>", short(tick));
        }
        let (x, y) = (WIDTH - RIGHT, bottom + 32.0);
        let _ = writeln!(svg, "<text class=\"end\" x=\"{x}\" y=\"{y}\">seconds</text>");
    }
}

impl Panel {
    fn draw(&self, svg: &mut String, top: f64, time: &Scale) {
        let scale = self.scale(top);
        let title_y = top - 8.0;
        let _ = writeln!(svg, "<text class=\"panel\" x=\"{LEFT}\" y=\"{title_y}\">{}</text>", escaped(&self.title));
        for tick in scale.ticks(4) {
            let (y, x, right) = (scale.at(tick), LEFT - 6.0, WIDTH - RIGHT);
            let _ = writeln!(svg, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
            let _ = writeln!(svg, "<text class=\"end\" x=\"{x}\" y=\"{:.1}\">{}</text>", y + 4.0, short(tick));
        }
        for line in &self.lines {
            line.draw(svg, time, &scale);
        }
        self.draw_names(svg, title_y);
    }

    /// From nothing to the largest value; tenfold steps begin at the smallest there is.
    fn scale(&self, top: f64) -> Scale {
        let values =
            || self.lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value).filter(|v| v.is_finite());
        let most = values().fold(0.0, f64::max);
        if self.tenfold {
            let least = values().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
            Scale::tenfold(least, most, top + PANEL, top)
        } else {
            Scale::even(0.0, if most > 0.0 { most * 1.05 } else { 1.0 }, top + PANEL, top)
        }
    }

    /// The names of the lines, each beside a stroke of its colour, right of the title.
    fn draw_names(&self, svg: &mut String, y: f64) {
        let mut x = WIDTH - RIGHT;
        for line in self.lines.iter().rev() {
            let (class, stroke_y) = (line.hue.class(), y - 4.0);
            let _ = writeln!(svg, "<text class=\"end\" x=\"{x:.1}\" y=\"{y}\">{}</text>", escaped(line.name));
            x -= width_of(line.name) + 5.0;
            let _ =
                writeln!(svg, "<polyline class=\"{class}\" points=\"{:.1},{stroke_y} {x:.1},{stroke_y}\"/>", x - 16.0);
            x -= 30.0;
        }
    }
}

impl Line {
    /// Where there is no value there is no line.
    fn draw(&self, svg: &mut String, time: &Scale, scale: &Scale) {
        for piece in self.points.split(|(_, value)| !value.is_finite()) {
            let corner = |(second, value): &(f64, f64)| format!("{:.1},{:.1}", time.at(*second), scale.at(*value));
            let corners: Vec<_> = piece.iter().map(corner).collect();
            if corners.len() > 1 {
                let _ = writeln!(svg, "<polyline class=\"{}\" points=\"{}\"/>", self.hue.class(), corners.join(" "));
            }
        }
    }
}

/// About how wide a label is: nobody knows the reader's letters.
fn width_of(text: &str) -> f64 {
    let letter = |letter: char| match letter {
        ' ' | ',' | '.' | '\'' | 'f' | 'i' | 'j' | 'l' | 'r' | 't' => 4.6,
        'm' | 'w' | 'M' | 'W' => 11.0,
        _ => 7.4,
    };
    text.chars().map(letter).sum()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(points: Vec<(f64, f64)>) -> String {
        let line = Line { name: "promised", hue: Hue::Blue, points };
        let band = |name: &str| Band { name: name.to_owned(), about: "1,000/s".to_owned(), seconds: 5.0 };
        let panel = Panel { title: "orders & answers, a second".to_owned(), tenfold: false, lines: vec![line] };
        let (title, caption) = ("a < b".to_owned(), String::new());
        Picture { title, caption, bands: vec![band("before"), band("after")], panels: vec![panel] }.svg()
    }

    #[test]
    fn a_picture_names_what_it_shows_and_nothing_breaks_its_markup() {
        let svg = picture(vec![(0.0, 0.0), (10.0, 100.0)]);
        assert!(svg.contains("a &lt; b") && svg.contains("orders &amp; answers, a second"));
        assert!(svg.contains(">before<") && svg.contains(">after<") && svg.contains(">promised<"));
        assert!(svg.contains("prefers-color-scheme:dark"));
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
        assert_eq!(svg.matches("class=\"band\"").count(), 1, "every other phase is shaded");
    }

    #[test]
    fn a_line_rises_with_its_values_and_stops_where_there_are_none() {
        let svg = picture(vec![(0.0, 0.0), (5.0, 100.0), (6.0, f64::NAN), (8.0, 50.0), (10.0, 50.0)]);
        let lines: Vec<_> = svg.lines().filter(|line| line.starts_with("<polyline class=\"blue\"")).collect();
        assert_eq!(lines.len(), 3, "two pieces and the name's stroke: {lines:?}");
        let ys = |line: &str| -> Vec<f64> {
            let points = line.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
            points.split(' ').map(|point| point.split(',').nth(1).unwrap().parse().unwrap()).collect()
        };
        assert!(ys(lines[0])[0] > ys(lines[0])[1], "up is more");
        assert!((ys(lines[0])[0] - (TOP + PANEL)).abs() < 0.1, "nothing is at the bottom");
    }
}
