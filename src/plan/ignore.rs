//! Fields and objects that are left alone because somebody said so.

use super::selector::{Matcher, SelectorError, Target};
use crate::object::{Json, Pointer, pointer::PointerError};
use serde::{Deserialize, Serialize};

/// One entry of `spec.driftDetection.ignore` (or a Kustomization's `spec.ignore`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// RFC 6901 pointers; the empty one is the whole object.
    pub paths: Vec<String>,
    /// Which objects; absent for all.
    pub target: Option<Target>,
}

/// Why the rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A path is no pointer.
    #[error("ignore[{0}].paths: {1}")]
    Path(usize, PointerError),
    /// A target cannot be read.
    #[error("ignore[{0}].{1}")]
    Target(usize, SelectorError),
}

/// Rules made ready for use.
#[derive(Debug, Clone, Default)]
pub struct Rules(Vec<(Vec<Pointer>, Option<Matcher>)>);

/// A pointer that a rule has for an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// What is ignored.
    pub pointer: Pointer,
    /// By which rule, for people: ``ignore[0] `/spec/replicas` ``.
    pub rule: String,
}

/// The annotation or label that takes an object of a HelmRelease out of drift detection.
pub const DRIFT_DETECTION: &str = "helm.toolkit.fluxcd.io/driftDetection";

