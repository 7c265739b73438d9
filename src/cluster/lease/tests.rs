use super::super::testing::{Script, real};
use super::*;
use std::sync::Mutex;

/// A server that keeps one Lease, checks resource versions as a real one does, and can be down. It offers no watches.
#[derive(Clone, Default)]
struct Keeper {
    script: Script,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    lease: Option<Json>,
    version: u64,
    down: bool,
}

impl Keeper {
    fn cluster(&self) -> Cluster {
        let state = self.state.clone();
        self.script.cluster(move |seen| {
            let mut state = state.lock().expect("free");
            if state.down {
                return (503, json!({"kind": "Status", "code": 503, "message": "down"}));
            }
            let entry = json!({"resource": "leases", "responseKind": {"kind": "Lease"}, "scope": "Namespaced", "verbs": []});
            let discovery = json!({"kind": "APIGroupDiscoveryList", "items": [{"metadata": {"name": "coordination.k8s.io"},
                                   "versions": [{"version": "v1", "resources": [entry]}]}]});
            match (seen.method.as_str(), seen.uri.as_str()) {
                (_, "/apis") => return (200, discovery),
                (_, "/api") => return (200, json!({"kind": "APIGroupDiscoveryList", "items": []})),
                ("GET", uri) if uri.contains("/leases?") => return (503, json!({"kind": "Status", "code": 503, "message": "no lists"})),
                ("GET", _) => {
                    return state.lease.clone().map_or_else(super::super::testing::not_found, |lease| (200, lease));
                }
                ("POST", _) if state.lease.is_some() => {
                    return (409, json!({"kind": "Status", "reason": "AlreadyExists", "message": "exists"}));
                }
                ("PUT", _) => {
                    let known = state.lease.as_ref().map(|lease| lease["metadata"]["resourceVersion"].clone());
                    if known != Some(seen.body["metadata"]["resourceVersion"].clone()) {
                        return (409, json!({"kind": "Status", "reason": "Conflict", "message": "changed"}));
                    }
                }
                _ => {}
            }
            state.version += 1;
            let mut lease = seen.body.clone();
            lease["metadata"]["resourceVersion"] = json!(state.version.to_string());
            state.lease = Some(lease.clone());
            (200, lease)
        })
    }

    fn holder(&self) -> Option<String> {
        self.state.lock().expect("free").lease.as_ref().and_then(|lease| holder(lease).map(str::to_owned))
    }

    fn set_down(&self, down: bool) {
        self.state.lock().expect("free").down = down;
    }

    fn writes(&self) -> usize {
        self.script.uris().iter().filter(|uri| uri.starts_with("PUT") || uri.starts_with("POST")).count()
    }
}

fn config(identity: &str) -> LeaseConfig {
    LeaseConfig::new("flux-system", identity)
}

#[tokio::test(start_paused = true)]
async fn the_second_waits_and_takes_over_when_the_first_steps_down() {
    let keeper = Keeper::default();
    let cluster = keeper.cluster();
    let first = Elector::start(&cluster, config("first"));
    assert!(first.won().await && first.may_write());
    let second = Elector::start(&cluster, config("second"));
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(first.may_write() && !second.may_write());
    assert_eq!(*second.leadership().borrow(), Leadership::Waiting { holder: Some("first".into()), trouble: None });
    let gate = first.gate();
    first.step_down().await;
    assert!(gate.until().is_none());
    assert_eq!(keeper.holder(), None);
    assert!(second.won().await && second.may_write());
    assert_eq!(keeper.state.lock().expect("free").lease.as_ref().expect("is there")["spec"]["leaseTransitions"], 1);
    second.step_down().await;
}

