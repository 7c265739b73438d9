//! Which objects are meant: kinds by the names that kubectl and Flux's users know, `KIND NAME`, `KIND/NAME`, `NAMESPACE/NAME`.

use super::failure::Failure;
use crate::api::kinds::{ALL, Kind};

/// Every kind, in one place that lives as long as the program.
static KINDS: [Kind; ALL.len()] = ALL;

/// Short names, beside the kind itself and its plural.
const ALIASES: &[(&str, &[&str])] = &[
    ("HelmRelease", &["hr", "release", "releases"]),
    ("Kustomization", &["ks"]),
    ("GitRepository", &["gitrepo", "git"]),
    ("HelmRepository", &["helmrepo", "helm"]),
    ("OCIRepository", &["ocirepo", "oci"]),
    ("HelmChart", &["hc", "chart"]),
];

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) kind: &'static Kind,
    /// Where the argument named one.
    pub(super) namespace: Option<String>,
    pub(super) name: String,
}

/// Kinds, and names where some are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) kinds: Vec<&'static Kind>,
    pub(super) names: Vec<String>,
    /// Whether the kinds were named one by one, so that one that the cluster lacks is an error.
    pub(super) exact: bool,
}

/// A kind by its name.
pub(super) fn kind(word: &str) -> Option<&'static Kind> {
    let word = word.to_lowercase();
    // kubectl also takes `helmreleases.helm.toolkit.fluxcd.io` and `helmreleases.v2.helm.toolkit.fluxcd.io`
    let short = word.split('.').next().unwrap_or(&word);
    let alias = ALIASES.iter().find(|(_, names)| names.contains(&short)).map(|(kind, _)| *kind);
    KINDS.iter().find(|k| alias == Some(k.kind) || k.plural == short || k.kind.to_lowercase() == short)
}

/// A kind that must be there by its name.
pub(super) fn known(word: &str) -> Result<&'static Kind, Failure> {
    kind(word).ok_or_else(|| {
        let all: Vec<&str> = KINDS.iter().map(|k| k.plural).collect();
        Failure::error(format!("{word:?} is no kind")).hint(format!("kinds are hr, ks, gitrepo, sources, all, {}", all.join(", ")))
    })
}

/// The kind that a word of Flux's command line means after `source`.
fn source(word: &str) -> Option<&'static Kind> {
    kind(word).filter(|k| k.group == crate::api::names::SOURCE_GROUP)
}

/// Reads `KIND NAME`, `KIND/NAME`, `source git NAME` or a bare NAME, which is one of `default`.
pub(super) fn one(words: &[String], default: &str) -> Result<Target, Failure> {
    let target = |kind: &'static Kind, name: &str| match name.split_once('/') {
        Some((namespace, name)) => Target { kind, namespace: Some(namespace.to_owned()), name: name.to_owned() },
        None => Target { kind, namespace: None, name: name.to_owned() },
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [word] if matches!(word, "source" | "sources") || kind(word).is_some() && !word.contains('/') => {
            Err(Failure::error(format!("{word} is a kind, and a name is missing"))
                .hint(format!("write `{word} NAME`; `helmward get {word}` shows the names")))
        }
        [word] => match word.split_once('/').and_then(|(first, rest)| Some((kind(first)?, rest))) {
            Some((kind, name)) => Ok(target(kind, name)),
            None => Ok(target(known(default)?, word)),
        },
        ["source" | "sources", word, name] if source(word).is_some() => Ok(target(known(word)?, name)),
        [word, name] => Ok(target(known(word)?, name)),
        [] => Err(Failure::error("a name is missing").hint("write `[KIND] NAME`, such as `hr web`")),
        _ => Err(Failure::error(format!("{:?} is more than one name", words.join(" "))).hint("write `[KIND] NAME`, such as `hr web`")),
    }
}

