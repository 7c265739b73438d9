//! Warnings as Helm 3 logs them: Go's `log` puts file and line of Helm's source before each.

use super::Compat;

/// How each warning starts, and where Helm v3.22.0 writes it.
const PLACES: [(&str, &str); 17] = [
    ("Warning: Dependencies are handled in Chart.yaml", "load.go:120"),
    ("Warning: Dependency locking is handled", "load.go:138"),
    ("Warning: Condition path", "dependencies.go:64"),
    ("Warning: PathValue", "dependencies.go:67"),
    ("Warning: Tag", "dependencies.go:95"),
    ("Warning: ImportValues missing table from chart", "dependencies.go:270"),
    ("Warning: ImportValues missing table:", "dependencies.go:287"),
    ("warning: skipping globals because destination", "coalesce.go:138"),
    ("warning: skipping globals because source", "coalesce.go:145"),
    ("Conflict: cannot merge map", "coalesce.go:161"),
    ("warning: skipped value for", "coalesce.go:237"),
    ("warning: cannot overwrite table", "coalesce.go:316"),
    ("warning: destination for", "coalesce.go:319"),
    ("info: skipping unknown hook", "manifest_sorter.go:199"),
    ("[INFO] Missing required value", "engine.go:206"),
    ("[INFO] Fail", "engine.go:227"),
    ("found symbolic link in path", "walk.go:75"),
];

/// A warning as Helm writes it to stderr.
pub(in crate::cli) fn logged(warning: &str, compat: Compat) -> String {
    if compat == Compat::Helm4 {
        return structured(warning);
    }
    let place = PLACES.iter().find(|(start, _)| warning.starts_with(start)).map(|(_, place)| *place);
    let place = place.or_else(|| match warning {
        text if text.starts_with("key ") && text.ends_with(" is table. Skipping") => Some("coalesce.go:175"),
        _ => None,
    });
    place.map_or_else(|| warning.to_owned(), |place| format!("{place}: {warning}"))
}

/// Helm 4 writes what Helm 3 logs with the attributes of `slog`.
fn structured(warning: &str) -> String {
    match warning.strip_prefix("info: skipping unknown hook: ") {
        Some(hooks) => {
            let bare = hooks.trim_matches('"');
            let plain = !bare.is_empty() && bare.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '=' | '\\'));
            format!("level=INFO msg=\"skipping unknown hooks\" hookTypes={}", if plain { bare } else { hooks })
        }
        None => match warning.strip_prefix("found symbolic link in path: ").and_then(|rest| rest.split_once(" resolves to ")) {
            Some((path, rest)) => {
                let target = rest.strip_suffix(". Contents of linked file included and used").unwrap_or(rest);
                format!(
                    "level=INFO msg=\"found symbolic link in path. Contents of linked file included and used\" path={path} resolved={target}"
                )
            }
            None => format!("level=INFO msg={}", helmward_chart::go::quote::quote(warning)),
        },
    }
}
