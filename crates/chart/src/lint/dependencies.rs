//! What `Chart.yaml` declares against what `charts/` holds (`rules.Dependencies`).

use super::{Findings, Input, Severity};

pub(super) fn check(input: &Input<'_>, found: &mut Findings, log: &mut Vec<String>) {
    log.extend_from_slice(input.loading);
    let chart = match input.chart {
        Ok(chart) => chart,
        Err(why) => {
            found.rule(Severity::Error, "", Err(format!("unable to load chart\n\t{why}")));
            return;
        }
    };
    let declared = chart.metadata().dependencies.as_deref().unwrap_or_default();
    let held: Vec<&str> = chart.dependencies().iter().map(|dependency| dependency.name()).collect();
    let undeclared: Vec<&str> = held.iter().copied().filter(|name| declared.iter().all(|d| d.name != *name)).collect();
    found.rule(Severity::Error, input.directory, none("chart metadata is missing these dependencies", &undeclared));
    let key = |i: usize| if declared[i].alias.is_empty() { &*declared[i].name } else { &*declared[i].alias };
    let twice: Vec<&str> = (0..declared.len()).filter(|&i| (0..i).any(|j| key(j) == key(i))).map(key).collect();
    found.rule(Severity::Error, input.directory, none("multiple dependencies with name or alias", &twice));
    let missing: Vec<&str> = declared.iter().map(|d| &*d.name).filter(|name| !held.contains(name)).collect();
    found.rule(Severity::Warning, input.directory, none("chart directory is missing these dependencies", &missing));
}

fn none(what: &str, names: &[&str]) -> Result<(), String> {
    if names.is_empty() { Ok(()) } else { Err(format!("{what}: {}", names.join(","))) }
}
