//! Reads what the process writes for Prometheus (text format 0.0.4): what operators see here is what Prometheus sees.

/// One line of the exposition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample<'a> {
    /// Name and labels as they are written, which names the series.
    pub(super) series: &'a str,
    /// Its value now.
    pub(super) value: f64,
}

/// Every sample of a text. A line that cannot be read is left out: a chart with a gap is better than no page.
pub(super) fn samples(text: &str) -> impl Iterator<Item = Sample<'_>> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        Some(Sample { series, value: value.parse().ok()? })
    })
}

/// A series' name and labels, in the order they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
}

impl Series {
    /// Reads `name{label="value",…}`. `None` when it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let Some((name, rest)) = text.split_once('{') else {
            return Some(Self { name: text.to_owned(), labels: Vec::new() });
        };
        let mut rest = rest.strip_suffix('}')?;
        let mut labels = Vec::new();
        while !rest.is_empty() {
            let (label, value) = rest.split_once("=\"")?;
            let (value, after) = quoted(value)?;
            labels.push((label.trim_start_matches(',').to_owned(), value));
            rest = after;
        }
        Some(Self { name: name.to_owned(), labels })
    }

    /// The value of a label.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }

    /// Whether it has all of these labels.
    pub(super) fn has(&self, wanted: &[(&str, &str)]) -> bool {
        wanted.iter().all(|(label, value)| self.label(label) == Some(value))
    }
}

/// A label's value up to its closing quote, and what follows the quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match letters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_its_series_and_its_value() {
        let text = "# HELP a What it is\n# TYPE a counter\na{b=\"c d\"} 4\n\ne 0.5\nodd\ninf{le=\"+Inf\"} 7\nnan NaN\n";
        let read: Vec<_> = samples(text).map(|sample| (sample.series, sample.value.to_string())).collect();
        let wanted = [("a{b=\"c d\"}", "4"), ("e", "0.5"), ("inf{le=\"+Inf\"}", "7"), ("nan", "NaN")];
        assert_eq!(read, wanted.map(|(series, value)| (series, value.to_owned())));
    }

    #[test]
    fn a_series_has_a_name_and_labels_whatever_is_in_them() {
        let series = Series::read(r#"port_seconds{port="bus",why="a \"b\", \\ {c}\nd"}"#).unwrap();
        assert_eq!(series.name, "port_seconds");
        assert_eq!(series.label("why"), Some("a \"b\", \\ {c}\nd"));
        assert!(series.has(&[("port", "bus")]) && series.has(&[]));
        assert!(!series.has(&[("port", "bus"), ("operation", "pull")]));
        assert_eq!(Series::read("plain").unwrap().labels, []);
        for odd in ["a{", "a{b}", "a{b=\"c}", "a{b=\"c\\"] {
            assert_eq!(Series::read(odd), None, "{odd}");
        }
    }
}
