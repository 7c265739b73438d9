//! What one page or one flush of the stream is rendered from: the views, read once, and the time.

use crate::controller::views::{DaemonReport, Views};
use crate::release::report::{Pill, Report, SourceReport};
use crate::release::{UnitKey, UnitKind};
use jiff::Timestamp;
use std::sync::Arc;

/// One reading of the views.
#[derive(Debug, Clone)]
pub(super) struct Data {
    /// All units, by kind, namespace and name.
    pub(super) units: Vec<Arc<Report>>,
    /// All sources.
    pub(super) sources: Vec<Arc<SourceReport>>,
    /// The daemon.
    pub(super) daemon: DaemonReport,
    /// Number of the newest change that is surely in it.
    pub(super) sequence: u64,
    /// The time that ages are counted to.
    pub(super) now: Timestamp,
}

impl Data {
    /// Reads the views. The number is read first: what came in meanwhile is sent once more rather than never.
    pub(super) fn read(views: &Views, now: Timestamp) -> Self {
        let sequence = views.sequence();
        Self { units: views.units(), sources: views.sources(), daemon: views.daemon(), sequence, now }
    }

    /// One unit.
    pub(super) fn unit(&self, key: &UnitKey) -> Option<&Arc<Report>> {
        self.units.binary_search_by(|r| r.key.cmp(key)).ok().and_then(|at| self.units.get(at))
    }

    /// How many units have each status, in the order of [`Pill::ALL`].
    pub(super) fn counts(&self) -> [(Pill, usize); 7] {
        Pill::ALL.map(|pill| (pill, self.units.iter().filter(|r| r.pill == pill).count()))
    }

    /// The units by status (the worst first), namespace and name.
    pub(super) fn by_status(&self) -> Vec<&Arc<Report>> {
        let mut units: Vec<&Arc<Report>> = self.units.iter().collect();
        units.sort_by(|a, b| order(a).cmp(&order(b)));
        units
    }
}

fn order(report: &Report) -> (Pill, &str, &str, UnitKind) {
    (report.pill, &report.key.namespace, &report.key.name, report.key.kind)
}
