use super::*;
use serde_json::json;

fn field(name: &str) -> Step {
    Step::Field(name.into())
}

fn keys(list: &[(&str, &str)]) -> Step {
    Step::Keys(list.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
}

/// What a real API server (1.36) recorded after a server-side apply of ours and a row of kubectl commands.
fn deployment() -> Json {
    json!({"metadata": {"managedFields": [
        {"manager": "helmward", "operation": "Apply", "time": "2026-11-21T01:45:40Z", "fieldsType": "FieldsV1", "fieldsV1":
            {"f:spec": {"f:selector": {}, "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {
                ".": {}, "f:args": {}, "f:name": {}, "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}}}}}}},
        {"manager": "kubectl", "operation": "Update", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        {"manager": "kubectl-annotate", "operation": "Update", "time": "2026-11-21T01:45:43Z", "fieldsV1": {"f:metadata": {"f:annotations": {"f:who": {}}}}},
        {"manager": "kubectl-set", "operation": "Update", "time": "2026-11-21T01:45:43Z", "fieldsV1":
            {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {"f:image": {}}}}}}}},
        {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "time": "2026-11-21T01:45:45Z", "fieldsV1":
            {"f:metadata": {"f:annotations": {".": {}, "f:deployment.kubernetes.io/revision": {}}}, "f:status": {"f:replicas": {}}}},
        {"manager": "kubectl-patch", "operation": "Update", "time": "2026-11-21T01:45:44Z", "fieldsV1":
            {"f:metadata": {"f:finalizers": {"v:\"a/b\"": {}}}, "f:spec": {"f:template": {"f:spec": {"f:nodeSelector": {}}}}}},
        {"manager": "broken", "operation": "Update"},
    ]}})
}

#[test]
fn every_place_has_its_owners() {
    let ownership = Ownership::of(&deployment());
    let pod = [field("spec"), field("template"), field("spec")];
    let app = [pod.to_vec(), vec![field("containers"), keys(&[("name", "app")])]].concat();
    for (path, want) in [
        (vec![field("spec"), field("replicas")], "kubectl/scale"),
        ([app.clone(), vec![field("image")]].concat(), "kubectl-set"),
        ([app.clone(), vec![field("args"), Step::Index(1)]].concat(), "helmward"),
        ([app.clone(), vec![field("ports"), keys(&[("containerPort", "80"), ("protocol", "TCP")])]].concat(), "helmward"),
        (app.clone(), "kubectl-set helmward"),
        (vec![field("spec"), field("selector"), field("matchLabels"), field("app")], "helmward"),
        ([pod.to_vec(), vec![field("nodeSelector"), field("x")]].concat(), "kubectl-patch"),
        (vec![field("metadata"), field("annotations"), field("who")], "kubectl-annotate"),
        (vec![field("metadata"), field("finalizers"), Step::Value("a/b".into())], "kubectl-patch"),
        (vec![field("metadata"), field("finalizers"), Step::Value("c".into())], ""),
        (vec![field("spec"), field("paused")], ""),
        ([pod.to_vec(), vec![field("containers"), keys(&[("name", "side")])]].concat(), ""),
    ] {
        let owners: Vec<_> = ownership
            .owners(&path)
            .into_iter()
            .map(|o| if o.subresource.is_empty() { o.manager } else { format!("{}/{}", o.manager, o.subresource) })
            .collect();
        assert_eq!(owners.join(" "), want, "{path:?}");
    }
    assert!(ownership.is_ours(&[field("spec"), field("selector")]));
    assert!(!ownership.is_ours(&[field("spec")]), "things inside are, the place itself is not");
    assert_eq!(ownership.latest_writer(&app).map(|owner| owner.manager), Some("kubectl-set".into()));
    assert_eq!(ownership.last_foreign_writer().map(|owner| owner.manager), Some("kubectl-patch".into()));
}

#[test]
fn lists_tell_their_keys() {
    let learned = Ownership::of(&deployment()).list_keys();
    let containers = [field("spec"), field("template"), field("spec"), field("containers")];
    assert_eq!(learned.get(&containers), Some(&ListKind::Keyed(vec!["name".into()])));
    let ports = [containers.to_vec(), vec![keys(&[("name", "any")]), field("ports")]].concat();
    assert_eq!(learned.get(&ports), Some(&ListKind::Keyed(vec!["containerPort".into(), "protocol".into()])));
    assert_eq!(learned.get(&[field("metadata"), field("finalizers")]), Some(&ListKind::Set));
    assert_eq!(learned.get(&[field("spec")]), None);
}

#[test]
fn names_tell_the_actor() {
    for (manager, want) in [
        ("kubectl-edit", Actor::Person),
        ("kubectl", Actor::Person),
        ("kubectl-client-side-apply", Actor::Person),
        ("k9s", Actor::Person),
        ("Lens", Actor::Person),
        ("headlamp-server", Actor::Person),
        ("Mozilla", Actor::Person),
        ("helm", Actor::Tool),
        ("helm-controller", Actor::Tool),
        ("kustomize-controller", Actor::Tool),
        ("argocd-controller", Actor::Tool),
        ("Terraform", Actor::Tool),
        ("helmward", Actor::Us),
        ("helmward-old", Actor::Controller),
        ("kube-controller-manager", Actor::Controller),
        ("cert-manager-certificates-issuing", Actor::Controller),
        ("ocean-operator", Actor::Controller),
    ] {
        assert_eq!(Actor::of(manager), want, "{manager}");
    }
}

#[test]
fn an_object_without_managed_fields_has_no_owners() {
    for object in [json!({}), json!({"metadata": {"managedFields": "nonsense"}}), json!({"metadata": {"managedFields": [7]}})] {
        assert!(Ownership::of(&object).owners(&[field("spec")]).is_empty());
        assert!(Ownership::of(&object).last_foreign_writer().is_none());
    }
}
