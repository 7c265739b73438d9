//! The objects of a unit as a tree by kind; what is not healthy comes first and is open, the rest is folded.

use crate::health::HealthState;
use crate::object::ObjectId;
use crate::release::report::{ObjectReport, Pill, Report};
use crate::web::mark;
use maud::{Markup, html};
use std::collections::{BTreeMap, HashMap};

/// Objects shown per kind.
const MOST: usize = 200;
/// A folded group needs at least this many; fewer are simply shown.
const FOLD: usize = 6;

/// The tab.
pub(in crate::web) fn tab(report: &Report) -> Markup {
    let known: std::collections::HashSet<&ObjectId> = report.objects.iter().map(|o| &o.id).collect();
    let mut children: HashMap<&ObjectId, Vec<&ObjectReport>> = HashMap::new();
    let mut kinds: BTreeMap<(&str, &str), Vec<&ObjectReport>> = BTreeMap::new();
    for object in &report.objects {
        match object.owner.as_ref().filter(|owner| known.contains(owner) && **owner != object.id) {
            Some(owner) => children.entry(owner).or_default().push(object),
            None => kinds.entry((&object.id.kind, &object.id.group)).or_default().push(object),
        }
    }
    let tree = Tree { children };
    let mut groups: Vec<_> =
        kinds.into_iter().map(|(kind, objects)| (objects.iter().map(|o| tree.worst(o, 0)).max(), kind, objects)).collect();
    groups.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    html! {
        section {
            h2 class="hidden" { "Objects" }
            @if report.objects.is_empty() { p class="dim" { "Nothing of it is in the cluster." } }
            @for (worst, (kind, group), objects) in &groups { (tree.group(*worst, kind, group, objects)) }
        }
    }
}

struct Tree<'a> {
    children: HashMap<&'a ObjectId, Vec<&'a ObjectReport>>,
}

/// Owners that form a ring, or a chain longer than Kubernetes makes, end here.
const DEEPEST: usize = 8;

impl Tree<'_> {
    /// The worst health in the tree below an object; objects without one are well.
    fn worst(&self, object: &ObjectReport, depth: usize) -> HealthState {
        let own = object.health.as_ref().map_or(HealthState::Current, |h| h.state);
        let below = self.children.get(&object.id).filter(|_| depth < DEEPEST);
        below.into_iter().flatten().map(|child| self.worst(child, depth + 1)).max().unwrap_or(own).max(own)
    }

    fn group(&self, worst: Option<HealthState>, kind: &str, group: &str, objects: &[&ObjectReport]) -> Markup {
        let well = worst.is_none_or(|w| w == HealthState::Current);
        let unwell = objects.iter().filter(|o| self.worst(o, 0) != HealthState::Current).count();
        let judged = objects.iter().any(|o| o.health.is_some());
        let mut sorted = objects.to_vec();
        sorted.sort_by(|a, b| self.worst(b, 0).cmp(&self.worst(a, 0)).then_with(|| a.id.cmp(&b.id)));
        html! {
            details id={ "kind/" (kind) "." (group) } class="kind" open[!well || objects.len() < FOLD] {
                summary {
                    strong { (kind) } " " span class="count" { (objects.len()) }
                    @if !group.is_empty() { " " span class="dim mono" { (group) } }
                    @if well && judged && objects.len() > 1 { " " (mark::pill(Pill::Ready, "all healthy")) }
                    @if !well { " " (mark::pill(Pill::Failed, &format!("{unwell} not healthy"))) }
                }
                ul class="tree" { @for object in sorted.iter().take(MOST) { (self.node(object, 0)) } }
                @if objects.len() > MOST { p class="more dim" { "and " (objects.len() - MOST) " more" } }
            }
        }
    }

    fn node(&self, object: &ObjectReport, depth: usize) -> Markup {
        let below = self.children.get(&object.id).filter(|_| depth < DEEPEST);
        html! {
            li {
                span class="node" {
                    @if depth > 0 { span class="chip" { (object.id.kind) } }
                    code { @if !object.id.namespace.is_empty() { span class="dim" { (object.id.namespace) "/" } } (object.id.name) }
                    @if let Some(health) = &object.health {
                        @let (like, word) = mark::health(health.state);
                        (mark::pill(like, word))
                        @if health.state != HealthState::Current {
                            span { @if !health.reason.is_empty() { strong { (health.reason) } " " } (health.message) }
                        } @else { span class="dim" { (health.message) } }
                    }
                }
                @if let Some(below) = below {
                    ul { @for child in below.iter().take(MOST) { (self.node(child, depth + 1)) } }
                }
            }
        }
    }
}
