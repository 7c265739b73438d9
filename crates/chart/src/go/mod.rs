//! Go's standard library and the libraries that Helm's functions call, where their output can be seen in a manifest.
//!
//! Everything here is a pure function over plain types; nothing knows the template engine's values.
//! Clock, randomness and zone are arguments.
//!
//! | module | what it stands for |
//! |---|---|
//! | [`crypto`] | sprig's passwords, AES, private keys and certificates, with clock and randomness as arguments |
//! | [`num`] | `strconv`: [`num::float`] (`%v` of a float64), [`num::json_float`], [`num::format_float`], [`num::parse_int`], [`num::parse_float`] |
//! | [`quote`] | `strconv.Quote`, `Unquote`, character literals |
//! | [`json`] | `encoding/json`: [`json::to_string`], [`json::to_string_raw`], [`json::to_string_pretty`], [`json::from_str`] with Go's errors |
//! | [`semver`] | Masterminds/semver: [`semver::Version`], [`semver::Constraints`], [`semver::compare`] |
//! | [`strings`] | `strings.Title`, goutils and xstrings: cases, wrapping, abbreviation |
//! | [`time`] | `time`: [`time::Time`], layouts, [`time::Zone`], [`time::Duration`]; `Local` is UTC |
//! | [`unicode`] | `unicode.IsPrint`, `IsLetter`, … and one-to-one case mappings |

pub(crate) mod base64;
pub mod crypto;
mod hexfloat;
pub mod json;
pub mod num;
pub mod quote;
pub mod semver;
pub mod strings;
mod tables;
pub mod time;
pub mod unicode;

/// An error in the words that the Go function uses, since charts and their users see and match them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GoError(String);

impl GoError {
    /// An error with this text, which is all that it shows.
    pub fn new(text: impl Into<String>) -> Self {
        GoError(text.into())
    }
}
