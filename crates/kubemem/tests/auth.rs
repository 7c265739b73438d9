//! Who may do what: tokens, impersonation, roles, reviews. The same refusals are compared with those of a real server by `kubectl.rs`.

#![allow(clippy::unwrap_used)]

use axum::body::Body;
use http_body_util::BodyExt as _;
use kubemem::{Options, Server, User};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// One request with headers; answers status and body.
async fn send(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> (u16, Value) {
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let answer = server.router().oneshot(request.body(body).unwrap()).await.unwrap();
    let code = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into()))
}

async fn as_user(server: &Server, user: &str, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    send(server, method, path, &[("impersonate-user", user)], body).await
}

fn role(name: &str, rules: Value) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name, "namespace": "default"}, "rules": rules})
}

fn binding(name: &str, kind: &str, role: &str, user: &str) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name, "namespace": "default"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]})
}

const PODS: &str = "/api/v1/namespaces/default/pods";
const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";

#[tokio::test]
async fn roles_allow_and_nothing_else_does() {
    let server = Server::start();
    let (code, refused) = as_user(&server, "jane", "GET", PODS, None).await;
    assert_eq!(code, 403);
    assert_eq!(
        refused["message"],
        "pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\""
    );
    assert_eq!(refused["details"], json!({"kind": "pods"}));
    server.apply("test", role("reader", json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]))).unwrap();
    server.apply("test", binding("reader", "Role", "reader", "jane")).unwrap();
    assert_eq!(as_user(&server, "jane", "GET", PODS, None).await.0, 200);
    assert_eq!(as_user(&server, "jane", "GET", "/api/v1/pods", None).await.0, 403, "one namespace is not all");
    assert_eq!(as_user(&server, "jane", "DELETE", PODS, None).await.0, 403);
    server.apply("test", binding("lost", "ClusterRole", "nope", "jane")).unwrap();
    let (_, refused) = as_user(&server, "jane", "GET", "/api/v1/namespaces/default/configmaps/a", None).await;
    assert_eq!(
        refused["message"],
        "configmaps \"a\" is forbidden: User \"jane\" cannot get resource \"configmaps\" in API group \"\" in the namespace \"default\": RBAC: clusterrole.rbac.authorization.k8s.io \"nope\" not found"
    );
    let (_, refused) = as_user(&server, "jane", "GET", "/metrics", None).await;
    assert_eq!(refused["message"], "forbidden: User \"jane\" cannot get path \"/metrics\"");
}

#[tokio::test]
async fn service_accounts_have_tokens() {
    let server = Server::start();
    let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let (code, made) = send(&server, "POST", path, &[], Some(request)).await;
    assert_eq!(code, 201, "{made}");
    let bearer = format!("Bearer {}", made["status"]["token"].as_str().unwrap());
    let (_, refused) = send(&server, "GET", PODS, &[("authorization", &bearer)], None).await;
    assert!(refused["message"].as_str().unwrap().contains("User \"system:serviceaccount:default:default\" cannot list"), "{refused}");
    let review = |token: &str| json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}});
    let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
    let (_, known) = send(&server, "POST", reviews, &[], Some(review(&bearer[7..]))).await;
    assert_eq!(known["status"]["user"]["username"], "system:serviceaccount:default:default");
    // one character of the claims changed
    let mut forged = bearer[7..].to_owned();
    forged.replace_range(60..61, if &forged[60..61] == "A" { "B" } else { "A" });
    assert_eq!(send(&server, "GET", PODS, &[("authorization", &format!("Bearer {forged}"))], None).await.0, 401);
    let (_, unknown) = send(&server, "POST", reviews, &[], Some(review(&forged))).await;
    assert_eq!(unknown["status"], json!({"user": {}, "error": "invalid bearer token"}));
    // a token ends with its account, even where another of the same name comes after it
    send(&server, "DELETE", "/api/v1/namespaces/default/serviceaccounts/default", &[], None).await;
    assert_eq!(send(&server, "GET", PODS, &[("authorization", &bearer)], None).await.0, 401);
}

#[tokio::test(start_paused = true)]
async fn tokens_end() {
    let server = Server::start();
    let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let (_, made) = send(&server, "POST", path, &[], Some(json!({"spec": {"expirationSeconds": 600}}))).await;
    let bearer = format!("Bearer {}", made["status"]["token"].as_str().unwrap());
    tokio::time::advance(std::time::Duration::from_secs(599)).await;
    assert_eq!(send(&server, "GET", PODS, &[("authorization", &bearer)], None).await.0, 403);
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    assert_eq!(send(&server, "GET", PODS, &[("authorization", &bearer)], None).await.0, 401);
}

#[tokio::test]
async fn those_without_credentials_may_be_anybody() {
    let tokens = vec![("secret".to_owned(), User::named("jane", &["devs"]))];
    let server = Server::new(Options { without_credentials: User::anonymous(), tokens, ..Options::default() });
    let (code, refused) = send(&server, "GET", "/api", &[], None).await;
    assert_eq!((code, &refused["message"]), (403, &json!("forbidden: User \"system:anonymous\" cannot get path \"/api\"")));
    assert_eq!(send(&server, "GET", "/readyz", &[], None).await.0, 200);
    let headers = [("authorization", "Bearer secret")];
    assert_eq!(send(&server, "GET", "/api", &headers, None).await.0, 200);
    assert_eq!(send(&server, "GET", "/api", &[("authorization", "Bearer other")], None).await.0, 401);
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let (_, me) = send(&server, "POST", path, &headers, Some(json!({}))).await;
    assert_eq!(me["status"]["userInfo"], json!({"username": "jane", "groups": ["devs", "system:authenticated"]}));
}

