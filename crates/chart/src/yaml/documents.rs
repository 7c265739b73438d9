//! Streams of several documents.

use super::{Error, from_str};
use crate::Json;

/// One document of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Document<'a> {
    /// The text after its `---`.
    pub text: &'a str,
    /// The line of the stream, counted from 1, on which the text begins.
    pub line: u32,
}

/// Splits a stream at its `---` lines. Documents of nothing but blanks and comments are left out. Helm's `SplitManifests`
/// (releaseutil/manifest.go) cuts rendered files in another way, which [`crate::render::render`] follows.
pub fn documents(stream: &str) -> Vec<Document<'_>> {
    let mut found = Vec::new();
    let (mut start, mut start_line) = (0, 1);
    let mut at = 0;
    let mut close = |end: usize, start: usize, line: u32| {
        let text = &stream[start..end];
        if text.lines().any(|l| !l.trim_start().is_empty() && !l.trim_start().starts_with('#')) {
            found.push(Document { text, line });
        }
    };
    for (number, line) in (1..).zip(stream.split_inclusive('\n')) {
        if let Some(rest) = line.strip_prefix("---")
            && (rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
        {
            close(at, start, start_line);
            let content = rest.trim_start_matches([' ', '\t']);
            let bare = content.trim_end().is_empty();
            start = if bare { at + line.len() } else { at + line.len() - rest.len() };
            start_line = if bare { number + 1 } else { number };
        }
        at += line.len();
    }
    close(stream.len(), start, start_line);
    found
}

/// Reads every document of a stream as [`from_str`] does; each comes with its first line, counted from 1.
///
/// # Errors
/// As for [`from_str`], of the first document that has one; the line that it names is that in the stream.
pub fn from_str_all(stream: &str) -> Result<Vec<(u32, Json)>, Error> {
    let read = |document: Document<'_>| {
        let value = from_str(document.text).map_err(|e| match e {
            Error::Yaml { message, line: Some(line) } => {
                let problem = message.strip_prefix(&format!("line {line}: ")).unwrap_or(&message).to_owned();
                Error::yaml_at((line + document.line - 1) as usize, &problem)
            }
            other => other,
        })?;
        Ok((document.line, value))
    };
    documents(stream).into_iter().map(read).collect()
}
