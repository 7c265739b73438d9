//! With whose rights a unit acts, and what it may refer to: the lockdown that keeps tenants of one cluster apart, with Flux's flags.

use crate::cluster::{ApiError, Cluster};

/// What the daemon was started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tenancy {
    /// The service account, in its own namespace, as which a unit acts that names none. Without it such a unit has the daemon's rights.
    pub default_service_account: Option<String>,
    /// Whether sources of other namespaces are refused.
    pub no_cross_namespace_refs: bool,
    /// Namespaces that releases may go to: names, with a `*` for any text, and `.` for the object's own. Empty for all.
    pub target_namespaces: Vec<String>,
}

impl Tenancy {
    /// The service account that a unit acts as, where it names `named`. As in Go, an empty name is none.
    #[must_use]
    pub fn account<'a>(&'a self, named: Option<&'a str>) -> Option<&'a str> {
        named.filter(|name| !name.is_empty()).or(self.default_service_account.as_deref())
    }

    /// The cluster with the rights of a unit.
    ///
    /// # Errors
    /// Where the identity is not complete: that must never mean the daemon's own rights.
    pub fn act(&self, cluster: &Cluster, namespace: &str, named: Option<&str>) -> Result<Cluster, ApiError> {
        match self.account(named) {
            Some(account) => cluster.as_service_account(namespace, account),
            None => Ok(cluster.clone()),
        }
    }

    /// Refuses a source of another namespace where that is not allowed. The words are Flux's.
    ///
    /// # Errors
    /// Says which source.
    pub fn may_refer(&self, own: &str, kind: &str, namespace: &str, name: &str) -> Result<(), String> {
        if self.no_cross_namespace_refs && own != namespace {
            return Err(format!(
                "can't access '{kind}/{namespace}/{name}', cross-namespace references have been blocked (--no-cross-namespace-refs); \
                 put the source into namespace {own}"
            ));
        }
        Ok(())
    }

    /// Refuses a release whose objects or records would go to a namespace that is not allowed.
    ///
    /// # Errors
    /// Says which namespace, and which are allowed.
    pub fn may_target(&self, own: &str, target: &str) -> Result<(), String> {
        let allows = |pattern: &String| match pattern.split_once('*') {
            Some((before, after)) => target.len() >= before.len() + after.len() && target.starts_with(before) && target.ends_with(after),
            None if pattern == "." => target == own,
            None => pattern == target,
        };
        if self.target_namespaces.is_empty() || self.target_namespaces.iter().any(allows) {
            return Ok(());
        }
        Err(format!(
            "releases may not go to namespace {target} (--target-namespaces={}); set spec.targetNamespace and spec.storageNamespace to one that is allowed",
            self.target_namespaces.join(",")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_account_comes_before_the_default() {
        let open = Tenancy::default();
        assert_eq!((open.account(None), open.account(Some("")), open.account(Some("a"))), (None, None, Some("a")));
        let locked = Tenancy { default_service_account: Some("default".into()), ..Tenancy::default() };
        assert_eq!(locked.account(None), Some("default"));
        assert_eq!(locked.account(Some("")), Some("default"), "an empty name is no way around the default");
        assert_eq!(locked.account(Some("a")), Some("a"));
    }

    #[test]
    fn releases_go_where_they_may() {
        let tenancy =
            |patterns: &[&str]| Tenancy { target_namespaces: patterns.iter().map(|p| (*p).to_owned()).collect(), ..Tenancy::default() };
        for (patterns, own, target, allowed) in [
            (&[][..], "a", "b", true),
            (&["."], "a", "a", true),
            (&["."], "a", "b", false),
            (&[".", "shop-*"], "a", "shop-front", true),
            (&["shop-*"], "a", "shop", false),
            (&["*-x-*"], "a", "b-x-*", true),
            (&["ab*ba"], "a", "aba", false),
            (&["system"], "a", "system", true),
        ] {
            let answer = tenancy(patterns).may_target(own, target);
            assert_eq!(answer.is_ok(), allowed, "{patterns:?} {own} {target}");
            assert!(answer.err().is_none_or(|words| words.contains(target) && words.contains("--target-namespaces")));
        }
    }

    #[test]
    fn sources_of_others_are_refused_only_where_asked_for() {
        let locked = Tenancy { no_cross_namespace_refs: true, ..Tenancy::default() };
        assert!(locked.may_refer("a", "GitRepository", "a", "repo").is_ok());
        let refused = locked.may_refer("a", "GitRepository", "b", "repo").unwrap_err();
        assert!(refused.starts_with("can't access 'GitRepository/b/repo', cross-namespace references have been blocked"), "{refused}");
        assert!(Tenancy::default().may_refer("a", "GitRepository", "b", "repo").is_ok());
    }
}
