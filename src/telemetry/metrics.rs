//! Every metric, behind typed methods. Names and labels are those that Flux's dashboards and alerts read, and our own.
//!
//! Labels are bounded: by the objects that exist ([`Metrics::forget`] takes those of an object away) or by small enums.

use super::process::ProcessCollector;
use crate::{
    cluster::RequestCount,
    object::ObjectId,
    plan::DriftOp,
    release::{UnitKind, report::Report},
};
use jiff::SignedDuration;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets_range},
    },
    registry::Registry,
};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::{Duration, Instant},
};

/// Labels, in order; empty ones are left out, which means the same.
type Labels = Vec<(&'static str, String)>;

/// Kind, namespace and name.
type Key = (String, String, String);

/// Reasons of rollbacks that are counted on their own.
const MAX_REASONS: usize = 32;

/// What a version says about itself.
#[derive(Debug, Clone, Copy)]
pub struct BuildInfo<'a> {
    /// Version.
    pub version: &'a str,
    /// Commit, where known.
    pub revision: &'a str,
}

/// How a reconcile ended, as controller-runtime counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReconcileResult {
    /// Done.
    Success,
    /// Failed; it will be tried again.
    Error,
    /// To be continued at once.
    Requeue,
    /// To be continued later.
    RequeueAfter,
}

impl ReconcileResult {
    fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Requeue => "requeue",
            Self::RequeueAfter => "requeue_after",
        }
    }
}

/// How fields differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DriftClass {
    /// Another value.
    Changed,
    /// Gone.
    Missing,
    /// Added by somebody.
    Extra,
}

impl DriftClass {
    const ALL: [Self; 3] = [Self::Changed, Self::Missing, Self::Extra];

    fn of(op: DriftOp) -> Self {
        match op {
            DriftOp::Changed => Self::Changed,
            DriftOp::Removed => Self::Missing,
            DriftOp::Extra => Self::Extra,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Extra => "extra",
        }
    }
}

/// An object as `gotk_resource_info` shows it. Empty fields are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceInfo {
    /// API version without the group, such as `v2`.
    pub version: String,
    /// `True`, `False` or `Unknown`.
    pub ready: String,
    /// Whether it is suspended.
    pub suspended: bool,
    /// What is applied.
    pub revision: String,
    /// Name of the source.
    pub source_name: String,
    /// URL of a source.
    pub url: String,
    /// Chart of a release.
    pub chart_name: String,
    /// Version of the app in the chart.
    pub chart_app_version: String,
    /// Name of the chart's source.
    pub chart_source_name: String,
}

/// All metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    reconcile_duration: Family<Labels, Histogram, fn() -> Histogram>,
    resource_info: Family<Labels, Gauge>,
    reconcile_total: Family<Labels, Counter>,
    reconcile_errors: Family<Labels, Counter>,
    reconcile_time: Family<Labels, Histogram, fn() -> Histogram>,
    longest_running: Family<Labels, Gauge<f64, AtomicU64>>,
    requests: Arc<Mutex<Vec<RequestCount>>>,
    in_flight: Gauge,
    leader: Family<Labels, Gauge>,
    release_info: Family<Labels, Gauge>,
    drift_fields: Family<Labels, Gauge>,
    drift_detected: Family<Labels, Counter>,
    drift_corrected: Family<Labels, Counter>,
    rollbacks: Family<Labels, Counter>,
    commit_to_ready: Histogram,
    sse_clients: Gauge,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The info labels of each object, so that they can be replaced.
    resources: HashMap<Key, Labels>,
    releases: HashMap<Key, Labels>,
    /// Fields that differ, by class.
    drift: HashMap<Key, [usize; 3]>,
    /// Reasons of rollbacks so far.
    reasons: HashSet<String>,
    /// When each running work began, by queue.
    running: HashMap<&'static str, HashMap<u64, Instant>>,
    next: u64,
}

fn reconcile_buckets() -> Histogram {
    Histogram::new(exponential_buckets_range(0.01, 1800.0, 10))
}

fn time_buckets() -> Histogram {
    Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0])
}

