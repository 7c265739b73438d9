//! Releases whose objects an admission webhook must see, on a port of this machine that the test opens and closes.

use crate::pieces::{DEPLOYMENT, chart, definition, namespace, release};
use crate::world::{SOON, World, condition, free_port, ready};
use base64::Engine as _;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// An operator's webhook: allows whatever it is asked about.
struct Webhook {
    port: u16,
    made: rcgen::CertifiedKey<rcgen::KeyPair>,
}

struct Encrypted(TcpListener, TlsAcceptor);

impl axum::serve::Listener for Encrypted {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, peer)) = self.0.accept().await else { continue };
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Webhook {
    fn new() -> Self {
        Self { port: free_port(), made: rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap() }
    }

    /// The template of its configuration.
    fn configuration(&self) -> String {
        let bundle = base64::engine::general_purpose::STANDARD.encode(self.made.cert.pem());
        format!(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata:\n  name: stager\nwebhooks:\n  - name: sites.kube-stager.example\n\
             \x20   admissionReviewVersions: [v1]\n    sideEffects: None\n    failurePolicy: Fail\n    timeoutSeconds: 2\n\
             \x20   clientConfig: {{url: 'https://127.0.0.1:{}/validate', caBundle: {bundle}}}\n\
             \x20   rules:\n      - {{apiGroups: [kube-stager.example], apiVersions: ['*'], operations: [CREATE, UPDATE], resources: [stagingsites]}}\n",
            self.port
        )
    }

    /// Opens the port.
    async fn come_up(&self) {
        let key = self.made.signing_key.serialize_der().try_into().unwrap();
        let config =
            rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![self.made.cert.der().clone()], key).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        let allow = |axum::Json(review): axum::Json<Value>| async move {
            let response = json!({"uid": review["request"]["uid"], "allowed": true});
            axum::Json(json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}))
        };
        let app = axum::Router::new().route("/validate", axum::routing::post(allow));
        tokio::spawn(async move { axum::serve(Encrypted(listener, TlsAcceptor::from(Arc::new(config))), app).await.unwrap() });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ks9_a_webhook_that_is_not_up_is_waited_for() {
    let mut world = World::start().await;
    let webhook = Webhook::new();
    chart(
        &world,
        "stager",
        "1.0.0",
        &[
            ("crds/sites.yaml", &definition("kube-stager.example", "StagingSite")),
            ("templates/operator.yaml", DEPLOYMENT),
            ("templates/webhook.yaml", &webhook.configuration()),
        ],
    );
    let site = "apiVersion: kube-stager.example/v1alpha1\nkind: StagingSite\nmetadata:\n  name: {{ .Release.Name }}\nspec: {}\n";
    chart(&world, "site", "1.0.0", &[("templates/site.yaml", site)]);
    let all = namespace("staging")
        + &release("staging", "stager", "stager", "", "")
        + &release("staging", "site", "site", "", "  dependsOn:\n    - name: stager\n");
    world.git.write("clusters/demo/all.yaml", &all);
    world.git.push("Operator and site");
    world.start_daemon(&[]).await;
    world.until("the operator is ready", SOON, || async { world.release("staging", "stager").await.filter(|r| ready(r, "1.0.0")) }).await;
    let refusal = format!(
        "Internal error occurred: failed calling webhook \"sites.kube-stager.example\": failed to call webhook: \
         Post \"https://127.0.0.1:{0}/validate?timeout=2s\": dial tcp 127.0.0.1:{0}: connect: connection refused",
        webhook.port
    );
    world
        .until("the refusal is shown", SOON, || async {
            let site = world.release("staging", "site").await?;
            let (status, _, message) = condition(&site, "Ready")?;
            (status == "False" && message.contains(&refusal)).then_some(())
        })
        .await;
    let attempts = || {
        let log = world.daemon().logged();
        let tries = log.lines().filter(|line| line.contains("failed calling webhook") && line.contains("trying again"));
        let times: Vec<jiff::Timestamp> =
            tries.map(|line| serde_json::from_str::<Value>(line).unwrap()["timestamp"].as_str().unwrap().parse().unwrap()).collect();
        times
    };
    world.until("four attempts", SOON, || async { (attempts().len() >= 4).then_some(()) }).await;
    let times = attempts();
    let pauses: Vec<Duration> = times.windows(2).map(|two| two[1].duration_since(two[0]).try_into().unwrap()).collect();
    // A busy machine makes a pause longer, never shorter.
    let least = [900, 1800, 3600].map(Duration::from_millis);
    assert!(pauses.iter().zip(least).all(|(pause, least)| *pause > least), "with backoff: {pauses:?}");
    assert!(world.get("kube-stager.example/v1alpha1", "StagingSite", "staging", "site").await.is_none());

    webhook.come_up().await;
    world.until("the site is ready", SOON, || async { world.release("staging", "site").await.filter(|r| ready(r, "1.0.0")) }).await;
    for name in ["stager", "site"] {
        let revisions: Vec<_> = world.release_secrets("staging", name).await.into_iter().map(|(n, status, _)| (n, status)).collect();
        assert_eq!(revisions, [(1, "deployed".to_owned())], "{name} was neither rolled back nor failed");
        assert!(condition(&world.release("staging", name).await.unwrap(), "Remediated").is_none());
    }
}