#[tokio::test]
async fn impersonation_must_be_allowed() {
    let tokens = vec![("secret".to_owned(), User::named("jane", &[]))];
    let server = Server::new(Options { tokens, ..Options::default() });
    let jane = ("authorization", "Bearer secret");
    let whoami = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let (_, refused) = send(&server, "GET", PODS, &[jane, ("impersonate-user", "bob")], None).await;
    assert_eq!(
        refused["message"],
        "pods is forbidden: User \"jane\" cannot impersonate-on:user-info:list resource \"pods\" in API group \"\" in the namespace \"default\""
    );
    let allow = json!([{"apiGroups": [""], "resources": ["users"], "resourceNames": ["bob"], "verbs": ["impersonate"]}]);
    let meta = json!({"name": "bob"});
    server
        .apply("test", json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": meta, "rules": allow}))
        .unwrap();
    let mut bound = binding("bob", "ClusterRole", "bob", "jane");
    bound["kind"] = "ClusterRoleBinding".into();
    bound["metadata"] = meta;
    server.apply("test", bound).unwrap();
    let (_, bob) = send(&server, "POST", whoami, &[jane, ("impersonate-user", "bob")], Some(json!({}))).await;
    assert_eq!(bob["status"]["userInfo"], json!({"username": "bob", "groups": ["system:authenticated"]}));
    let headers = [jane, ("impersonate-user", "bob"), ("impersonate-group", "admins")];
    assert_eq!(send(&server, "POST", whoami, &headers, Some(json!({}))).await.0, 403, "the group is not allowed");
    assert_eq!(send(&server, "GET", PODS, &[("impersonate-group", "x")], None).await.0, 400);
    let headers =
        [("impersonate-user", "system:serviceaccount:a:b"), ("impersonate-extra-acme.io%2fteam", "core"), ("impersonate-uid", "7")];
    let (_, account) = send(&server, "POST", whoami, &headers, Some(json!({}))).await;
    assert_eq!(
        account["status"]["userInfo"],
        json!({"username": "system:serviceaccount:a:b", "uid": "7", "extra": {"acme.io/team": ["core"]},
            "groups": ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"]})
    );
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_have() {
    let server = Server::start();
    let own = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["create", "update", "patch", "get"]}]);
    server.apply("test", role("own", own)).unwrap();
    server.apply("test", binding("own", "Role", "own", "jane")).unwrap();
    let more = role("more", json!([{"apiGroups": ["", "apps"], "resources": ["pods"], "verbs": ["get", "list"]}]));
    let (code, refused) = as_user(&server, "jane", "POST", ROLES, Some(more)).await;
    assert_eq!(code, 403);
    assert_eq!(
        refused["message"],
        "roles.rbac.authorization.k8s.io \"more\" is forbidden: user \"jane\" (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}\n{APIGroups:[\"apps\"], Resources:[\"pods\"], Verbs:[\"get\" \"list\"]}"
    );
    let same = role("same", json!([{"apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"], "verbs": ["get"]}]));
    assert_eq!(as_user(&server, "jane", "POST", ROLES, Some(same)).await.0, 201);
    assert_eq!(as_user(&server, "jane", "POST", BINDINGS, Some(binding("x", "ClusterRole", "view", "bob"))).await.0, 403);
    assert_eq!(as_user(&server, "jane", "POST", BINDINGS, Some(binding("x", "Role", "own", "bob"))).await.0, 201);
    // who may bind or escalate, may
    let rules =
        json!([{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "resourceNames": ["view"], "verbs": ["bind"]}]);
    server.apply("test", role("binder", rules)).unwrap();
    server.apply("test", binding("binder", "Role", "binder", "jane")).unwrap();
    assert_eq!(as_user(&server, "jane", "POST", BINDINGS, Some(binding("y", "ClusterRole", "view", "bob"))).await.0, 201);
    assert_eq!(as_user(&server, "jane", "POST", BINDINGS, Some(binding("z", "ClusterRole", "edit", "bob"))).await.0, 403);
}

#[tokio::test]
async fn aggregated_roles_follow_those_that_they_select() {
    let server = Server::start();
    server.apply("test", binding("viewer", "ClusterRole", "view", "jane")).unwrap();
    assert_eq!(as_user(&server, "jane", "GET", PODS, None).await.0, 200);
    assert_eq!(as_user(&server, "jane", "GET", "/api/v1/namespaces/default/secrets", None).await.0, 403);
    let more = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "more", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]});
    server.apply("test", more).unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(as_user(&server, "jane", "GET", "/api/v1/namespaces/default/secrets", None).await.0, 200);
}

#[tokio::test]
async fn access_reviews_say_which_binding_allows() {
    let server = Server::start();
    server.apply("test", role("reader", json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]))).unwrap();
    server.apply("test", binding("reader", "Role", "reader", "jane")).unwrap();
    let reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let review =
        |verb: &str| json!({"spec": {"user": "jane", "resourceAttributes": {"verb": verb, "resource": "pods", "namespace": "default"}}});
    let (_, yes) = send(&server, "POST", reviews, &[], Some(review("list"))).await;
    assert_eq!(
        yes["status"],
        json!({"allowed": true, "reason": "RBAC: allowed by RoleBinding \"reader/default\" of Role \"reader\" to User \"jane\""})
    );
    let (_, no) = send(&server, "POST", reviews, &[], Some(review("get"))).await;
    assert_eq!(no["status"], json!({"allowed": false}));
}
