//! Requests and what a real kube-apiserver answered to them (`recorded/`, see `record.py` there), played again here.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use kubemem::Server;
use regex::Regex;
use serde_json::Value;
use tower::ServiceExt as _;

/// Cases that are known to differ: method, a part of path and body, and what is different.
const KNOWN: &[(&str, &str, &str, &str)] = &[
    ("GET", "deployments/d2", "", "hashes of templates are of our own making"),
    ("GET", "statefulsets/d", "", "hashes of templates are of our own making"),
    ("", "/endpoints", "", "no warning about the deprecation of Endpoints"),
    ("PATCH", "fieldValidation=Strict", "nope", "the refused object is quoted with its keys in another order"),
    ("PATCH", "deployments/d/status", "", "a status write that names other parts of the object costs their owners nothing here"),
    ("GET", "deployments/d", "", "follows from the status write before"),
    ("PATCH", "jobs/j", "completions", "values are quoted as JSON, not as Go structs"),
    ("POST", "/services", "bad", "values are quoted as JSON, not as Go structs"),
    ("PATCH", "persistentvolumeclaims/j", "", "the refusal shows no diff"),
    ("PATCH", "rolebindings/j", "", "values are quoted as JSON, not as Go structs"),
];

struct Normal {
    time: Regex,
    uid: Regex,
    ip: Regex,
}

impl Normal {
    fn new() -> Normal {
        let regex = |text: &str| Regex::new(text).unwrap();
        Normal {
            time: regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
            uid: regex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
            ip: regex(r"10\.96\.\d+\.\d+"),
        }
    }

    fn text(&self, text: &str) -> String {
        let text = self.time.replace_all(text, "TIME");
        let text = self.uid.replace_all(&text, "UID");
        self.ip.replace_all(&text, "IP").into_owned()
    }

    /// Takes away what is different each time, and the order of lists that have none.
    fn value(&self, value: &Value, name: &str) -> Value {
        match value {
            Value::Object(map) => map.iter().map(|(k, v)| (self.text(k), self.value(v, k))).collect(),
            Value::Array(items) => {
                let mut items: Vec<Value> = items.iter().map(|item| self.value(item, name)).collect();
                if matches!(name, "managedFields" | "causes") {
                    items.sort_by_key(|item| format!("{}{}{}{item}", item["manager"], item["operation"], item["subresource"]));
                }
                items.into()
            }
            Value::String(_) if name == "resourceVersion" => "RV".into(),
            // the causes are compared one by one
            Value::String(text) if name == "message" && text.contains(" is invalid: [") => {
                self.text(text.split(" is invalid: [").next().unwrap_or_default()).into()
            }
            Value::String(text) => self.text(text).into(),
            Value::Number(_) if name == "nodePort" => "PORT".into(),
            other => other.clone(),
        }
    }
}

fn differences(real: &Value, ours: &Value, path: &str, out: &mut Vec<String>) {
    match (real, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => differences(a, b, &format!("{path}.{key}"), out),
                    (Some(a), None) => out.push(format!("{path}.{key} is missing: {a}")),
                    (_, b) => out.push(format!("{path}.{key} should not be there: {}", b.unwrap_or(&Value::Null))),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{path}[{i}]"), out);
            }
        }
        (a, b) if a != b => out.push(format!("{path}\n    real {a}\n    ours {b}")),
        _ => {}
    }
}

#[tokio::test(start_paused = true)]
async fn answers_as_recorded() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("recorded/cases.json")).unwrap();
    let answers: Vec<Value> = serde_json::from_str(include_str!("recorded/answers.json")).unwrap();
    let server = Server::start();
    let normal = Normal::new();
    let (mut report, mut used) = (Vec::new(), vec![false; KNOWN.len()]);
    for (case, answer) in cases.iter().zip(&answers) {
        if let Some(seconds) = case["wait"].as_f64() {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            continue;
        }
        let (method, path) = (case["method"].as_str().unwrap(), case["path"].as_str().unwrap());
        let body = if case["body"].is_null() { String::new() } else { case["body"].to_string() };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("user-agent", "difft/1.0")
            .header("content-type", case["type"].as_str().unwrap_or("application/json"))
            .body(Body::from(body.clone()))
            .unwrap();
        let response = server.router().oneshot(request).await.unwrap();
        let code = response.status().as_u16();
        let warnings: Vec<Value> = response.headers().get_all("warning").iter().map(|w| w.to_str().unwrap().into()).collect();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let ours: Value = serde_json::from_slice(&bytes).unwrap();
        // the controllers of the real one had time, too
        tokio::time::sleep(Duration::from_millis(2)).await;
        let mut found = Vec::new();
        differences(&answer["code"], &code.into(), "code", &mut found);
        differences(&answer["warnings"], &warnings.into(), "warnings", &mut found);
        differences(&normal.value(&answer["body"], ""), &normal.value(&ours, ""), "", &mut found);
        let known = KNOWN.iter().position(|(m, p, b, _)| method.contains(m) && path.contains(p) && body.contains(b));
        match known {
            Some(at) => used[at] |= !found.is_empty(),
            None if !found.is_empty() => report.push(format!("{method} {path} {body:.200}\n  {}", found.join("\n  "))),
            None => {}
        }
    }
    for (known, used) in KNOWN.iter().zip(used) {
        if !used {
            report.push(format!("does not differ any more: {known:?}"));
        }
    }
    assert!(report.is_empty(), "{} differences\n{}", report.len(), report.join("\n"));
}
