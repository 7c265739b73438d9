//! Data to stdout, words to stderr. The only file that prints.

use super::failure::Failure;
use super::jsonpath::Template;
use crate::object::Json;
use clap::ValueEnum;
use helmward_chart::yaml;
use std::io::Write;

/// How lists and objects are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Columns
    Table,
    /// More columns
    Wide,
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
    /// Kind and name, one to a line
    Name,
}

/// As [`Format`], or what a template of kubectl's makes of the document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Output {
    As(Format),
    JsonPath(Template),
}

impl Output {
    /// Whether it is for people, who are told what there is not.
    pub(super) fn is_for_people(&self) -> bool {
        matches!(self, Self::As(Format::Table | Format::Wide | Format::Name))
    }
}

impl std::str::FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(template) = text.strip_prefix("jsonpath=") {
            return match template {
                "" => Err("the template is missing; write jsonpath='{.items[*].metadata.name}'".into()),
                template => Template::parse(template).map(Self::JsonPath),
            };
        }
        Format::from_str(text, false).map(Self::As).map_err(|_| "write table, wide, json, yaml, name or jsonpath=TEMPLATE".into())
    }
}

/// Colours, where they are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(super) fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.wrap("31", text)
    }

    pub(super) fn warn(self, text: &str) -> String {
        self.wrap("33", text)
    }

    pub(super) fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }
}

/// Where a command writes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Console {
    pub(super) out: Paint,
    pub(super) err: Paint,
    /// Nothing but data and errors.
    pub(super) quiet: bool,
}

impl Console {
    /// Without colours, for words before the options are known.
    pub(super) fn plain() -> Self {
        Self { out: Paint(false), err: Paint(false), quiet: false }
    }

    /// Data, as it is. A reader that has gone away (`| head`) is no error.
    pub(super) fn data(&self, text: &str) -> Result<(), Failure> {
        self.pieces(&[text])
    }

    /// Likewise, one piece after another.
    pub(super) fn pieces(&self, pieces: &[impl AsRef<str>]) -> Result<(), Failure> {
        let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
        match pieces.iter().try_for_each(|piece| out.write_all(piece.as_ref().as_bytes())).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::error(format!("cannot write the output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// One line for a person.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Progress of something that is waited for.
    pub(super) fn progress(&self, text: &str) {
        self.note(&self.err.dim(&format!("… {text}")));
    }

    /// What went well, and the next command.
    pub(super) fn done(&self, text: &str, next: &str) {
        self.note(text);
        self.note(&format!("{} {next}", self.err.dim("→")));
    }

    /// A line of why something failed.
    pub(super) fn detail(&self, text: &str) {
        self.say(text);
    }

    /// What to know, though it is no error.
    pub(super) fn warn(&self, text: &str) {
        self.say(&format!("{} {text}", self.err.warn("warning:")));
    }

    pub(super) fn failure(&self, failure: &Failure) {
        if let Some(place) = &failure.place {
            return self.say(&place.show(&failure.message, failure.hint.as_deref(), self.err));
        }
        self.say(&format!("{} {}", self.err.bad("error:"), failure.message));
        if let Some(hint) = &failure.hint {
            self.say(&format!("{} {hint}", self.err.dim("→")));
        }
    }

    fn say(&self, text: &str) {
        // nobody reads stderr: nothing to be done about it
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// A document as JSON or YAML.
    pub(super) fn document(&self, value: &Json, format: Format) -> Result<(), Failure> {
        match format {
            Format::Yaml => self.data(&yaml::to_string(value)),
            _ => self.data(&format!("{value:#}\n")),
        }
    }
}

/// Columns as kubectl prints them: three blanks between, nothing cut off.
#[derive(Debug, Default)]
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

/// One cell: its text decides the width, its colour does not.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    shown: String,
}

impl Cell {
    /// Nothing at all, where an empty text is shown as a dash.
    pub(super) fn blank() -> Self {
        Self { text: String::new(), shown: String::new() }
    }

    /// A text behind the lines of a tree, which are kept as they are.
    pub(super) fn indented(lines: &str, text: &str) -> Self {
        let text = format!("{lines}{}", one_line(text));
        Self { shown: text.clone(), text }
    }

    pub(super) fn painted(text: &str, paint: impl Fn(&str) -> String) -> Self {
        let text = one_line(text);
        Self { shown: paint(&text), text }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        let text = one_line(text.as_ref());
        Self { shown: text.clone(), text }
    }
}

/// A table has one line per row.
fn one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "-".into() } else { text }
}

impl Table {
    pub(super) fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|&h| h.to_owned()).collect(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn render(&self, with_header: bool) -> String {
        let header: Vec<Cell> = self.header.iter().map(Cell::from).collect();
        let lines: Vec<&Vec<Cell>> = with_header.then_some(&header).into_iter().chain(&self.rows).collect();
        let mut widths = vec![0; self.header.len()];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line.iter()) {
                *width = (*width).max(cell.text.chars().count());
            }
        }
        let mut out = String::new();
        for line in lines {
            for (n, cell) in line.iter().enumerate() {
                out.push_str(&cell.shown);
                if n + 1 < line.len() {
                    let blanks = widths[n].saturating_sub(cell.text.chars().count()) + 3;
                    out.extend(std::iter::repeat_n(' ', blanks));
                }
            }
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["NAME", "READY", "MESSAGE"]);
        table.row(vec!["web".into(), Cell::painted("True", |t| Paint(true).good(t)), "all\nis well".into()]);
        table.row(vec!["a-long-name".into(), "False".into(), "".into()]);
        let want = "NAME          READY   MESSAGE\nweb           \u{1b}[32mTrue\u{1b}[0m    all is well\na-long-name   False   -\n";
        assert_eq!(table.render(true), want);
        assert_eq!(table.render(false).lines().count(), 2);
    }
}