#[tokio::test(start_paused = true)]
async fn the_second_takes_over_when_the_first_dies_but_not_before_it_expires() {
    let keeper = Keeper::default();
    let cluster = keeper.cluster();
    let first = Elector::start(&cluster, config("first"));
    assert!(first.won().await);
    first.task.abort();
    let died = Instant::now();
    let second = Elector::start(&cluster, config("second"));
    assert!(second.won().await);
    assert!(died.elapsed() >= Duration::from_secs(15), "{:?}", died.elapsed());
    assert!(died.elapsed() < Duration::from_secs(25), "{:?}", died.elapsed());
    second.step_down().await;
}

#[tokio::test(start_paused = true)]
async fn the_same_identity_takes_its_own_lease_back_at_once() {
    let keeper = Keeper::default();
    let cluster = keeper.cluster();
    let first = Elector::start(&cluster, config("same"));
    assert!(first.won().await);
    first.task.abort();
    let died = Instant::now();
    let again = Elector::start(&cluster, config("same"));
    assert!(again.won().await);
    assert_eq!(died.elapsed(), Duration::ZERO);
    again.step_down().await;
}

#[tokio::test(start_paused = true)]
async fn writing_stops_before_the_lease_expires_and_comes_back_after_the_outage() {
    let keeper = Keeper::default();
    let elector = Elector::start(&keeper.cluster(), config("only"));
    assert!(elector.won().await);
    keeper.set_down(true);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert!(elector.may_write(), "an outage shorter than the Lease changes nothing");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(!elector.may_write());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(matches!(&*elector.leadership().borrow(), Leadership::Waiting { trouble: Some(words), .. } if words.contains("down")));
    keeper.set_down(false);
    assert!(elector.won().await && elector.may_write());
    elector.step_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_is_one_write_and_nothing_else() {
    let keeper = Keeper::default();
    let elector = Elector::start(&keeper.cluster(), config("only"));
    assert!(elector.won().await);
    let (requests, writes) = (keeper.script.uris().len(), keeper.writes());
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!((keeper.script.uris().len() - requests, keeper.writes() - writes), (12, 12));
    elector.step_down().await;
}

#[tokio::test(start_paused = true)]
async fn who_loses_the_lease_to_another_stops() {
    let keeper = Keeper::default();
    let elector = Elector::start(&keeper.cluster(), config("only"));
    assert!(elector.won().await);
    {
        let mut state = keeper.state.lock().expect("free");
        let lease = state.lease.as_mut().expect("is there");
        lease["spec"]["holderIdentity"] = json!("thief");
        lease["metadata"]["resourceVersion"] = json!("777");
    }
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(!elector.may_write());
    assert_eq!(*elector.leadership().borrow(), Leadership::Waiting { holder: Some("thief".into()), trouble: None });
    elector.step_down().await;
    assert_eq!(keeper.holder().as_deref(), Some("thief"), "a Lease that is not ours is not given back");
}

#[tokio::test]
async fn a_real_server_keeps_the_lease() {
    let Some(cluster) = real("lease::a_real_server_keeps_the_lease").await else { return };
    let config = |identity: &str| LeaseConfig { name: "helmward-test".into(), ..LeaseConfig::new("default", identity) };
    let resource = cluster.resource(&lease_kind()).await.expect("is served");
    let id = ObjectId::new("coordination.k8s.io", "Lease", "default", "helmward-test");
    cluster.delete(&resource, &id, &super::super::Delete::default()).await.expect("deletes");
    let first = Elector::start(&cluster, config("first"));
    assert!(first.won().await);
    let second = Elector::start(&cluster, config("second"));
    let mut watching = second.leadership();
    watching.wait_for(|l| matches!(l, Leadership::Waiting { holder: Some(h), .. } if h == "first")).await.expect("waits");
    let before = Instant::now();
    first.step_down().await;
    assert!(second.won().await);
    assert!(before.elapsed() < Duration::from_secs(3), "the release is seen by watch: {:?}", before.elapsed());
    second.step_down().await;
    assert_eq!(cluster.foreign_leases().await.expect("lists"), []);
}
