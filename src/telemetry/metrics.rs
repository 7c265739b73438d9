//! Every metric, behind typed methods. Names and labels are those that Flux's dashboards and alerts read, and our own.
//!
//! Labels are bounded: by the objects that exist ([`Metrics::forget`] takes those of an object away) or by small enums.

use super::process::ProcessCollector;
use crate::object::ObjectId;
use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets_range},
    },
    registry::Registry,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::{Duration, Instant},
};

/// Labels, in order; empty ones are left out, which means the same.
type Labels = Vec<(&'static str, String)>;

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

/// Why a rollback happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RollbackReason {
    /// The API server refused an object.
    Apply,
    /// Something did not become healthy.
    Health,
    /// The time was over.
    Timeout,
    /// A hook failed.
    Hook,
    /// A test failed.
    Test,
    /// A person asked for it.
    Manual,
}

impl RollbackReason {
    fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Health => "health",
            Self::Timeout => "timeout",
            Self::Hook => "hook",
            Self::Test => "test",
            Self::Manual => "manual",
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
    /// Name of the chart's reference.
    pub chart_ref_name: String,
    /// Name of the chart's source.
    pub chart_source_name: String,
}

/// A release as `helmward_release_info` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseInfo {
    /// Chart.
    pub chart: String,
    /// Version of the chart.
    pub version: String,
    /// Revision number.
    pub revision: String,
    /// Status word.
    pub status: String,
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
    requests: Family<Labels, Counter>,
    leader: Family<Labels, Gauge>,
    release_info: Family<Labels, Gauge>,
    drift_fields: Family<Labels, Gauge>,
    drift_detected: Family<Labels, Counter>,
    rollbacks: Family<Labels, Counter>,
    commit_to_ready: Histogram,
    sse_clients: Gauge,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The info labels of each object, so that they can be replaced.
    resources: HashMap<ObjectId, Labels>,
    releases: HashMap<ObjectId, Labels>,
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

