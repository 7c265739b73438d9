//! A Kubernetes API in memory, for tests and demos.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = kubemem::Server::start();
//! let client = kube::Client::new(server.router(), "default");
//! let maps: kube::Api<k8s_openapi::api::core::v1::ConfigMap> = kube::Api::default_namespaced(client);
//! let map = serde_json::from_value(serde_json::json!({"metadata": {"name": "a"}, "data": {"k": "v"}}))?;
//! maps.create(&Default::default(), &map).await?;
//! assert!(server.requests().iter().any(|r| r.verb == kubemem::Verb::Create && r.name == "a" && r.code == 201));
//! # Ok(()) }
//! ```
//!
//! It knows Kubernetes and nothing else. What it answers is meant to be what a kube-apiserver answers, with the
//! controllers around it; where it is not, see the list of limits below.
//!
//! # Code map
//!
//! - [`Server`]: options, the router, faults, the log of requests; `fault.rs`, and `script.rs` for faults in YAML
//! - `http/`: paths, queries, bodies, answers, watches; the only async part beside the controllers
//! - `admission/`: limit ranges, quotas, scripted webhooks
//! - `auth/`: whose requests they are, and whether RBAC allows them
//! - `verb/`: what requests do to objects, one file per verb, synchronous under one lock
//! - `proto/`: bodies in protobuf, read as JSON
//! - `fields/`: ownership of fields and server-side apply; `patch/`: the other patches
//! - `schema/`: shapes of objects, from `data/types.json` (built-in kinds) or from CRDs
//! - `kinds/`: what is particular to a kind: defaults, allocation, validation
//! - `journal.rs`: the state in a file; `main.rs`: the program, with encryption in `tls.rs`
//! - `store/`: objects, changes, indexes, selectors; `resource.rs`: which kinds there are
//! - `controller/`: the work of the control plane and of the nodes, simulated on the tokio clock
//!
//! # Time
//!
//! Under `#[tokio::test(start_paused = true)]` the whole server runs on paused time: rollouts, deadlines and schedules of
//! minutes take milliseconds. Where real time must go on, [`Options::manual_clock`] stops the server's clock, and
//! [`Server::advance`] moves it.
//!
//! What becomes of workloads is what becomes of them on a cluster with simulated nodes: `tests/simulation/` plays the
//! same stories on both.
//!
//! # Limits
//!
//! - no client certificates; no admission policies, and no calls of admission webhooks: what they answer is scripted ([`Webhook`])
//! - protobuf is read, answers are JSON; no `exec`, `attach`, `port-forward`; logs are those of `sim.test/log` or made up from the state
//! - CEL rules of CRDs are evaluated but not checked by type; versions of a custom resource are not converted by webhooks
//! - `autoscaling/v1` is not served; HorizontalPodAutoscalers have no metrics; CronJobs know no time zone but UTC
//! - columns of tables and OpenAPI have no descriptions
//! - the pages of a list are read at their own times, not at that of the first
//! - what is known to differ in single answers is listed in `tests/differential/known.rs` and `tests/recorded.rs`

mod admission;
mod auth;
mod clock;
mod controller;
mod discovery;
mod endpoint;
mod fault;
mod fields;
mod http;
mod journal;
mod kinds;
mod log;
mod openapi;
mod patch;
mod proto;
mod resource;
mod schema;
mod script;
mod server;
mod status;
mod store;
mod validation;
mod verb;

pub use admission::{Response, Webhook, Write};
pub use auth::User;
pub use endpoint::Endpoint;
pub use fault::{Effect, Fault, Faults, Refusal};
pub use log::{Request, Verb};
pub use script::ScriptError;
pub use server::{Options, Server};
