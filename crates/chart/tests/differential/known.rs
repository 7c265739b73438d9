//! Differences that are explained and stay: each is in `docs/shortcomings.md`.

use super::case::{Case, Outcome};

/// Whether a difference has one of the known causes.
pub(crate) fn explains(case: &Case, mine: &Outcome, theirs: &Outcome) -> bool {
    let (mine, theirs) = (text(mine), text(theirs));
    let calls = |function: &str| case.main.contains(function) || case.helpers.contains(function);
    // No number of a template is a complex one here.
    mine.contains("complex constants are not supported")
        // TOML is read by a library with words and dates of its own.
        || calls("fromToml") && (theirs.contains("toml: ") || theirs.contains("-local") || calls("2020-01-01") || calls("12:30:00"))
        // Go's `Local` is UTC here, and prints as that.
        || theirs.contains("time.Local") && mine.contains("time.UTC")
        // Structs are written to TOML and by goyaml v3 with their Go names and order: only `.Chart` and `.Capabilities` are structs.
        || (calls("toYamlPretty") || calls("toToml")) && STRUCTS.iter().any(|field| theirs.contains(field))
}

const STRUCTS: [&str; 6] = ["kubeversion:", "apiversions:", "isroot:", "APIVersions = ", "IsRoot = ", "KubeVersion = "];

fn text(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Text(text) | Outcome::Error(text) | Outcome::Panic(text) => text,
    }
}
