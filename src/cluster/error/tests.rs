use super::*;
use serde_json::json;

fn judge(code: u16, body: Json) -> ApiError {
    let id = ObjectId::new("apps", "Deployment", "shop", "web");
    ApiError::from_answer(Step::Apply, id, code, body.to_string().as_bytes(), None)
}

fn status(reason: &str, message: &str) -> Json {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message})
}

#[test]
fn verdicts() {
    use Fault::{Content, Surroundings};
    for (code, reason, message, kind, fault) in [
        (
            422,
            "Invalid",
            r#"Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be 0 or more"#,
            Kind::Invalid,
            Content,
        ),
        (
            422,
            "Invalid",
            r#"Deployment.apps "web" is invalid: spec.selector: Invalid value: {}: field is immutable"#,
            Kind::Immutable,
            Content,
        ),
        (
            422,
            "Invalid",
            r#"StatefulSet.apps "db" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden"#,
            Kind::Immutable,
            Content,
        ),
        (
            422,
            "Invalid",
            r#"Service "a" is invalid: spec.clusterIPs[0]: Invalid value: ["10.0.0.9"]: may not change once set"#,
            Kind::Immutable,
            Content,
        ),
        (
            400,
            "BadRequest",
            r#"Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replica""#,
            Kind::Invalid,
            Content,
        ),
        (400, "BadRequest", r#"admission webhook "v.example.com" denied the request: host is taken"#, Kind::Denied, Content),
        (403, "Forbidden", r#"admission webhook "v.example.com" denied the request: not you"#, Kind::Denied, Surroundings),
        (400, "BadRequest", r#"admission webhook "v.example.com" does not support dry run"#, Kind::DryRunUnsupported, Surroundings),
        (401, "Unauthorized", "Unauthorized", Kind::Unauthorized, Surroundings),
        (403, "Forbidden", r#"deployments.apps "web" is forbidden: User "u" cannot patch resource"#, Kind::Forbidden, Surroundings),
        (
            403,
            "Forbidden",
            r#"pods "a" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"#,
            Kind::QuotaExceeded,
            Surroundings,
        ),
        (
            403,
            "Forbidden",
            r#"deployments.apps "web" is forbidden: unable to create new content in namespace shop because it is being terminated"#,
            Kind::NamespaceTerminating,
            Surroundings,
        ),
        (404, "NotFound", "the server could not find the requested resource", Kind::KindMissing, Surroundings),
        (404, "NotFound", r#"deployments.apps "web" not found"#, Kind::NotFound, Surroundings),
        (409, "Conflict", "the object has been modified", Kind::Conflict, Surroundings),
        (409, "AlreadyExists", r#"deployments.apps "web" already exists"#, Kind::AlreadyExists, Surroundings),
        (413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728", Kind::TooLarge, Content),
        (500, "InternalError", "etcdserver: request is too large", Kind::TooLarge, Content),
        (
            500,
            "InternalError",
            r#"Internal error occurred: failed calling webhook "v.example.com": connection refused"#,
            Kind::WebhookUnreachable,
            Surroundings,
        ),
        (
            500,
            "",
            "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replicas: expected numeric (int or float), got string",
            Kind::Invalid,
            Content,
        ),
        (503, "ServiceUnavailable", "apiserver is shutting down", Kind::Server, Surroundings),
    ] {
        let error = judge(code, status(reason, message));
        assert_eq!((error.kind, error.fault), (kind, fault), "{code} {message}");
        assert_eq!(error.class == Retry::OnChange, fault == Content, "{code} {message}");
    }
}

#[test]
fn the_namespace_that_is_missing_is_told_from_the_object_that_is_missing() {
    let body = json!({"kind": "Status", "reason": "NotFound", "message": "namespaces \"shop\" not found", "details": {"kind": "namespaces", "name": "shop"}});
    let error = judge(404, body.clone());
    assert_eq!(error.kind, Kind::NamespaceMissing);
    assert!(error.to_string().ends_with("create the namespace, or set createNamespace"), "{error}");
    let namespace = ObjectId::new("", "Namespace", "", "shop");
    let error = ApiError::from_answer(Step::Get, namespace, 404, body.to_string().as_bytes(), None);
    assert!(error.is_not_found());
}

#[test]
fn the_server_says_when_to_come_back() {
    let mut body = status("TooManyRequests", "slow down");
    body["details"] = json!({"retryAfterSeconds": 3});
    assert_eq!(judge(429, body).class, Retry::After(Duration::from_secs(3)));
    assert_eq!(judge(429, status("TooManyRequests", "slow down")).class, Retry::Soon);
}

#[test]
fn answers_of_proxies_are_read_too() {
    let error = ApiError::from_answer(Step::Get, Subject::Other("/version".into()), 502, b"<html>Bad Gateway</html>\nmore", None);
    assert_eq!(error.message, "<html>Bad Gateway</html>");
    assert_eq!(error.kind, Kind::Server);
}

#[test]
fn secret_values_never_show() {
    let id = ObjectId::new("", "Secret", "shop", "s");
    let body = status("Invalid", r#"Secret "s" is invalid: data[key]: Invalid value: "hunter2hunter2": bad, saw aHVudGVyM2h1bnRlcjM="#);
    let sent = json!({"kind": "Secret", "apiVersion": "v1", "data": {"key": "aHVudGVyM2h1bnRlcjM="}, "stringData": {"b": "other-canary"}});
    let error = ApiError::from_answer(Step::Apply, id, 422, body.to_string().as_bytes(), None).without_values_of(&sent);
    let text = format!("{error} {error:?}");
    let id = ObjectId::new("", "Secret", "shop", "s");
    let patch = json!({"data": {"key": "aHVudGVyM2h1bnRlcjM="}});
    let patched = ApiError::from_answer(Step::Patch, id, 422, body.to_string().as_bytes(), None).without_values_of(&patch);
    assert!(!patched.message.contains("aHVudGVyM2"), "{patched}");
    for canary in ["hunter2", "hunter3", "aHVudGVyM2h1", "other-canary"] {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
    assert!(text.contains("data[key]"), "{text}");
}