impl Rules {
    /// Compiles rules.
    ///
    /// # Errors
    /// Where a path, an expression or a selector cannot be read; the error names the rule.
    pub fn compile(rules: &[Rule]) -> Result<Self, RuleError> {
        let one = |(n, rule): (usize, &Rule)| {
            let paths: Result<Vec<_>, _> = rule.paths.iter().map(|path| Pointer::parse(path)).collect();
            let target = rule.target.as_ref().map(Matcher::compile).transpose();
            Ok((paths.map_err(|error| RuleError::Path(n, error))?, target.map_err(|error| RuleError::Target(n, error))?))
        };
        rules.iter().enumerate().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// What the rules ignore in this object.
    #[must_use]
    pub fn of(&self, object: &Json) -> Vec<Ignored> {
        let matching = self.0.iter().enumerate().filter(|(_, (_, target))| target.as_ref().is_none_or(|target| target.matches(object)));
        let named = |n: usize, pointer: &Pointer| Ignored { pointer: pointer.clone(), rule: format!("ignore[{n}] `{pointer}`") };
        matching.flat_map(|(n, (paths, _))| paths.iter().map(move |pointer| named(n, pointer))).collect()
    }

    /// Whether the object is left alone as a whole: by a rule, or by its own annotation or label.
    #[must_use]
    pub fn excludes(&self, object: &Json) -> bool {
        is_excluded(object) || self.of(object).iter().any(|ignored| ignored.pointer.is_root())
    }

    /// Takes the ignored fields out of a manifest before it is applied, so that whoever set them keeps them. What
    /// identifies the object stays. Answers what was taken out.
    pub fn strip(&self, manifest: &mut Json) -> Vec<Ignored> {
        let mut ignored = self.of(manifest);
        ignored.retain(|one| !one.pointer.is_root());
        // Items of one list go from the back, or removing one would shift the next.
        ignored.sort_by(|a, b| order(&b.pointer).cmp(&order(&a.pointer)));
        ignored.dedup_by(|a, b| a.pointer == b.pointer);
        let identity = ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"];
        let identity = identity.map(|text| Pointer::from_tokens(text[1..].split('/')));
        let kept: Vec<_> = identity.iter().map(|pointer| pointer.get(manifest).cloned()).collect();
        ignored.retain(|one| one.pointer.remove(manifest).is_some());
        for (pointer, value) in identity.iter().zip(kept) {
            if let Some(value) = value {
                pointer.set(manifest, value);
            }
        }
        ignored.reverse();
        ignored
    }
}

/// Tokens that are numbers compare as numbers.
fn order(pointer: &Pointer) -> Vec<(Option<u64>, &str)> {
    pointer.tokens().iter().map(|token| (token.parse().ok(), token.as_str())).collect()
}

/// Whether the object itself asks to be left out of drift detection.
#[must_use]
pub fn is_excluded(object: &Json) -> bool {
    let asks = |place: &str| object.get("metadata").and_then(|m| m.get(place)?.get(DRIFT_DETECTION)?.as_str()) == Some("disabled");
    asks("annotations") || asks("labels")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn rules(list: &[(&[&str], Option<&str>)]) -> Rules {
        let rule = |(paths, kind): &(&[&str], Option<&str>)| Rule {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            target: kind.map(|kind| Target { kind: Some(kind.to_owned()), ..Target::default() }),
        };
        Rules::compile(&list.iter().map(rule).collect::<Vec<_>>()).expect("valid")
    }

    fn deployment() -> Json {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "annotations": {"a/b": "x"}}, "spec": {"replicas": 3, "l": [0, 1, 2, 3]}})
    }

    #[test]
    fn ignored_fields_are_taken_out() {
        for (list, want, taken) in [
            (rules(&[(&["/spec/replicas", "/spec/absent"], None)]), json!({"l": [0, 1, 2, 3]}), "/spec/replicas"),
            (rules(&[(&["/spec/replicas"], Some("StatefulSet"))]), json!({"replicas": 3, "l": [0, 1, 2, 3]}), ""),
            (rules(&[(&["/spec/l/0", "/spec/l/2"], Some("Deployment"))]), json!({"replicas": 3, "l": [1, 3]}), "/spec/l/0 /spec/l/2"),
            (rules(&[(&[""], None)]), json!({"replicas": 3, "l": [0, 1, 2, 3]}), ""),
            (rules(&[(&["/spec/l"], None), (&["/spec/l"], None)]), json!({"replicas": 3}), "/spec/l"),
        ] {
            let mut object = deployment();
            let got: Vec<_> = list.strip(&mut object).iter().map(|one| one.pointer.to_string()).collect();
            assert_eq!((&object["spec"], got.join(" ").as_str()), (&want, taken));
        }
    }

    #[test]
    fn what_identifies_an_object_stays() {
        let mut object = deployment();
        rules(&[(&["/metadata", "/kind"], None)]).strip(&mut object);
        assert_eq!((&object["metadata"], &object["kind"]), (&json!({"name": "web"}), &json!("Deployment")));
    }

    #[test]
    fn whole_objects_are_excluded() {
        assert!(rules(&[(&[""], Some("Deployment"))]).excludes(&deployment()));
        assert!(!rules(&[(&[""], Some("Job"))]).excludes(&deployment()));
        for place in ["labels", "annotations"] {
            assert!(Rules::default().excludes(&json!({"metadata": {place: {DRIFT_DETECTION: "disabled"}}})));
            assert!(!Rules::default().excludes(&json!({"metadata": {place: {DRIFT_DETECTION: "enabled"}}})));
        }
    }

    #[test]
    fn errors_name_the_rule() {
        let bad = |rule: Rule| Rules::compile(&[Rule::default(), rule]).expect_err("bad").to_string();
        let path = bad(Rule { paths: vec!["spec".into()], target: None });
        assert!(path.starts_with("ignore[1].paths: pointer `spec` must begin with `/`"), "{path}");
        let target = bad(Rule { paths: vec![], target: Some(Target { kind: Some("[".into()), ..Target::default() }) });
        assert!(target.starts_with("ignore[1].target.kind: `[`"), "{target}");
    }

    proptest! {
        #[test]
        fn taking_fields_out_twice_changes_nothing(paths in proptest::collection::vec("(/(spec|replicas|metadata|annotations|l|kind|a~1b)){1,3}", 0..6)) {
            let rules = Rules::compile(&[Rule { paths, target: None }]).expect("valid");
            let mut once = deployment();
            rules.strip(&mut once);
            let mut twice = once.clone();
            rules.strip(&mut twice);
            prop_assert_eq!(once, twice);
        }
    }
}
