//! Which sub-charts take part: conditions, tags, aliases, version ranges.
//!
//! Helm works on its chart objects in place and shares requirement objects between the copies of a chart that is
//! used under two aliases. [`Unit`] has the same sharing, so that such charts come out the same.

use std::cell::{Ref, RefCell};
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};

use super::tree::{self, MapRef, Node, path_value};
use super::{ValuesError, Work, coalesce_values, import};
use crate::chart::{Chart, Dependency};
use crate::go::semver;

/// A chart that takes part in one render: its name may be an alias, its dependencies are those enabled.
#[derive(Debug)]
pub(crate) struct Unit {
    chart: Chart,
    name: RefCell<String>,
    requirements: RefCell<Option<Vec<Rc<RefCell<Dependency>>>>>,
    values: RefCell<Option<MapRef>>,
    deps: RefCell<Vec<Rc<Unit>>>,
    parent: RefCell<Weak<Unit>>,
}

/// Takes out the sub-charts that are not wanted and imports values, as Helm does before it renders.
pub(crate) fn process_dependencies(
    chart: &Chart,
    values: &MapRef,
    work: &mut Work,
    warnings: &mut Vec<String>,
) -> Result<Family, ValuesError> {
    let mut all = Vec::new();
    let root = Unit::new(chart, &mut all);
    Enabler { all: &mut all, work, warnings }.enable(&root, values, "")?;
    import::process(&root, work, warnings)?;
    Ok(Family { root, _all: all })
}

/// The charts of one render.
#[derive(Debug)]
pub(crate) struct Family {
    /// The chart that is rendered.
    pub(crate) root: Rc<Unit>,
    /// Charts that were replaced by copies but are still the parent of some chart live here.
    _all: Vec<Rc<Unit>>,
}

impl Unit {
    fn new(chart: &Chart, all: &mut Vec<Rc<Unit>>) -> Rc<Self> {
        let requirements =
            chart.metadata().dependencies.as_ref().map(|list| list.iter().map(|d| Rc::new(RefCell::new(d.clone()))).collect());
        let unit = Rc::new(Self {
            chart: chart.clone(),
            name: RefCell::new(chart.name().to_owned()),
            requirements: RefCell::new(requirements),
            values: RefCell::new(chart.values().map(tree::from_json_map)),
            deps: RefCell::new(Vec::new()),
            parent: RefCell::new(Weak::new()),
        });
        unit.set_deps(chart.dependencies().iter().map(|c| Self::new(c, all)).collect());
        all.push(Rc::clone(&unit));
        unit
    }

    /// The copy under which a dependency takes part. It shares requirements, values and sub-charts.
    fn copy_as(&self, alias: &str) -> Rc<Self> {
        let name = if alias.is_empty() { self.name() } else { alias.to_owned() };
        Rc::new(Self {
            chart: self.chart.clone(),
            name: RefCell::new(name),
            requirements: self.requirements.clone(),
            values: self.values.clone(),
            deps: self.deps.clone(),
            parent: self.parent.clone(),
        })
    }

    /// The chart that was loaded.
    pub(crate) fn chart(&self) -> &Chart {
        &self.chart
    }

    /// The name under which it takes part.
    pub(crate) fn name(&self) -> String {
        self.name.borrow().clone()
    }

    /// The default values, imported ones included.
    pub(crate) fn values(&self) -> Option<MapRef> {
        self.values.borrow().clone()
    }

    pub(super) fn set_values(&self, values: MapRef) {
        *self.values.borrow_mut() = Some(values);
    }

    /// The sub-charts that take part.
    pub(crate) fn deps(&self) -> Vec<Rc<Unit>> {
        self.deps.borrow().clone()
    }

