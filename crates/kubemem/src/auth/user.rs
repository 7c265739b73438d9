//! Users as the server knows them: a name, groups, and what their credentials say beside.

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(super) const MASTERS: &str = "system:masters";
pub(super) const AUTHENTICATED: &str = "system:authenticated";
pub(super) const UNAUTHENTICATED: &str = "system:unauthenticated";
pub(super) const ANONYMOUS: &str = "system:anonymous";

/// Somebody who sends requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name that role bindings and messages use.
    pub name: String,
    /// What tells users of the same name apart; often empty.
    pub uid: String,
    /// The groups, `system:authenticated` among them.
    pub groups: Vec<String>,
    /// What else the credentials say.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// An authenticated user with these groups beside `system:authenticated`.
    pub fn named(name: &str, groups: &[&str]) -> User {
        let groups = groups.iter().copied().chain([AUTHENTICATED]).map(str::to_owned).collect();
        User { name: name.to_owned(), groups, ..User::default() }
    }

    /// The user who may do everything.
    pub fn admin() -> User {
        User::named("kubernetes-admin", &[MASTERS])
    }

    /// Whoever shows no credentials.
    pub fn anonymous() -> User {
        User { name: ANONYMOUS.into(), groups: vec![UNAUTHENTICATED.into()], ..User::default() }
    }

    /// A service account.
    pub(super) fn service_account(namespace: &str, name: &str) -> User {
        let groups = ["system:serviceaccounts", &format!("system:serviceaccounts:{namespace}")];
        User::named(&format!("system:serviceaccount:{namespace}:{name}"), &groups)
    }

    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }

    /// Whether no rule binds them.
    pub(crate) fn is_master(&self) -> bool {
        self.is_in(MASTERS)
    }

    /// As reviews show it.
    pub(crate) fn json(&self) -> Value {
        let mut out = json!({"username": self.name, "groups": self.groups});
        if !self.uid.is_empty() {
            out["uid"] = self.uid.as_str().into();
        }
        if !self.extra.is_empty() {
            out["extra"] = json!(self.extra);
        }
        out
    }
}

/// Namespace and name of the service account that a user name stands for.
pub(super) fn service_account(name: &str) -> Option<(&str, &str)> {
    let (namespace, name) = name.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}
