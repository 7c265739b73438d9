//! Takes the values of Secrets out of the server's words.

use crate::object::Json;
use base64::{Engine, engine::general_purpose::STANDARD};
use regex::Regex;
use std::sync::LazyLock;

const MASK: &str = "***";

/// Values shorter than this are not looked for: masking them would garble ordinary words.
const SHORTEST: usize = 4;

/// What servers put around a value: `Invalid value: "…"`, Go's dump of a typed value, an unquoted number.
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?P<lead>[Vv]alue(?:s)?: ?|Unstructured\{Value:|got |saw |from )(?P<value>"(?:[^"\\]|\\.)*"|\{[^}]*\}|[^\s,;:]+)"#)
        .expect("the pattern is a constant and compiles")
});

/// Masks what follows the words that servers use to introduce a value.
pub(super) fn quoted_values(text: &str) -> String {
    QUOTED.replace_all(text, format!("${{lead}}{MASK}")).into_owned()
}

/// Every value that a Secret's manifest or merge patch holds, encoded and decoded.
pub(super) fn secret_values(object: &Json) -> Vec<String> {
    let mut values = Vec::new();
    for section in ["data", "stringData"] {
        let Some(map) = object.get(section).and_then(Json::as_object) else { continue };
        for value in map.values() {
            let Some(text) = value.as_str() else {
                values.push(value.to_string());
                continue;
            };
            values.push(text.to_owned());
            if section == "data" {
                if let Some(clear) = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
                    values.push(clear);
                }
            } else {
                values.push(STANDARD.encode(text));
            }
        }
    }
    values.retain(|value| value.len() >= SHORTEST);
    // the longest first, so that a value inside another leaves nothing of the longer one behind
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values
}

/// Masks each of the values.
pub(super) fn mask(text: &str, values: &[String]) -> String {
    values.iter().fold(text.to_owned(), |text, value| text.replace(value.as_str(), MASK))
}
