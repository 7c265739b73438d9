//! Logs of simulated pods.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use futures::AsyncReadExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::{Api, Client};
use kubemem::Server;
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn pods_have_logs() {
    let server = Server::start();
    let pods: Api<Pod> = Api::default_namespaced(Client::new(server.router(), "default"));
    let pod = |name: &str, image: &str, notes: Value| -> Pod {
        serde_json::from_value(json!({"metadata": {"name": name, "annotations": notes},
            "spec": {"containers": [{"name": "main", "image": image}, {"name": "side", "image": "app:1"}]}}))
        .unwrap()
    };
    for (name, image, notes) in [
        ("own", "app:1", json!({"sim.test/log": "one\ntwo\nthree"})),
        ("crash", "app:1-crashloop", json!({})),
        ("pull", "app:1-imagepull", json!({})),
    ] {
        pods.create(&Default::default(), &pod(name, image, notes)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let of = |container: &str| LogParams { container: Some(container.into()), ..LogParams::default() };
    let refused = |result: Result<String, kube::Error>| match result {
        Err(kube::Error::Api(status)) => (status.code, status.message),
        other => panic!("{other:?}"),
    };
    assert_eq!(pods.logs("own", &of("main")).await.unwrap(), "one\ntwo\nthree\n");
    assert_eq!(pods.logs("own", &LogParams { tail_lines: Some(1), ..of("side") }).await.unwrap(), "three\n");
    let stamped = pods.logs("own", &LogParams { timestamps: true, tail_lines: Some(1), ..of("main") }).await.unwrap();
    assert!(stamped.ends_with("Z three\n") && stamped.starts_with("20"), "{stamped}");
    let which = "a container name must be specified for pod own, choose one of: [main side]";
    assert_eq!(refused(pods.logs("own", &LogParams::default()).await), (400, which.into()));
    assert_eq!(refused(pods.logs("own", &of("x")).await), (400, "container x is not valid for pod own".into()));
    let crashed = pods.logs("crash", &LogParams { previous: true, ..of("main") }).await.unwrap();
    assert!(crashed.ends_with("exit code 1\n"), "{crashed}");
    let waits = "container \"main\" in pod \"pull\" is waiting to start: trying and failing to pull image";
    assert_eq!(refused(pods.logs("pull", &of("main")).await), (400, waits.into()));
    // a followed log ends with the pod
    let mut followed = pods.log_stream("own", &LogParams { follow: true, ..of("main") }).await.unwrap();
    let mut line = String::new();
    followed.read_exact(&mut [0; 14]).await.unwrap();
    pods.delete("own", &Default::default()).await.unwrap();
    followed.read_to_string(&mut line).await.unwrap();
    assert_eq!(line, "");
}
