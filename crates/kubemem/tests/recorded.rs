//! Requests and what a real kube-apiserver answered to them (`recorded/`, see `record.py` there), played again here.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use kubemem::Server;
use serde_json::Value;
use tower::ServiceExt as _;

#[path = "differential/normal.rs"]
mod normal;

use normal::{Normal, differences};

/// Cases that are known to differ: method, a part of path and body, and what is different.
const KNOWN: &[(&str, &str, &str, &str)] = &[
    ("GET", "deployments/d2", "", "hashes of templates are of our own making"),
    ("GET", "statefulsets/d", "", "hashes of templates are of our own making"),
    ("PATCH", "deployments/d/status", "", "a status write that names other parts of the object costs their owners nothing here"),
    ("GET", "deployments/d", "", "follows from the status write before"),
    ("PATCH", "persistentvolumeclaims/j", "", "the refusal shows no diff"),
];

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