    /// The declared dependencies that are left.
    pub(crate) fn requirements(&self) -> Ref<'_, Option<Vec<Rc<RefCell<Dependency>>>>> {
        self.requirements.borrow()
    }

    /// Whether nothing is above it.
    pub(crate) fn is_root(&self) -> bool {
        self.parent.borrow().upgrade().is_none()
    }

    /// `parent/charts/child`
    pub(crate) fn full_path(&self) -> String {
        match self.parent.borrow().upgrade() {
            Some(parent) => format!("{}/charts/{}", parent.full_path(), self.name.borrow()),
            None => self.name(),
        }
    }

    /// Calls for this chart and each below it, parents first.
    pub(crate) fn visit(self: &Rc<Self>, call: &mut impl FnMut(&Rc<Unit>)) {
        call(self);
        for dep in self.deps() {
            dep.visit(call);
        }
    }

    fn set_deps(self: &Rc<Self>, deps: Vec<Rc<Unit>>) {
        for dep in &deps {
            *dep.parent.borrow_mut() = Rc::downgrade(self);
        }
        *self.deps.borrow_mut() = deps;
    }

    fn matches(&self, req: &Dependency) -> bool {
        *self.name.borrow() == req.name && in_range(&req.version, &self.chart.metadata().version)
    }
}

/// Whether a version is in a range; anything that does not parse is not.
pub(crate) fn in_range(range: &str, version: &str) -> bool {
    let (Ok(version), Ok(range)) = (semver::Version::parse(version), semver::Constraints::parse(range)) else {
        return false;
    };
    range.check(&version)
}

struct Enabler<'a> {
    all: &'a mut Vec<Rc<Unit>>,
    work: &'a mut Work,
    warnings: &'a mut Vec<String>,
}

impl Enabler<'_> {
    fn enable(&mut self, unit: &Rc<Unit>, values: &MapRef, path: &str) -> Result<(), ValuesError> {
        let Some(requirements) = unit.requirements().clone() else { return Ok(()) };
        let existing = unit.deps();
        let declared = |u: &Rc<Unit>| requirements.iter().any(|r| u.matches(&r.borrow()));
        let mut deps: Vec<Rc<Unit>> = existing.iter().filter(|u| !declared(u)).cloned().collect();
        for req in &requirements {
            let mut req = req.borrow_mut();
            if let Some(found) = existing.iter().find(|u| u.matches(&req)) {
                let copy = found.copy_as(&req.alias);
                self.all.push(Rc::clone(&copy));
                deps.push(copy);
            }
            if !req.alias.is_empty() {
                req.name = req.alias.clone();
            }
        }
        unit.set_deps(deps);
        for req in &requirements {
            req.borrow_mut().enabled = true;
        }
        let combined = coalesce_values(unit, values, self.work, self.warnings)?;
        apply_tags(&requirements, &combined, self.warnings);
        apply_conditions(&requirements, &combined, path, self.warnings);
        let disabled: BTreeSet<String> = requirements.iter().filter(|r| !r.borrow().enabled).map(|r| r.borrow().name.clone()).collect();
        let kept: Vec<Rc<Unit>> = unit.deps().into_iter().filter(|u| !disabled.contains(&u.name())).collect();
        let left: Vec<_> = requirements.iter().filter(|r| !disabled.contains(&r.borrow().name)).cloned().collect();
        for sub in &kept {
            self.enable(sub, &combined, &format!("{path}{}.", sub.name()))?;
        }
        *unit.requirements.borrow_mut() = (!left.is_empty()).then_some(left);
        unit.set_deps(kept);
        Ok(())
    }
}

fn apply_tags(requirements: &[Rc<RefCell<Dependency>>], values: &MapRef, warnings: &mut Vec<String>) {
    let Ok(tags) = tree::table(values, "tags") else { return };
    for req in requirements {
        let mut req = req.borrow_mut();
        let (mut on, mut off) = (false, false);
        for tag in &req.tags {
            match tree::get(&tags, tag) {
                Some(Node::Bool(true)) => on = true,
                Some(Node::Bool(false)) => off = true,
                Some(_) => warnings.push(format!("Warning: Tag '{tag}' for chart {} returned non-bool value", req.name)),
                None => {}
            }
        }
        req.enabled = on || !off;
    }
}

fn apply_conditions(requirements: &[Rc<RefCell<Dependency>>], values: &MapRef, path: &str, warnings: &mut Vec<String>) {
    for req in requirements {
        let mut req = req.borrow_mut();
        let conditions = req.condition.trim().to_owned();
        for condition in conditions.split(',').filter(|c| !c.is_empty()) {
            match path_value(values, &format!("{path}{condition}")) {
                Some(Node::Bool(b)) => {
                    req.enabled = b;
                    break;
                }
                Some(_) => {
                    warnings.push(format!("Warning: Condition path '{condition}' for chart {} returned non-bool value", req.name));
                }
                None => {}
            }
        }
    }
}
