//! GitRepository, and the artifact that every source has.

use super::condition::Condition;
use super::duration::Duration;
use super::meta::{Object, Resource};
use super::names::SOURCE_V1;
use super::reference::LocalRef;
use super::strings::{is_false, words};
use super::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A Git repository to follow.
pub type GitRepository = Object<GitRepositorySpec>;

/// What is wanted of a Git repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GitRepositorySpec {
    /// Where it is.
    pub url: String,
    /// Secret with credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalRef>,
    /// Whose way of authentication is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<GitProvider>,
    /// Account for a workload identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// How often to look.
    pub interval: Duration,
    /// How long one look may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// What to follow in it.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<GitRef>,
    /// Which signatures to check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<GitVerification>,
    /// Secret with a proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalRef>,
    /// Patterns, as in `.gitignore`, of files to leave out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
    /// Whether to stop looking.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// Whether to read submodules.
    #[serde(default, skip_serializing_if = "is_false")]
    pub recurse_submodules: bool,
    /// Other repositories to put into this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<GitInclude>,
    /// Directories to read; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sparse_checkout: Vec<String>,
}

impl Resource for GitRepositorySpec {
    const API_VERSION: &'static str = SOURCE_V1;
    const KIND: &'static str = "GitRepository";
    type Status = GitRepositoryStatus;
}

impl GitRepositorySpec {
    /// The timeout, one minute where absent.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(Duration::from_secs(60))
    }

    /// What to follow, by precedence: commit, name, semver, tag, branch; the branch `master` where nothing is said.
    #[must_use]
    pub fn target(&self) -> GitTarget<'_> {
        fn given(field: Option<&String>) -> Option<&str> {
            field.map(String::as_str).filter(|text| !text.is_empty())
        }
        let Some(reference) = &self.reference else { return GitTarget::Branch("master") };
        let branch = given(reference.branch.as_ref());
        if let Some(commit) = given(reference.commit.as_ref()) {
            GitTarget::Commit { commit, branch }
        } else if let Some(name) = given(reference.name.as_ref()) {
            GitTarget::Name(name)
        } else if let Some(range) = given(reference.semver.as_ref()) {
            GitTarget::Semver(range)
        } else if let Some(tag) = given(reference.tag.as_ref()) {
            GitTarget::Tag(tag)
        } else {
            GitTarget::Branch(branch.unwrap_or("master"))
        }
    }
}

/// What to follow, as the spec writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GitRef {
    /// A branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// A tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The highest tag in a range of versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// A full reference, such as `refs/pull/4/head`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// What to follow, after precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitTarget<'a> {
    /// One commit; a branch says where it may be found.
    Commit {
        /// The commit's id.
        commit: &'a str,
        /// The branch that has it.
        branch: Option<&'a str>,
    },
    /// A full reference.
    Name(&'a str),
    /// The highest tag in a range of versions.
    Semver(&'a str),
    /// A tag.
    Tag(&'a str),
    /// A branch.
    Branch(&'a str),
}

words! {
    /// Whose way of authentication is used.
    pub enum GitProvider {
        /// What the Secret says.
        Generic = "generic",
        /// AWS CodeCommit.
        Aws = "aws",
        /// Azure DevOps.
        Azure = "azure",
        /// A GitHub App.
        Github = "github",
    }
}

/// Which signatures to check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GitVerification {
    /// Of what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<GitVerificationMode>,
    /// Secret with the trusted keys.
    pub secret_ref: LocalRef,
}

words! {
    /// Whose signature is checked.
    pub enum GitVerificationMode {
        /// The commit's; the older spelling.
        HeadLower = "head",
        /// The commit's.
        Head = "HEAD",
        /// The tag's.
        Tag = "Tag",
        /// Both.
        TagAndHead = "TagAndHEAD",
    }
}

/// Another repository inside this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GitInclude {
    /// Which one.
    pub repository: LocalRef,
    /// What of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_path: Option<String>,
    /// Where to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_path: Option<String>,
}

/// What was seen of a Git repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitRepositoryStatus {
    /// The generation that was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The last tree that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// The artifacts of the included repositories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_artifacts: Vec<Artifact>,
    /// `spec.ignore` of the artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_ignore: Option<String>,
    /// `spec.recurseSubmodules` of the artifact.
    #[serde(skip_serializing_if = "is_false")]
    pub observed_recurse_submodules: bool,
    /// `spec.include` of the artifact.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observed_include: Vec<GitInclude>,
    /// `spec.sparseCheckout` of the artifact.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observed_sparse_checkout: Vec<String>,
    /// How the signature was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_verification_mode: Option<String>,
    /// The last request that was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

/// One version of a source's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Path below the artifact server's root.
    pub path: String,
    /// Where others can get it.
    pub url: String,
    /// `main@sha1:…`.
    pub revision: String,
    /// Digest of the content.
    pub digest: String,
    /// When it was read.
    pub last_update_time: Time,
    /// Size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// Further facts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn commit_goes_before_name_before_semver_before_tag_before_branch() {
        for (reference, expect) in [
            (json!({}), GitTarget::Branch("master")),
            (json!({"branch": "main"}), GitTarget::Branch("main")),
            (json!({"branch": "main", "tag": "v1"}), GitTarget::Tag("v1")),
            (json!({"tag": "v1", "semver": ">=1"}), GitTarget::Semver(">=1")),
            (json!({"semver": ">=1", "name": "refs/pull/4/head"}), GitTarget::Name("refs/pull/4/head")),
            (json!({"name": "refs/x", "commit": "abc", "branch": "main"}), GitTarget::Commit { commit: "abc", branch: Some("main") }),
            (json!({"commit": "", "branch": "main"}), GitTarget::Branch("main")),
        ] {
            let spec: GitRepositorySpec =
                serde_json::from_value(json!({"url": "https://h/r", "interval": "1m", "ref": reference})).expect("a spec");
            assert_eq!(spec.target(), expect);
        }
    }
}
