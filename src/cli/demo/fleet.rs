//! Many more releases for the demo: what anyone can repeat to see how the daemon and its page scale.

use std::fmt::Write;

/// Namespaces that the releases are spread over.
const TEAMS: usize = 20;

/// Manifests of `count` releases of the example's chart.
pub(super) fn manifests(count: usize) -> String {
    let mut out = String::new();
    for team in 0..TEAMS.min(count) {
        let _ = writeln!(out, "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: team-{team:02}");
    }
    for index in 0..count {
        let team = index % TEAMS;
        let _ = write!(
            out,
            "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: {name}\n  namespace: team-{team:02}\nspec:\n  \
             interval: 10m\n  timeout: 5m\n  driftDetection:\n    mode: enabled\n  chart:\n    spec:\n      chart: ./charts/fleet\n      sourceRef:\n        \
             kind: GitRepository\n        name: flux-system\n        namespace: flux-system\n  values:\n    replicas: 1\n    greeting: Hello from {name}\n",
            name = name(index),
        );
    }
    out
}

/// The name of a release.
pub(super) fn name(index: usize) -> String {
    const WORDS: &[&str] = &["cart", "search", "billing", "stock", "mail", "reviews", "login", "images", "prices", "orders"];
    format!("{}-{index:04}", WORDS[index % WORDS.len()])
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_release_is_a_document_with_a_name_of_its_own() {
        let text = super::manifests(45);
        assert_eq!(text.matches("kind: HelmRelease").count(), 45);
        assert_eq!(text.matches("kind: Namespace").count(), 20);
        let names: std::collections::BTreeSet<String> = (0..45).map(super::name).collect();
        assert_eq!(names.len(), 45);
        for document in helmward_chart::yaml::documents(&text) {
            helmward_chart::yaml::from_str(document.text).expect("each document is YAML");
        }
    }
}
