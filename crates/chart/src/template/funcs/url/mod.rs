//! URLs and slash-separated paths.

mod parse;

use super::{Answer, FuncDef, Ty, func, map, text};
use crate::template::error::Fail;
use crate::template::value::{Map as Dict, Value};
use parse::{Url, parse};

use Ty::{Map, Str};

pub(super) static FUNCS: &[FuncDef] = &[
    func("urlParse", &[Str], |_, args| url_parse(&text(&args[0]))),
    func("urlJoin", &[Map], |_, args| url_join(map(&args[0])?)),
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

fn url_parse(text: &str) -> Answer {
    let url = parse(text).map_err(|err| format!("unable to parse url: {err}"))?;
    let hostname = url.hostname().to_owned();
    let user = url.user.as_ref().map(ToString::to_string).unwrap_or_default();
    let parts = [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", user),
    ];
    Ok(Value::map(parts.into_iter().map(|(key, part)| (key.into(), Value::from(part))).collect()))
}

fn url_join(dict: &Dict) -> Answer {
    let part = |key: &str| match dict.get(key) {
        None => Ok(String::new()),
        Some(Value::Nil) => Err(Fail::from(super::NIL_POINTER)),
        Some(value) if value.string_bytes().is_some() => Ok(text(&value).into_owned()),
        Some(other) => Err(Fail::Text(format!("unable to parse {key} key, must be of type string, but {} found", other.kind_name()))),
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        user: None,
    };
    let user = part("userinfo")?;
    if !user.is_empty() {
        let holder = parse(&format!("proto://{user}@host"));
        url.user = holder.map_err(|err| format!("unable to parse userinfo in dict: {err}"))?.user;
    }
    Ok(Value::from(url.to_string()))
}

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
