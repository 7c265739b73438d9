//! URLs and slash-separated paths.

use super::{FuncDef, Ty, func, text};
use crate::template::value::Value;

use Ty::Str;

pub(super) static FUNCS: &[FuncDef] = &[
    func("base", &[Str], |_, args| Ok(Value::from(base(&text(&args[0])).to_owned()))),
    func("osBase", &[Str], |_, args| Ok(Value::from(base(&text(&args[0])).to_owned()))),
    func("dir", &[Str], |_, args| Ok(Value::from(dir(&text(&args[0]))))),
    func("osDir", &[Str], |_, args| Ok(Value::from(dir(&text(&args[0]))))),
    func("clean", &[Str], |_, args| Ok(Value::from(clean(&text(&args[0]))))),
    func("osClean", &[Str], |_, args| Ok(Value::from(clean(&text(&args[0]))))),
    func("ext", &[Str], |_, args| Ok(Value::from(ext(&text(&args[0])).to_owned()))),
    func("osExt", &[Str], |_, args| Ok(Value::from(ext(&text(&args[0])).to_owned()))),
    func("isAbs", &[Str], |_, args| Ok(Value::Bool(text(&args[0]).starts_with('/')))),
    func("osIsAbs", &[Str], |_, args| Ok(Value::Bool(text(&args[0]).starts_with('/')))),
];

/// `path.Base`
pub(crate) fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let path = path.trim_end_matches('/');
    match path.rsplit('/').next() {
        Some("") | None => "/",
        Some(last) => last,
    }
}

/// `path.Dir`
fn dir(path: &str) -> String {
    clean(&path[..path.rfind('/').map_or(0, |at| at + 1)])
}

/// `path.Ext`
fn ext(path: &str) -> &str {
    let name = &path[path.rfind('/').map_or(0, |at| at + 1)..];
    name.rfind('.').map_or("", |at| &name[at..])
}

/// `path.Clean`
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            other => parts.push(other),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// `url.QueryEscape`
pub(super) fn query_escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(*byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
