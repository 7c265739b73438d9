//! Two ways to name a place in a JSON tree: RFC 6901 pointers for machines, dyff-style paths for people.

use super::Json;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An RFC 6901 pointer, such as `/spec/replicas`; the empty pointer names the whole document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pointer(Vec<String>);

/// A text that is no RFC 6901 pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// A pointer that names something must begin with a slash.
    #[error("pointer `{0}` must begin with `/` (or be empty to name the whole object)")]
    NoSlash(String),
    /// A tilde stands for nothing by itself.
    #[error("pointer `{0}` has a `~` that is not followed by 0 or 1; write `~0` for `~` and `~1` for `/`")]
    BadEscape(String),
}

impl Pointer {
    /// The pointer to the whole document.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads the textual form.
    ///
    /// # Errors
    /// Where a non-empty text does not begin with a slash, or has a stray tilde.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self::root());
        }
        let Some(rest) = text.strip_prefix('/') else { return Err(PointerError::NoSlash(text.into())) };
        let tokens = rest.split('/').map(unescape).collect::<Option<Vec<_>>>();
        tokens.map(Self).ok_or_else(|| PointerError::BadEscape(text.into()))
    }

    /// Builds a pointer from tokens that are not escaped.
    #[must_use]
    pub fn from_tokens<T: Into<String>>(tokens: impl IntoIterator<Item = T>) -> Self {
        Self(tokens.into_iter().map(Into::into).collect())
    }

    /// The tokens, not escaped.
    #[must_use]
    pub fn tokens(&self) -> &[String] {
        &self.0
    }

    /// Whether this names the whole document.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// This pointer with one more token.
    #[must_use]
    pub fn child(&self, token: impl Into<String>) -> Self {
        let mut tokens = self.0.clone();
        tokens.push(token.into());
        Self(tokens)
    }

    /// Whether this names `prefix` or something inside it.
    #[must_use]
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }

    /// The value named, if it is there.
    #[must_use]
    pub fn get<'a>(&self, tree: &'a Json) -> Option<&'a Json> {
        self.0.iter().try_fold(tree, |node, token| match node {
            Json::Object(map) => map.get(token),
            Json::Array(list) => list.get(index(token)?),
            _ => None,
        })
    }

    /// The value named, for changing it in place.
    #[must_use]
    pub fn get_mut<'a>(&self, tree: &'a mut Json) -> Option<&'a mut Json> {
        self.0.iter().try_fold(tree, |node, token| match node {
            Json::Object(map) => map.get_mut(token),
            Json::Array(list) => list.get_mut(index(token)?),
            _ => None,
        })
    }

    /// Takes the value out of the tree; `None` where it is not there. Removing the root leaves null.
    pub fn remove(&self, tree: &mut Json) -> Option<Json> {
        let Some((last, parents)) = self.0.split_last() else { return Some(tree.take()) };
        match Self(parents.to_vec()).get_mut(tree)? {
            Json::Object(map) => map.remove(last),
            Json::Array(list) => {
                let at = index(last).filter(|at| *at < list.len())?;
                Some(list.remove(at))
            }
            _ => None,
        }
    }

    /// Puts a value in, making objects on the way. `-` or the length of a list appends to it.
    /// Answers whether it could: a scalar or a list index out of range on the way makes it impossible.
    pub fn set(&self, tree: &mut Json, value: Json) -> bool {
        let mut node = tree;
        for token in &self.0 {
            if node.is_null() {
                *node = Json::Object(serde_json::Map::new());
            }
            node = match node {
                Json::Object(map) => map.entry(token.clone()).or_insert(Json::Null),
                Json::Array(list) => {
                    let at = if token == "-" { Some(list.len()) } else { index(token) };
                    let Some(at) = at.filter(|at| *at <= list.len()) else { return false };
                    if at == list.len() {
                        list.push(Json::Null);
                    }
                    &mut list[at]
                }
                _ => return false,
            };
        }
        *node = value;
        true
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|token| write!(f, "/{}", escape(token)))
    }
}

impl std::str::FromStr for Pointer {
    type Err = PointerError;
    fn from_str(text: &str) -> Result<Self, PointerError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Pointer {
    type Error = PointerError;
    fn try_from(text: String) -> Result<Self, PointerError> {
        Self::parse(&text)
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.to_string()
    }
}

/// Escapes one token: `~` as `~0`, `/` as `~1`.
#[must_use]
pub fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// Undoes [`escape`]; `None` where a tilde is followed by neither 0 nor 1.
#[must_use]
pub fn unescape(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sign, rest) = (part.chars().next()?, part.get(1..)?);
        text.push(match sign {
            '0' => '~',
            '1' => '/',
            _ => return None,
        });
        text.push_str(rest);
    }
    Some(text)
}

/// A list index as RFC 6901 writes it: digits without leading zeros.
fn index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|b| b.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    plain.then(|| token.parse().ok()).flatten()
}

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// A field of an object.
    Field(String),
    /// An item of a list, by its keys, in their order.
    Keys(Vec<(String, String)>),
    /// An item of a set, by its value.
    Value(String),
    /// An item of a list, by its place.
    Index(usize),
}

/// A place as people read it: `.spec.template.spec.containers[name=app].image`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// This path with one more step.
    #[must_use]
    pub fn child(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// This path with one more field.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.child(Step::Field(name.to_owned()))
    }
}

/// The whole object is `.`; a field name with other characters than letters, digits, `-` and `_` is quoted.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(".");
        }
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if is_plain(name) => write!(f, ".{name}")?,
                Step::Field(name) => write!(f, "{}[{}]", if at == 0 { "." } else { "" }, Json::from(name.as_str()))?,
                Step::Keys(keys) => {
                    let keys: Vec<_> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                    write!(f, "[{}]", keys.join(","))?;
                }
                Step::Value(value) => write!(f, "[={value}]")?,
                Step::Index(at) => write!(f, "[{at}]")?,
            }
        }
        Ok(())
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests;