/// Metrics of this version.
impl Default for Metrics {
    fn default() -> Self {
        Self::new(BuildInfo { version: env!("CARGO_PKG_VERSION"), revision: option_env!("HELMWARD_COMMIT").unwrap_or_default() })
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// A registry of its own.
    #[must_use]
    pub fn new(build: BuildInfo<'_>) -> Self {
        let mut registry = Registry::default();
        let reconcile_duration = Family::new_with_constructor(reconcile_buckets as fn() -> Histogram);
        let reconcile_time = Family::new_with_constructor(time_buckets as fn() -> Histogram);
        let commit_to_ready = Histogram::new([0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0]);
        let (resource_info, release_info, drift_fields) = (Family::default(), Family::default(), Family::default());
        let (reconcile_total, reconcile_errors, drift_corrected) = (Family::default(), Family::default(), Family::default());
        let requests: Arc<Mutex<Vec<RequestCount>>> = Arc::default();
        let (drift_detected, rollbacks, leader, longest_running) =
            (Family::default(), Family::default(), Family::default(), Family::default());
        let (sse_clients, in_flight, build_info) = (Gauge::default(), Gauge::default(), Family::<Labels, Gauge>::default());
        build_info.get_or_create(&labels([("version", build.version.into()), ("revision", build.revision.into())])).set(1);

        // the text format adds `_total` to counters and a full stop to helps
        registry.register("gotk_reconcile_duration_seconds", "Time that a reconcile of an object took", reconcile_duration.clone());
        registry.register("gotk_resource_info", "State of an object", resource_info.clone());
        registry.register("controller_runtime_reconcile", "Reconciles by controller and result", reconcile_total.clone());
        registry.register("controller_runtime_reconcile_errors", "Failed reconciles by controller", reconcile_errors.clone());
        registry.register("controller_runtime_reconcile_time_seconds", "Time per reconcile by controller", reconcile_time.clone());
        registry.register("workqueue_longest_running_processor_seconds", "Age of the oldest running work", longest_running.clone());
        registry.register("leader_election_master_status", "1 where this process may write", leader.clone());
        registry.register("helmward_release_info", "What each release runs", release_info.clone());
        registry.register("helmward_drift_fields", "Fields that differ from the source now", drift_fields.clone());
        registry.register("helmward_drift_detected", "Times that drift was detected", drift_detected.clone());
        registry.register("helmward_rollbacks", "Rollbacks by reason", rollbacks.clone());
        registry.register("helmward_commit_to_ready_seconds", "Time from a commit to its readiness", commit_to_ready.clone());
        registry.register("helmward_sse_clients", "Open pages", sse_clients.clone());
        registry.register("helmward_requests_in_flight", "Requests to the Kubernetes API without an answer yet", in_flight.clone());
        registry.register("helmward_build_info", "Version of this program", build_info);
        registry.register("helmward_drift_corrected_fields", "Fields that were set back", drift_corrected.clone());
        registry.register_collector(Box::new(Requests(requests.clone())));
        registry.register_collector(Box::new(ProcessCollector));
        let inner = Inner {
            registry,
            reconcile_duration,
            resource_info,
            reconcile_total,
            reconcile_errors,
            reconcile_time,
            longest_running,
            requests,
            in_flight,
            leader,
            release_info,
            drift_fields,
            drift_detected,
            drift_corrected,
            rollbacks,
            commit_to_ready,
            sse_clients,
            state: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A pass over an object ended well. The controller is named as its kind, as controller-runtime does.
    pub fn reconciled(&self, kind: &str, namespace: &str, name: &str, took: Duration) {
        self.reconcile_ended(kind, namespace, name, ReconcileResult::Success, took);
    }

    /// A pass over an object ended somehow.
    pub fn reconcile_ended(&self, kind: &str, namespace: &str, name: &str, result: ReconcileResult, took: Duration) {
        let (inner, seconds) = (&self.inner, took.as_secs_f64());
        inner.reconcile_duration.get_or_create(&of_object(kind, namespace, name)).observe(seconds);
        let controller = ("controller", kind.to_ascii_lowercase());
        inner.reconcile_total.get_or_create(&labels([controller.clone(), ("result", result.name().into())])).inc();
        if result == ReconcileResult::Error {
            inner.reconcile_errors.get_or_create(&labels([controller.clone()])).inc();
        }
        inner.reconcile_time.get_or_create(&labels([controller])).observe(seconds);
    }

    /// Work of a queue began; it ends when the guard is dropped.
    #[must_use]
    pub fn processing(&self, queue: &'static str) -> Processing {
        let mut state = self.state();
        state.next += 1;
        let id = state.next;
        state.running.entry(queue).or_default().insert(id, Instant::now());
        Processing { metrics: self.clone(), queue, id }
    }

    /// The state of an object, replacing what was said of it before.
    pub fn resource(&self, object: &ObjectId, info: &ResourceInfo) {
        let new = labels([
            ("customresource_group", object.group.clone()),
            ("customresource_kind", object.kind.clone()),
            ("customresource_version", info.version.clone()),
            ("exported_namespace", object.namespace.clone()),
            ("name", object.name.clone()),
            ("ready", info.ready.clone()),
            ("suspended", if info.suspended { "true".into() } else { String::new() }),
            ("revision", info.revision.clone()),
            ("source_name", info.source_name.clone()),
            ("url", info.url.clone()),
            ("chart_name", info.chart_name.clone()),
            ("chart_app_version", info.chart_app_version.clone()),
            ("chart_source_name", info.chart_source_name.clone()),
        ]);
        let key = (object.kind.clone(), object.namespace.clone(), object.name.clone());
        replace(&self.inner.resource_info, &mut self.state().resources, key, new);
    }

    /// The state of a unit: what it is, what it runs, what differs.
    pub fn unit(&self, report: &Report) {
        let (kind, namespace, name) = (report.key.kind.as_str(), report.key.namespace.as_str(), report.key.name.as_str());
        let (group, version) = match report.key.kind {
            UnitKind::Release => ("helm.toolkit.fluxcd.io", "v2"),
            UnitKind::Bundle => ("kustomize.toolkit.fluxcd.io", "v1"),
        };
        let ready = report.conditions.iter().find(|condition| condition.kind == "Ready");
        let source = report.source.as_ref();
        let source_name = source.map(|source| source.name.clone()).unwrap_or_default();
        let (chart, bundle) = (report.chart.as_ref(), report.chart.is_none());
        let revision = match chart {
            Some(chart) => chart.version.clone(),
            None => source.map(|source| source.revision.clone()).unwrap_or_default(),
        };
        let info = ResourceInfo {
            version: version.into(),
            ready: ready.map(|condition| condition.status.as_str().to_owned()).unwrap_or_default(),
            suspended: report.suspended,
            revision: revision.clone(),
            source_name: if bundle { source_name.clone() } else { String::new() },
            url: String::new(),
            chart_name: chart.map(|chart| chart.name.clone()).unwrap_or_default(),
            chart_app_version: chart.map(|chart| chart.app_version.clone()).unwrap_or_default(),
            chart_source_name: if bundle { String::new() } else { source_name },
        };
        self.resource(&ObjectId::new(group, kind, namespace, name), &info);

        let mut runs = of_object(kind, namespace, name);
        runs.extend(labels([
            ("chart", info.chart_name),
            ("version", revision),
            ("revision", if report.revision == 0 { String::new() } else { report.revision.to_string() }),
            ("status", report.pill.as_str().into()),
        ]));
        let key = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        replace(&self.inner.release_info, &mut self.state().releases, key, runs);

        let count = |class: DriftClass| report.drift.iter().filter(|drift| DriftClass::of(drift.op) == class).count();
        let fields = DriftClass::ALL.map(count);
        let mut known = self.state();
        let before = known.drift.insert((kind.to_owned(), namespace.to_owned(), name.to_owned()), fields).unwrap_or_default();
        drop(known);
        if fields.iter().sum::<usize>() > before.iter().sum() {
            self.inner.drift_detected.get_or_create(&of_object(kind, namespace, name)).inc();
        }
        for (class, fields) in DriftClass::ALL.into_iter().zip(fields) {
            let gauge = self.inner.drift_fields.get_or_create_owned(&of_drift(kind, namespace, name, class));
            gauge.set(i64::try_from(fields).unwrap_or(i64::MAX));
        }
    }

    /// Fields of a unit's objects were set back.
    pub fn drift_corrected(&self, namespace: &str, name: &str, fields: usize) {
        let unit = labels([("name", name.into()), ("namespace", namespace.into())]);
        self.inner.drift_corrected.get_or_create(&unit).inc_by(fields as u64);
    }

    /// A rollback happened. Reasons are few; whatever comes after the first many is counted together.
    pub fn rolled_back(&self, reason: &str) {
        let mut state = self.state();
        let known = state.reasons.contains(reason) || (state.reasons.len() < MAX_REASONS && state.reasons.insert(reason.into()));
        drop(state);
        let reason = if known { reason } else { "other" };
        self.inner.rollbacks.get_or_create(&labels([("reason", reason.into())])).inc();
    }

    /// A commit became ready.
    pub fn commit_to_ready(&self, took: SignedDuration) {
        self.inner.commit_to_ready.observe(took.as_secs_f64().max(0.0));
    }

    /// The requests to the Kubernetes API so far, and those that wait for an answer.
    pub fn requests(&self, counts: Vec<RequestCount>, in_flight: usize) {
        *self.inner.requests.lock().unwrap_or_else(PoisonError::into_inner) = counts;
        self.inner.in_flight.set(i64::try_from(in_flight).unwrap_or(i64::MAX));
    }

    /// Whether this process may write to the cluster.
    pub fn leading(&self, leading: bool) {
        self.inner.leader.get_or_create(&labels([("name", "helmward".into())])).set(i64::from(leading));
    }

    /// How many pages are open.
    pub fn sse_clients(&self, open: usize) {
        self.inner.sse_clients.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// A page was opened; it is closed when the guard is dropped.
    #[must_use]
    pub fn sse_client(&self) -> SseClient {
        self.inner.sse_clients.inc();
        SseClient { gauge: self.inner.sse_clients.clone() }
    }

    /// Takes away everything about an object that is gone.
    pub fn forget(&self, kind: &str, namespace: &str, name: &str) {
        let (inner, mut state) = (&self.inner, self.state());
        let key = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        if let Some(old) = state.resources.remove(&key) {
            inner.resource_info.remove(&old);
        }
        if let Some(old) = state.releases.remove(&key) {
            inner.release_info.remove(&old);
        }
        state.drift.remove(&key);
        let plain = of_object(kind, namespace, name);
        inner.reconcile_duration.remove(&plain);
        inner.drift_detected.remove(&plain);
        inner.drift_corrected.remove(&labels([("name", name.into()), ("namespace", namespace.into())]));
        for class in DriftClass::ALL {
            inner.drift_fields.remove(&of_drift(kind, namespace, name, class));
        }
    }

    /// Everything in the OpenMetrics text format.
    #[must_use]
    pub fn encode(&self) -> String {
        for (queue, running) in &self.state().running {
            let oldest = running.values().map(Instant::elapsed).max().unwrap_or_default();
            self.inner.longest_running.get_or_create(&labels([("name", (*queue).into())])).set(oldest.as_secs_f64());
        }
        let mut text = String::new();
        // writing into a string does not fail
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.inner.registry);
        text
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Running work.
pub struct Processing {
    metrics: Metrics,
    queue: &'static str,
    id: u64,
}

impl Drop for Processing {
    fn drop(&mut self) {
        if let Some(running) = self.metrics.state().running.get_mut(self.queue) {
            running.remove(&self.id);
        }
    }
}

/// An open page.
pub struct SseClient {
    gauge: Gauge,
}

impl Drop for SseClient {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

fn labels<const N: usize>(pairs: [(&'static str, String); N]) -> Labels {
    pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn of_object(kind: &str, namespace: &str, name: &str) -> Labels {
    labels([("kind", kind.into()), ("name", name.into()), ("namespace", namespace.into())])
}

fn of_drift(kind: &str, namespace: &str, name: &str, class: DriftClass) -> Labels {
    let mut labels = of_object(kind, namespace, name);
    labels.push(("class", class.name().into()));
    labels
}

/// Sets the one line that an object has in a family.
fn replace(family: &Family<Labels, Gauge>, known: &mut HashMap<Key, Labels>, object: Key, new: Labels) {
    if known.get(&object) == Some(&new) {
        return;
    }
    family.get_or_create(&new).set(1);
    if let Some(old) = known.insert(object, new) {
        family.remove(&old);
    }
}

/// Shows the requests that the connection to the cluster counted.
#[derive(Debug)]
struct Requests(Arc<Mutex<Vec<RequestCount>>>);

impl Collector for Requests {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let help = "Requests to the Kubernetes API by status code";
        let mut family = encoder.encode_descriptor("rest_client_requests", help, None, MetricType::Counter)?;
        for count in counts {
            let labels = labels([("code", count.code), ("method", count.method)]);
            ConstCounter::new(count.count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metrics() -> Metrics {
        Metrics::new(BuildInfo { version: "1.2.3", revision: "" })
    }

    /// The value of a line that begins with a text.
    fn value(metrics: &Metrics, line: &str) -> Option<f64> {
        metrics.encode().lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' ')?.parse().ok())
    }

    fn report(ready: &str, drift: usize) -> Report {
        let field = |i: usize| {
            json!({
                "object": {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web"}, "path": format!(".spec.f{i}"),
                "pointer": format!("/spec/f{i}"), "op": "changed", "firstSeen": "2026-01-01T00:00:00Z",
                "lastSeen": "2026-01-01T00:00:00Z", "desiredRevision": "1", "policy": "correct",
            })
        };
        let drift: Vec<_> = (0..drift).map(field).collect();
        serde_json::from_value(json!({
            "key": {"kind": "Release", "namespace": "shop", "name": "web"}, "pill": "Ready", "message": "",
            "since": "2026-01-01T00:00:00Z", "suspended": false, "path": "", "releaseName": "web", "targetNamespace": "shop",
            "chart": {"name": "web", "version": "1.0.0", "appVersion": "2"}, "source": null,
            "revision": 3, "attempted": null, "driftMode": "enabled", "drift": drift, "driftHistory": [], "objects": [], "history": [],
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z", "reason": "x", "message": ""}],
            "events": [], "dependsOn": [], "nextCheck": null, "unsupported": [],
        }))
        .unwrap()
    }

    #[test]
    fn dashboards_find_their_metrics() {
        let metrics = metrics();
        metrics.reconciled("HelmRelease", "shop", "web", Duration::from_millis(300));
        metrics.reconcile_ended("HelmRelease", "shop", "web", ReconcileResult::Error, Duration::from_secs(3));
        metrics.requests(vec![RequestCount { method: "PATCH".into(), code: "200".into(), count: 7 }], 2);
        metrics.leading(true);
        metrics.rolled_back("HealthCheckFailed");
        metrics.commit_to_ready(SignedDuration::from_secs(2));
        metrics.drift_corrected("shop", "web", 2);
        let page = metrics.sse_client();
        for (line, want) in [
            ("gotk_reconcile_duration_seconds_count{kind=\"HelmRelease\",name=\"web\",namespace=\"shop\"}", 2.0),
            ("controller_runtime_reconcile_total{controller=\"helmrelease\",result=\"success\"}", 1.0),
            ("controller_runtime_reconcile_errors_total{controller=\"helmrelease\"}", 1.0),
            ("controller_runtime_reconcile_time_seconds_count{controller=\"helmrelease\"}", 2.0),
            ("rest_client_requests_total{code=\"200\",method=\"PATCH\"}", 7.0),
            ("helmward_requests_in_flight", 2.0),
            ("leader_election_master_status{name=\"helmward\"}", 1.0),
            ("helmward_rollbacks_total{reason=\"HealthCheckFailed\"}", 1.0),
            ("helmward_commit_to_ready_seconds_count", 1.0),
            ("helmward_drift_corrected_fields_total{name=\"web\",namespace=\"shop\"}", 2.0),
            ("helmward_sse_clients", 1.0),
            ("helmward_build_info{version=\"1.2.3\"}", 1.0),
        ] {
            assert_eq!(value(&metrics, line), Some(want), "{line} in\n{}", metrics.encode());
        }
        drop(page);
        assert_eq!(value(&metrics, "helmward_sse_clients"), Some(0.0));
        let buckets = metrics.encode().lines().filter(|line| line.starts_with("gotk_reconcile_duration_seconds_bucket")).count();
        assert_eq!(buckets, 11, "ten and the infinite one");
        assert!(metrics.encode().ends_with("# EOF\n"));
    }

    #[test]
    fn units_have_one_line_each_and_go() {
        let metrics = metrics();
        metrics.unit(&report("False", 0));
        metrics.unit(&report("True", 2));
        metrics.unit(&report("True", 2));
        metrics.unit(&report("True", 1));
        metrics.reconciled("HelmRelease", "shop", "web", Duration::ZERO);
        metrics.drift_corrected("shop", "web", 1);
        for (line, want) in [
            (
                "gotk_resource_info{customresource_group=\"helm.toolkit.fluxcd.io\",customresource_kind=\"HelmRelease\",\
                 customresource_version=\"v2\",exported_namespace=\"shop\",name=\"web\",ready=\"True\",revision=\"1.0.0\",\
                 chart_name=\"web\",chart_app_version=\"2\"}",
                1.0,
            ),
            (
                "helmward_release_info{kind=\"HelmRelease\",name=\"web\",namespace=\"shop\",chart=\"web\",version=\"1.0.0\",\
                 revision=\"3\",status=\"Ready\"}",
                1.0,
            ),
            ("helmward_drift_fields{kind=\"HelmRelease\",name=\"web\",namespace=\"shop\",class=\"changed\"}", 1.0),
            ("helmward_drift_fields{kind=\"HelmRelease\",name=\"web\",namespace=\"shop\",class=\"extra\"}", 0.0),
            ("helmward_drift_detected_total{kind=\"HelmRelease\",name=\"web\",namespace=\"shop\"}", 1.0),
        ] {
            assert_eq!(value(&metrics, line), Some(want), "{line} in\n{}", metrics.encode());
        }
        let lines = || metrics.encode().lines().filter(|line| line.contains("\"web\"")).map(ToOwned::to_owned).collect::<Vec<_>>();
        assert_eq!(lines().iter().filter(|line| line.starts_with("gotk_resource_info")).count(), 1);
        metrics.forget("HelmRelease", "shop", "web");
        assert_eq!(lines(), Vec::<String>::new());
    }

    #[test]
    fn reasons_are_bounded() {
        let metrics = metrics();
        (0..100).for_each(|i| metrics.rolled_back(&format!("Reason{i}")));
        assert_eq!(value(&metrics, "helmward_rollbacks_total{reason=\"other\"}"), Some(68.0));
        assert_eq!(metrics.encode().lines().filter(|line| line.starts_with("helmward_rollbacks_total")).count(), 33);
    }

    #[test]
    fn running_work_has_an_age() {
        let metrics = metrics();
        let line = "workqueue_longest_running_processor_seconds{name=\"release\"}";
        let work = metrics.processing("release");
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(20) {
            std::thread::yield_now();
        }
        let _younger = metrics.processing("release");
        assert!(value(&metrics, line).unwrap() >= 0.02);
        drop(work);
        assert!(value(&metrics, line).unwrap() < 0.02);
    }

    #[test]
    fn the_process_is_measured() {
        let metrics = metrics();
        assert!(value(&metrics, "process_resident_memory_bytes").unwrap() > 1e6);
        assert!(value(&metrics, "process_cpu_seconds_total").unwrap() >= 0.0);
        assert!(value(&metrics, "process_open_fds").unwrap() > 0.0);
    }
}
