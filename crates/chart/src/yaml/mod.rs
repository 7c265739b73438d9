//! YAML as Go's libraries read and write it: sigs.k8s.io/yaml (yaml.go) and goyaml below it.
//!
//! Helm reads values and manifests with sigs.k8s.io/yaml, which is goyaml v2: YAML 1.1 (`yes` is a boolean, `0777` is octal,
//! `1_000` is a number), the last of equal keys wins, merge keys work, keys become strings. `toYaml` is the same library's writer,
//! `toYamlPretty` is goyaml v3. Both are matched byte for byte, errors included.
//!
//! Reading:
//! - [`from_str`]: the first document of a text as [`Json`](crate::Json); integers stay integers
//! - [`from_str_strict`]: the same, and a repeated key is an error that names its line
//! - [`map_from_str`], [`array_from_str`]: as `fromYaml` and `fromYamlArray` read into their type
//! - [`from_str_spanned`]: the document with the line of every value in it
//! - [`documents()`]: the documents of a stream with their first lines; [`from_str_all`]: all of them read
//!
//! Writing:
//! - [`to_string`]: `toYaml` with its final line break
//! - [`to_string_by_bytes`]: the same with keys in the order of their bytes
//! - [`to_string_pretty`]: `toYamlPretty` with its final line break
//!
//! Limits: [`MAX_DEPTH`] levels of nesting, and goyaml's own limit on what aliases may expand to.

mod documents;
mod emit;
mod encoding;
mod load;
mod order;
mod parse;
mod resolve;

pub use documents::{Document, documents, from_str_all};
pub(crate) use emit::{Extra, looks_like_stand_in, stand_in, to_string_with_extras};
pub use emit::{to_string, to_string_by_bytes, to_string_pretty, try_to_string};
pub(crate) use encoding::{encoding_problem, utf16_text};
pub(crate) use load::from_str_picked;
pub use load::{MAX_DEPTH, Position, Spanned, array_from_str, from_str, from_str_spanned, from_str_strict, map_from_str};

/// Why a text could not be read or a value not be written, in the words of the Go libraries: `unmarshal` and
/// `convertToJSONableObject` of sigs.k8s.io/yaml (yaml.go), and goyaml v2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not YAML, or breaks a rule or limit of goyaml.
    #[error("error converting YAML to JSON: yaml: {message}")]
    Yaml {
        /// The problem, with its line where it is known.
        message: String,
        /// The line, counted from 1, that the message names.
        line: Option<u32>,
    },
    /// The YAML holds something that JSON cannot, such as infinity or a null key.
    #[error("error converting YAML to JSON: {0}")]
    NotJson(String),
    /// The document is of another kind than the reader asked for.
    #[error("error unmarshaling JSON: while decoding JSON: {0}")]
    WrongKind(String),
}

impl Error {
    /// The line, counted from 1, where one is known.
    pub fn line(&self) -> Option<u32> {
        match self {
            Error::Yaml { line, .. } => *line,
            Error::NotJson(_) | Error::WrongKind(_) => None,
        }
    }

    pub(crate) fn yaml(message: impl Into<String>) -> Self {
        Error::Yaml { message: message.into(), line: None }
    }

    pub(crate) fn yaml_at(line: usize, message: &str) -> Self {
        Error::Yaml { message: format!("line {line}: {message}"), line: u32::try_from(line).ok() }
    }
}

#[cfg(test)]
mod tests;
