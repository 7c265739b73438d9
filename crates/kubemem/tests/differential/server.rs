//! One of the two servers: it plays a sequence and answers what it was told.

use std::time::Duration;

use http::Request;
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::sequence::{Sequence, Step, Verb, crd, kind_of, merge};

/// What came back: code, body, and warnings, as one value.
pub(crate) type Answer = Value;

/// A server and the names that a sequence has on it.
pub(crate) struct Run<'a> {
    client: &'a Client,
    id: &'a str,
    answers: Vec<Value>,
}

impl<'a> Run<'a> {
    /// Plays the steps in a fresh namespace.
    pub(crate) async fn play(client: &'a Client, id: &'a str, sequence: &Sequence) -> Vec<Answer> {
        let mut run = Run { client, id, answers: Vec::new() };
        run.namespace().await;
        for step in &sequence.steps {
            let answer = run.step(step).await;
            run.answers.push(answer);
        }
        run.clean(sequence).await;
        run.answers
    }

    /// Makes the namespace, and waits for what every namespace gets.
    async fn namespace(&self) {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.id}});
        let made = self.send("POST", "/api/v1/namespaces", "application/json", "", &body).await;
        assert_eq!(made["code"], 201, "{made}");
        for thing in ["serviceaccounts/default", "configmaps/kube-root-ca.crt"] {
            let path = format!("/api/v1/namespaces/{}/{thing}", self.id);
            self.until(&path, |answer| answer["code"] == 200).await;
        }
    }

    /// Takes away what would burden the sequences after it: CRDs cost a real server much.
    async fn clean(&self, sequence: &Sequence) {
        for step in sequence.steps.iter().filter(|s| s.verb == Verb::Crd) {
            let name = self.fill(crd(&step.body, self.id)["metadata"]["name"].as_str().unwrap());
            let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
            // a finalizer that nobody serves holds up the definition, and a few of those hold up all others
            for version in crd(&step.body, self.id)["spec"]["versions"].as_array().into_iter().flatten() {
                self.free(&name, version["name"].as_str().unwrap_or_default()).await;
            }
            self.send("DELETE", &path, "application/json", "", &Value::Null).await;
        }
    }

    /// Takes the finalizers off the objects that a definition has in the namespace.
    async fn free(&self, definition: &str, version: &str) {
        let Some((plural, group)) = definition.split_once('.') else { return };
        let list = format!("/apis/{group}/{version}/namespaces/{}/{plural}", self.id);
        let found = self.send("GET", &list, "", "", &Value::Null).await;
        for object in found["body"]["items"].as_array().into_iter().flatten().filter(|o| !o["metadata"]["finalizers"].is_null()) {
            let path = format!("{list}/{}", object["metadata"]["name"].as_str().unwrap_or_default());
            let none = json!({"metadata": {"finalizers": null}});
            self.send("PATCH", &path, "application/merge-patch+json", "", &none).await;
        }
    }

    async fn step(&self, step: &Step) -> Answer {
        let (path, kind, name, part) = self.path(&step.path);
        let mut body = self.substitute(&step.body);
        let accept = match step.word.as_str() {
            "table" => "application/json;as=Table;v=v1;g=meta.k8s.io",
            "meta" if step.verb != Verb::List => "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
            "meta" => "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            _ => "application/json",
        };
        let managed = || match step.word.strip_suffix('!') {
            Some(manager) => query(&path, &format!("fieldManager={manager}&force=true")),
            None if step.word.is_empty() => path.clone(),
            None => query(&path, &format!("fieldManager={}", step.word)),
        };
        let (method, path, content) = match step.verb {
            Verb::Get | Verb::List => ("GET", path, ""),
            Verb::Watch => return self.watch(&query(&path, "watch=true&timeoutSeconds=1"), accept).await,
            Verb::Create => ("POST", managed(), "application/json"),
            Verb::Put => ("PUT", managed(), "application/json"),
            Verb::Apply => ("PATCH", managed(), "application/apply-patch+yaml"),
            Verb::Merge => ("PATCH", managed(), "application/merge-patch+json"),
            Verb::Strategic => ("PATCH", managed(), "application/strategic-merge-patch+json"),
            Verb::Json => ("PATCH", managed(), "application/json-patch+json"),
            Verb::Delete => ("DELETE", path, "application/json"),
            Verb::Edit => return self.edit(&path, &managed(), &body).await,
            Verb::Crd => return self.crd(&crd(&body, self.id)).await,
            Verb::Gone => return self.until(&path, |answer| answer["code"] == 404).await,
            Verb::Pause => {
                tokio::time::sleep(Duration::from_millis(body.as_u64().unwrap_or(300))).await;
                return Value::Null;
            }
        };
        if matches!(step.verb, Verb::Create | Verb::Put | Verb::Apply) && part != "scale" && body.is_object() {
            let (api_version, kind_name) = (kind.api_version, kind.kind);
            let mut full = json!({"apiVersion": api_version, "kind": kind_name, "metadata": {}});
            if !name.is_empty() {
                full["metadata"]["name"] = name.into();
            }
            overlay(&mut full, body);
            body = full;
        }
        // the name is in the body of a create, except where a subresource is posted to
        let path = if step.verb == Verb::Create && part.is_empty() { without_name(&path) } else { path };
        self.send(method, &path, content, accept, &body).await
    }

    /// GET, change, PUT; again if a controller was faster.
    async fn edit(&self, get: &str, put: &str, patch: &Value) -> Answer {
        for _ in 0..20 {
            let mut object = self.send("GET", get.split('?').next().unwrap(), "", "application/json", &Value::Null).await["body"].take();
            merge(&mut object, patch);
            let answer = self.send("PUT", put, "application/json", "", &object).await;
            let raced = answer["body"]["reason"] == "Conflict" && patch["metadata"]["resourceVersion"].is_null();
            if !raced {
                return answer;
            }
        }
        Value::Null
    }

    async fn crd(&self, body: &Value) -> Answer {
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let body = self.substitute(body);
        let made = self.send("POST", path, "application/json", "", &body).await;
        if made["code"] == 201 {
            let name = body["metadata"]["name"].as_str().unwrap();
            let established = |answer: &Answer| {
                let conditions = answer["body"]["status"]["conditions"].as_array();
                conditions.into_iter().flatten().any(|c| c["type"] == "Established" && c["status"] == "True")
            };
            self.until(&format!("{path}/{name}"), established).await;
            for version in body["spec"]["versions"].as_array().into_iter().flatten().filter(|v| v["served"] == true) {
                let (group, plural) = (body["spec"]["group"].as_str().unwrap(), body["spec"]["names"]["plural"].as_str().unwrap());
                let list = format!("/apis/{group}/{}/{plural}", version["name"].as_str().unwrap());
                self.until(&list, |answer| answer["code"] == 200).await;
            }
        }
        made
    }

    async fn until(&self, path: &str, done: impl Fn(&Answer) -> bool) -> Answer {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let answer = self.send("GET", path, "", "application/json", &Value::Null).await;
            if done(&answer) || tokio::time::Instant::now() > deadline {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// The events of a watch until it ends, without the bookmarks that come by time.
    async fn watch(&self, path: &str, accept: &str) -> Answer {
        let mut answer = self.send("GET", path, "", accept, &Value::Null).await;
        let text = answer["text"].as_str().unwrap_or_default().to_owned();
        if answer["code"] == 200 {
            let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let timed = |e: &Value| e["type"] == "BOOKMARK" && e["object"]["metadata"]["annotations"].is_null();
            answer["events"] = events.filter(|e| !timed(e)).collect();
            // a single event reads as a body
            answer.as_object_mut().unwrap().remove("body");
        }
        answer
    }

    async fn send(&self, method: &str, path: &str, content: &str, accept: &str, body: &Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("user-agent", "diff/1.0");
        request = request.header("accept", if accept.is_empty() { "application/json" } else { accept });
        if !content.is_empty() {
            request = request.header("content-type", content);
        }
        let bytes = match body {
            Value::Null => Vec::new(),
            // a body that is a text is sent as it is
            Value::String(text) => text.clone().into_bytes(),
            other => other.to_string().into_bytes(),
        };
        let request = request.body(Body::from(bytes)).unwrap_or_else(|e| panic!("{method} {path}: {e}"));
        let answer = tokio::time::timeout(Duration::from_secs(20), self.answer(request)).await;
        answer.unwrap_or_else(|_| json!({"text": format!("{method} {path} is not answered in time")}))
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.client.send(request).await.unwrap();
        let code = response.status().as_u16();
        let warnings: Vec<Value> = response.headers().get_all("warning").iter().map(|w| w.to_str().unwrap().into()).collect();
        let bytes = response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match serde_json::from_str::<Value>(&text) {
            Ok(body) => json!({"code": code, "warnings": warnings, "body": body, "text": text}),
            Err(_) => json!({"code": code, "warnings": warnings, "text": text}),
        }
    }

    /// The path of `resource/name/part?query`, its kind, name and part.
    fn path(&self, short: &str) -> (String, super::sequence::Kind, String, String) {
        let short = self.fill(short);
        let (short, query) = short.split_once('?').map_or((short.as_str(), ""), |(s, q)| (s, q));
        let mut parts = short.splitn(3, '/');
        let (resource, name, part) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (everywhere, resource) = resource.strip_prefix("all-").map_or((false, resource), |r| (true, r));
        let (plural, kind) = kind_of(resource, self.id);
        let root = if kind.api_version.contains('/') { "apis" } else { "api" };
        let mut path = format!("/{root}/{}", kind.api_version);
        if kind.namespaced && !everywhere {
            path += &format!("/namespaces/{}", self.id);
        }
        path += &format!("/{plural}");
        for part in [name, part].into_iter().filter(|p| !p.is_empty()) {
            path += &format!("/{part}");
        }
        if !query.is_empty() {
            path += &format!("?{}", query.replace(' ', "%20").replace('>', "%3E").replace('<', "%3C"));
        }
        (path, kind, name.to_owned(), part.to_owned())
    }

    fn substitute(&self, value: &Value) -> Value {
        match value {
            Value::Object(map) => map.iter().map(|(k, v)| (self.fill(k), self.substitute(v))).collect(),
            Value::Array(items) => items.iter().map(|v| self.substitute(v)).collect(),
            Value::String(text) => self.fill(text).into(),
            other => other.clone(),
        }
    }

    /// Puts the run's own names and what earlier answers said into a text.
    fn fill(&self, text: &str) -> String {
        let mut out = text.replace("{ns}", self.id).replace("{id}", self.id);
        for (word, field) in [("rv", "resourceVersion"), ("uid", "uid"), ("continue", "continue")] {
            let of = |answer: &Value| answer["body"]["metadata"][field].as_str().map(str::to_owned);
            if out.contains(&format!("{{{word}}}")) {
                let last = self.answers.iter().rev().find_map(of).unwrap_or_default();
                out = out.replace(&format!("{{{word}}}"), &last);
            }
            for (i, answer) in self.answers.iter().enumerate() {
                out = out.replace(&format!("{{{word}:{i}}}"), &of(answer).unwrap_or_default());
            }
        }
        out
    }
}

fn query(path: &str, more: &str) -> String {
    format!("{path}{}{more}", if path.contains('?') { '&' } else { '?' })
}

fn without_name(path: &str) -> String {
    let (path, query) = path.split_once('?').map_or((path, String::new()), |(p, q)| (p, format!("?{q}")));
    let parts: Vec<&str> = path.split('/').collect();
    let fixed = if parts[1] == "api" { 3 } else { 4 };
    let fixed = if parts.get(fixed) == Some(&"namespaces") && parts.len() > fixed + 2 { fixed + 2 } else { fixed };
    format!("{}{query}", parts[..=fixed].join("/"))
}

/// Lays a body over what was filled in for it; unlike in a merge patch, nulls stay.
fn overlay(full: &mut Value, body: Value) {
    for (name, value) in body.as_object().cloned().unwrap_or_default() {
        match (&mut full[name.as_str()], value) {
            (Value::Object(under), Value::Object(over)) if name == "metadata" => under.extend(over),
            (slot, value) => *slot = value,
        }
    }
}