impl Metrics {
    /// A registry of its own.
    #[must_use]
    pub fn new(build: BuildInfo<'_>) -> Self {
        let mut registry = Registry::default();
        let reconcile_duration = Family::new_with_constructor(reconcile_buckets as fn() -> Histogram);
        let reconcile_time = Family::new_with_constructor(time_buckets as fn() -> Histogram);
        let commit_to_ready = Histogram::new([0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0]);
        let (resource_info, release_info, drift_fields) = (Family::default(), Family::default(), Family::default());
        let (reconcile_total, reconcile_errors, requests) = (Family::default(), Family::default(), Family::default());
        let (drift_detected, rollbacks, leader, longest_running) =
            (Family::default(), Family::default(), Family::default(), Family::default());
        let (sse_clients, build_info) = (Gauge::default(), Family::<Labels, Gauge>::default());
        build_info.get_or_create(&labels([("version", build.version.into()), ("revision", build.revision.into())])).set(1);

        // the text format adds `_total` to counters and a full stop to helps
        registry.register("gotk_reconcile_duration_seconds", "Time that a reconcile of an object took", reconcile_duration.clone());
        registry.register("gotk_resource_info", "State of an object", resource_info.clone());
        registry.register("controller_runtime_reconcile", "Reconciles by controller and result", reconcile_total.clone());
        registry.register("controller_runtime_reconcile_errors", "Failed reconciles by controller", reconcile_errors.clone());
        registry.register("controller_runtime_reconcile_time_seconds", "Time per reconcile by controller", reconcile_time.clone());
        registry.register("workqueue_longest_running_processor_seconds", "Age of the oldest running work", longest_running.clone());
        registry.register("rest_client_requests", "Requests to the Kubernetes API by status code", requests.clone());
        registry.register("leader_election_master_status", "1 where this process may write", leader.clone());
        registry.register("helmward_release_info", "What each release runs", release_info.clone());
        registry.register("helmward_drift_fields", "Fields that differ from the source now", drift_fields.clone());
        registry.register("helmward_drift_detected", "Times that drift was detected", drift_detected.clone());
        registry.register("helmward_rollbacks", "Rollbacks by reason", rollbacks.clone());
        registry.register("helmward_commit_to_ready_seconds", "Time from a commit to its readiness", commit_to_ready.clone());
        registry.register("helmward_sse_clients", "Open pages", sse_clients.clone());
        registry.register("helmward_build_info", "Version of this program", build_info);
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
            leader,
            release_info,
            drift_fields,
            drift_detected,
            rollbacks,
            commit_to_ready,
            sse_clients,
            state: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A reconcile ended. `controller` is the name of the loop.
    pub fn reconciled(&self, controller: &'static str, object: &ObjectId, result: ReconcileResult, took: Duration) {
        let (inner, seconds) = (&self.inner, took.as_secs_f64());
        inner.reconcile_duration.get_or_create(&of_object(object)).observe(seconds);
        let controller = ("controller", controller.to_owned());
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
            ("chart_ref_name", info.chart_ref_name.clone()),
            ("chart_source_name", info.chart_source_name.clone()),
        ]);
        replace(&self.inner.resource_info, &mut self.state().resources, object, new);
    }

    /// What a release runs, replacing what was said of it before.
    pub fn release(&self, object: &ObjectId, info: &ReleaseInfo) {
        let mut new = of_object(object);
        new.extend(labels([
            ("chart", info.chart.clone()),
            ("version", info.version.clone()),
            ("revision", info.revision.clone()),
            ("status", info.status.clone()),
        ]));
        replace(&self.inner.release_info, &mut self.state().releases, object, new);
    }

    /// How many fields of an object's unit differ now.
    pub fn drift(&self, object: &ObjectId, class: DriftClass, fields: usize) {
        let gauge = self.inner.drift_fields.get_or_create_owned(&of_drift(object, class));
        gauge.set(i64::try_from(fields).unwrap_or(i64::MAX));
    }

    /// Drift was detected in an object's unit.
    pub fn drift_detected(&self, object: &ObjectId) {
        self.inner.drift_detected.get_or_create(&of_object(object)).inc();
    }

    /// A rollback happened.
    pub fn rolled_back(&self, reason: RollbackReason) {
        self.inner.rollbacks.get_or_create(&labels([("reason", reason.name().into())])).inc();
    }

    /// A commit became ready.
    pub fn commit_ready(&self, after: Duration) {
        self.inner.commit_to_ready.observe(after.as_secs_f64());
    }

    /// The Kubernetes API answered; 0 where it did not.
    pub fn request(&self, method: &str, code: u16) {
        let method = match method {
            "GET" | "POST" | "PUT" | "PATCH" | "DELETE" => method,
            _ => "other",
        };
        let code = if code == 0 { "<error>".to_owned() } else { code.to_string() };
        self.inner.requests.get_or_create(&labels([("code", code), ("method", method.into())])).inc();
    }

    /// Totals of requests that somebody else counts, by method and status code.
    pub fn requests(&self, totals: impl IntoIterator<Item = (String, String, u64)>) {
        for (method, code, total) in totals {
            let counter = self.inner.requests.get_or_create(&labels([("code", code), ("method", method)])).clone();
            counter.inner().store(total, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Whether this process holds the Lease of that name.
    pub fn leader(&self, lease: &str, is_leader: bool) {
        self.inner.leader.get_or_create(&labels([("name", lease.into())])).set(i64::from(is_leader));
    }

    /// A page was opened; it is closed when the guard is dropped.
    #[must_use]
    pub fn sse_client(&self) -> SseClient {
        self.inner.sse_clients.inc();
        SseClient { gauge: self.inner.sse_clients.clone() }
    }

    /// Takes away everything about an object that is gone.
    pub fn forget(&self, object: &ObjectId) {
        let (inner, mut state, plain) = (&self.inner, self.state(), of_object(object));
        if let Some(old) = state.resources.remove(object) {
            inner.resource_info.remove(&old);
        }
        if let Some(old) = state.releases.remove(object) {
            inner.release_info.remove(&old);
        }
        inner.reconcile_duration.remove(&plain);
        inner.drift_detected.remove(&plain);
        for class in DriftClass::ALL {
            inner.drift_fields.remove(&of_drift(object, class));
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

fn of_object(object: &ObjectId) -> Labels {
    labels([("kind", object.kind.clone()), ("name", object.name.clone()), ("namespace", object.namespace.clone())])
}

fn of_drift(object: &ObjectId, class: DriftClass) -> Labels {
    let mut labels = of_object(object);
    labels.push(("class", class.name().into()));
    labels
}

/// Sets the one line that an object has in a family.
fn replace(family: &Family<Labels, Gauge>, known: &mut HashMap<ObjectId, Labels>, object: &ObjectId, new: Labels) {
    if known.get(object) == Some(&new) {
        return;
    }
    family.get_or_create(&new).set(1);
    if let Some(old) = known.insert(object.clone(), new) {
        family.remove(&old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> ObjectId {
        ObjectId::new("helm.toolkit.fluxcd.io", "HelmRelease", "shop", "web")
    }

    fn metrics() -> Metrics {
        Metrics::new(BuildInfo { version: "1.2.3", revision: "" })
    }

    /// The value of a line that begins with a text.
    fn value(metrics: &Metrics, line: &str) -> Option<f64> {
        metrics.encode().lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' ')?.parse().ok())
    }

    #[test]
    fn dashboards_find_their_metrics() {
        let metrics = metrics();
        metrics.reconciled("helmrelease", &web(), ReconcileResult::Success, Duration::from_millis(300));
        metrics.reconciled("helmrelease", &web(), ReconcileResult::Error, Duration::from_secs(3));
        metrics.request("PATCH", 200);
        metrics.request("BREW", 0);
        metrics.leader("helmward", true);
        metrics.rolled_back(RollbackReason::Health);
        metrics.commit_ready(Duration::from_secs(2));
        metrics.drift(&web(), DriftClass::Changed, 2);
        metrics.drift_detected(&web());
        let page = metrics.sse_client();
        for (line, want) in [
            ("gotk_reconcile_duration_seconds_count{kind=\"HelmRelease\",name=\"web\",namespace=\"shop\"}", 2.0),
            ("controller_runtime_reconcile_total{controller=\"helmrelease\",result=\"success\"}", 1.0),
            ("controller_runtime_reconcile_errors_total{controller=\"helmrelease\"}", 1.0),
            ("controller_runtime_reconcile_time_seconds_count{controller=\"helmrelease\"}", 2.0),
            ("rest_client_requests_total{code=\"200\",method=\"PATCH\"}", 1.0),
            ("rest_client_requests_total{code=\"<error>\",method=\"other\"}", 1.0),
            ("leader_election_master_status{name=\"helmward\"}", 1.0),
            ("helmward_rollbacks_total{reason=\"health\"}", 1.0),
            ("helmward_commit_to_ready_seconds_count", 1.0),
            ("helmward_drift_fields{kind=\"HelmRelease\",name=\"web\",namespace=\"shop\",class=\"changed\"}", 2.0),
            ("helmward_drift_detected_total{kind=\"HelmRelease\",name=\"web\",namespace=\"shop\"}", 1.0),
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
    fn objects_have_one_line_and_go() {
        let metrics = metrics();
        let mut info = ResourceInfo { version: "v2".into(), ready: "False".into(), ..ResourceInfo::default() };
        metrics.resource(&web(), &info);
        info.ready = "True".into();
        info.suspended = true;
        metrics.resource(&web(), &info);
        metrics.resource(&web(), &info);
        metrics.release(&web(), &ReleaseInfo { chart: "web".into(), ..ReleaseInfo::default() });
        metrics.drift(&web(), DriftClass::Extra, 1);
        metrics.reconciled("helmrelease", &web(), ReconcileResult::Success, Duration::ZERO);
        let lines = |metrics: &Metrics| metrics.encode().lines().filter(|l| l.contains("web") && !l.contains("_bucket")).count();
        let line = "gotk_resource_info{customresource_group=\"helm.toolkit.fluxcd.io\",customresource_kind=\"HelmRelease\",\
                    customresource_version=\"v2\",exported_namespace=\"shop\",name=\"web\",ready=\"True\",suspended=\"true\"}";
        assert_eq!(value(&metrics, line), Some(1.0), "{}", metrics.encode());
        assert_eq!(lines(&metrics), 5);
        metrics.forget(&web());
        assert_eq!(lines(&metrics), 0);
    }

    #[test]
    fn running_work_has_an_age() {
        let metrics = metrics();
        let line = "workqueue_longest_running_processor_seconds{name=\"release\"}";
        let work = metrics.processing("release");
        std::thread::sleep(Duration::from_millis(20));
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
