//! A place in a file of a person's own, shown with the lines around it.

use super::output::Paint;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use std::fmt;
use std::path::Path;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    file: String,
    text: String,
    /// From 1.
    line: usize,
    /// Bytes before it in the line, where that is known.
    column: Option<usize>,
}

impl Place {
    /// `None` where the file has no such line.
    pub(super) fn new(file: impl Into<String>, text: impl Into<String>, line: usize, column: Option<usize>) -> Option<Self> {
        let (file, text) = (file.into(), text.into());
        (line > 0 && line <= text.lines().count()).then_some(Self { file, text, line, column })
    }

    /// As [`Place::new`], of a file that is read again; `None` where it cannot be.
    pub(super) fn of_file(path: &Path, line: usize, column: Option<usize>) -> Option<Self> {
        Self::new(path.display().to_string(), std::fs::read_to_string(path).ok()?, line, column)
    }

    /// The line that a parser's words name, such as `yaml: line 3: …`.
    pub(super) fn line_in(words: &str) -> Option<usize> {
        let rest = words.split("line ").nth(1)?;
        rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())].parse().ok()
    }

    /// The bytes that are pointed at: from the column, else from the first word, to the end of the line.
    fn span(&self) -> (usize, usize) {
        let start: usize = self.text.split_inclusive('\n').take(self.line - 1).map(str::len).sum();
        let line = self.text[start..].lines().next().unwrap_or_default();
        let first = line.len() - line.trim_start().len();
        let column = self.column.filter(|column| line.is_char_boundary(*column) && *column < line.len()).unwrap_or(first);
        (start + column, line.trim_end().len().saturating_sub(column).max(1))
    }

    /// An error with the lines around its place, for a person.
    pub(super) fn show(&self, message: &str, hint: Option<&str>, paint: Paint) -> String {
        let source = NamedSource::new(&self.file, self.text.clone());
        let problem = Problem { message, hint, span: self.span(), source };
        let mut theme = if paint.0 { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        theme.characters.error = "error:".into();
        let handler = GraphicalReportHandler::new_themed(theme).with_wrap_lines(false).with_context_lines(2).with_links(false);
        let mut out = String::new();
        match handler.render_report(&mut out, &problem) {
            Ok(()) => out.lines().map(|line| line.strip_prefix("  ").unwrap_or(line).trim_end()).collect::<Vec<_>>().join("\n"),
            Err(_) => format!("error: {message}"),
        }
    }
}

#[derive(Debug)]
struct Problem<'a> {
    message: &'a str,
    hint: Option<&'a str>,
    span: (usize, usize),
    source: NamedSource<String>,
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for Problem<'_> {}

impl Diagnostic for Problem<'_> {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint.map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new(Some("here".into()), self.span.0, self.span.1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_pointed_at() {
        let at = |line, column| Place::new("a.yaml", "a: 1\n  b: {{ x }}  \n", line, column).unwrap();
        assert_eq!(at(2, None).span(), (7, 10));
        assert_eq!(at(2, Some(5)).span(), (10, 7));
        assert_eq!(at(2, Some(99)).span(), (7, 10));
        assert_eq!(Place::new("a", "a", 2, None), None);
        assert_eq!(Place::line_in("yaml: line 12: mapping values"), Some(12));
        assert_eq!(Place::line_in("no place"), None);
        let shown = at(2, Some(5)).show("it is wrong", Some("correct it"), Paint(false));
        for part in ["error: it is wrong", "a.yaml:2:6", "2 │   b: {{ x }}", "╰── here", "help: correct it"] {
            assert!(shown.contains(part), "{part}:\n{shown}");
        }
    }
}
