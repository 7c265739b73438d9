//! A case: templates and values, and what an engine makes of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use helmward_chart::chart::{File, LoadLimits, load_files};
use helmward_chart::render::{Input, ReleaseInfo, helm_template_capabilities, render};
use helmward_chart::template::{CallSite, Entropy, Limits, Time};
use helmward_chart::{Json, values};
use serde_json::json;

/// `Chart.yaml` of all cases.
pub(crate) const CHART: &str = "apiVersion: v2
name: c
version: 1.2.3+b
appVersion: \"4.5\"
description: a <chart>
kubeVersion: \">=1.20-0\"
keywords: [k1, k2]
annotations: {a: b, \"c/d\": \"1\"}
";

/// What `.Files` holds in all cases.
pub(crate) const FILES: &[(&str, &[u8])] = &[
    ("a.txt", b"alpha\nbeta\n"),
    ("conf/b.yaml", b"x: 1\ny: [a, \"b\"]\n"),
    ("conf/c.json", b"{\"k\": \"<v>\"}"),
    ("conf/deep/d.bin", &[0, 255, 1, b'x']),
    ("empty", b""),
    ("crlf.txt", b"one\r\ntwo\r\n\r\n"),
];

/// Templates and values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// `templates/NOTES.txt`: of this file an engine shows the text as it is.
    pub(crate) main: String,
    /// `templates/_helpers.tpl`
    pub(crate) helpers: String,
    /// The values: top-level keys and the YAML text of each.
    pub(crate) values: Vec<(String, String)>,
}

/// What an engine makes of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Text(String),
    Error(String),
    Panic(String),
}

impl Case {
    pub(crate) fn files(&self) -> Json {
        let mut files = json!({"templates/NOTES.txt": self.main});
        if !self.helpers.is_empty() {
            files["templates/_helpers.tpl"] = json!(self.helpers);
        }
        files
    }

    pub(crate) fn values_text(&self) -> String {
        self.values.iter().map(|(key, value)| format!("{key}: {value}\n")).collect()
    }

    pub(crate) fn to_json(&self, expect: &Outcome) -> Json {
        let values: Vec<Json> = self.values.iter().map(|(k, v)| json!([k, v])).collect();
        let mut out = json!({"t": self.main});
        if !self.helpers.is_empty() {
            out["helpers"] = json!(self.helpers);
        }
        if !values.is_empty() {
            out["values"] = values.into();
        }
        match expect {
            Outcome::Text(text) => out["out"] = json!(text),
            Outcome::Error(text) | Outcome::Panic(text) => out["err"] = json!(text),
        }
        out
    }

    pub(crate) fn from_json(json: &Json) -> (Case, Outcome) {
        let text = |v: &Json| v.as_str().unwrap_or_default().to_owned();
        let values = json["values"].as_array().into_iter().flatten().map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
        let case = Case { main: text(&json["t"]), helpers: text(&json["helpers"]), values };
        let expect = match json["err"].as_str() {
            Some(error) => Outcome::Error(error.to_owned()),
            None => Outcome::Text(json["out"].as_str().expect("a fixture has `out` or `err`").to_owned()),
        };
        (case, expect)
    }
}

/// What this crate makes of a case.
pub(crate) fn ours(case: &Case) -> Outcome {
    match catch_unwind(AssertUnwindSafe(|| run(case))) {
        Ok(Ok(text)) => Outcome::Text(text),
        Ok(Err(error)) => Outcome::Error(error),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            Outcome::Panic(text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default())
        }
    }
}

fn run(case: &Case) -> Result<String, String> {
    let file = |name: &str, data: Bytes| File { name: name.to_owned(), data };
    let mut files = vec![file("Chart.yaml", CHART.into())];
    files.extend(FILES.iter().map(|(path, data)| file(path, Bytes::from_static(data))));
    files.push(file("templates/NOTES.txt", case.main.clone().into()));
    if !case.helpers.is_empty() {
        files.push(file("templates/_helpers.tpl", case.helpers.clone().into()));
    }
    let chart = load_files(files, &LoadLimits::default()).map_err(|e| e.to_string())?;
    let user = values::from_yaml(case.values_text().as_bytes()).map_err(|e| e.to_string())?;
    let capabilities = helm_template_capabilities();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let now = Time::unix(i64::try_from(now.as_secs()).expect("it is before the year 292 billion"), now.subsec_nanos());
    let mut input = Input::new(&chart, &user, ReleaseInfo::install("rel", "ns"), &capabilities, now, Arc::new(Changing));
    input.limits = Limits { steps: 5_000_000, bytes: 256 << 20, items: 1_000_000, ..Limits::default() };
    render(&input).map(|rendered| rendered.notes).map_err(|e| e.to_string())
}

/// Bytes that differ from place to place and from run to run in no way: a render of ours can be repeated.
struct Changing;

impl Entropy for Changing {
    fn fill(&self, site: &CallSite, out: &mut [u8]) {
        let mut state = site.number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ site.function.len() as u64;
        for byte in out {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
    }
}

/// The length of Go's addresses, with their `0x`: the heap begins at another place in each run.
const ADDRESS: std::ops::RangeInclusive<usize> = 12..=14;

/// The outcome without what differs from run to run in Go, and in forms that both engines can have.
pub(crate) fn comparable(outcome: &Outcome) -> Outcome {
    let plain = |text: &str| {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        // Addresses: only that there is one can be compared.
        while let Some(at) = rest.find("0x") {
            let end = rest[at + 2..].find(|c: char| !c.is_ascii_hexdigit()).map_or(rest.len(), |n| at + 2 + n);
            out.push_str(&rest[..at]);
            out.push_str(if ADDRESS.contains(&(end - at)) { "0xADDRESS" } else { &rest[at..end] });
            rest = &rest[end..];
        }
        out.push_str(rest);
        // Bytes that are no UTF-8 cannot be told in JSON; their number is lost.
        while out.contains("\u{fffd}\u{fffd}") {
            out = out.replace("\u{fffd}\u{fffd}", "\u{fffd}");
        }
        out
    };
    match outcome {
        Outcome::Text(text) => Outcome::Text(plain(text)),
        Outcome::Error(text) => Outcome::Error(plain(text)),
        Outcome::Panic(text) => Outcome::Panic(text.clone()),
    }
}