/// Reads what `get` is asked for: nothing, `all`, `sources`, kinds joined by commas, with names behind them.
pub(super) fn many(words: &[String]) -> Result<Query, Failure> {
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    let served = || KINDS.iter().filter(|k| k.served).collect::<Vec<_>>();
    let sources = || KINDS.iter().filter(|k| k.group == crate::api::names::SOURCE_GROUP).collect::<Vec<_>>();
    let list = |kinds, words: &[&str]| {
        if words.is_empty() {
            Ok(Query { kinds, names: Vec::new(), exact: false })
        } else {
            Err(Failure::error(format!("a name ({}) needs one kind", words.join(" "))).hint("write `KIND NAME`, such as `hr web`"))
        }
    };
    match words[..] {
        [] => return list(served(), &[]),
        ["all", ref rest @ ..] => return list(served(), rest),
        ["source" | "sources", word, ..] if source(word).is_some() => _ = words.remove(0),
        ["source" | "sources", "all", ref rest @ ..] | ["source" | "sources", ref rest @ ..] => return list(sources(), rest),
        _ => {}
    }
    if let Some((first, name)) = words[0].split_once('/') {
        let kind = known(first)?;
        let mut names = vec![name.to_owned()];
        for word in &words[1..] {
            match word.split_once('/') {
                Some((other, name)) if known(other)? == kind => names.push(name.to_owned()),
                _ => {
                    return Err(
                        Failure::error(format!("{word:?} is of another kind than {first}/{name}")).hint("ask for one kind at a time")
                    );
                }
            }
        }
        return Ok(Query { kinds: vec![kind], names, exact: true });
    }
    let kinds = words[0].split(',').filter(|word| !word.is_empty()).map(known).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = words[1..].iter().map(|&name| name.to_owned()).collect();
    if !names.is_empty() && kinds.len() != 1 {
        return list(kinds, &words[1..]);
    }
    Ok(Query { kinds, names, exact: true })
}

/// How kubectl's `-o name` calls an object.
pub(super) fn full_name(kind: &Kind, name: &str) -> String {
    format!("{}.{}/{name}", kind.kind.to_lowercase(), kind.group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn one_object_is_named_in_many_ways() {
        for (text, want) in [
            ("web", "HelmRelease - web"),
            ("hr web", "HelmRelease - web"),
            ("hr/web", "HelmRelease - web"),
            ("shop/web", "HelmRelease shop web"),
            ("ks shop/web", "Kustomization shop web"),
            ("ks/shop/web", "Kustomization shop web"),
            ("kustomization apps", "Kustomization - apps"),
            ("HelmReleases web", "HelmRelease - web"),
            ("helmreleases.helm.toolkit.fluxcd.io web", "HelmRelease - web"),
            ("source git flux-system", "GitRepository - flux-system"),
            ("gitrepo flux-system", "GitRepository - flux-system"),
            ("sources oci x", "OCIRepository - x"),
        ] {
            let target = one(&words(text), "hr").expect(text);
            let got = format!("{} {} {}", target.kind.kind, target.namespace.as_deref().unwrap_or("-"), target.name);
            assert_eq!(got, want, "{text}");
        }
        for (text, want) in [
            ("", "a name is missing"),
            ("ks", "a name is missing"),
            ("source", "a name is missing"),
            ("pod web", "\"pod\" is no kind"),
            ("hr web x", "more than one name"),
        ] {
            let error = one(&words(text), "hr").expect_err(text);
            assert!(error.message.contains(want) && error.hint.is_some(), "{text}: {error:?}");
        }
    }

    #[test]
    fn lists_are_asked_for_in_many_ways() {
        for (text, kinds, names) in [
            ("", "GitRepository HelmRelease Kustomization", ""),
            ("all", "GitRepository HelmRelease Kustomization", ""),
            ("hr", "HelmRelease", ""),
            ("hr,ks", "HelmRelease Kustomization", ""),
            ("hr a b", "HelmRelease", "a b"),
            ("hr/a hr/b", "HelmRelease", "a b"),
            ("sources git", "GitRepository", ""),
            ("source git a", "GitRepository", "a"),
            ("sources", "GitRepository HelmRepository HelmChart OCIRepository Bucket ExternalArtifact", ""),
            ("sources all", "GitRepository HelmRepository HelmChart OCIRepository Bucket ExternalArtifact", ""),
        ] {
            let query = many(&words(text)).expect(text);
            let got: Vec<&str> = query.kinds.iter().map(|k| k.kind).collect();
            assert_eq!((got.join(" ").as_str(), query.names.join(" ").as_str()), (kinds, names), "{text}");
        }
        for text in ["web", "hr,ks web", "all web", "hr/a ks/b", "pods"] {
            assert!(many(&words(text)).expect_err(text).hint.is_some());
        }
    }
}
