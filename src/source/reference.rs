//! Which commit of a repository is wanted, and how it is chosen from the references that a server advertises.

use super::{Oid, Revision, VersionRange, VersionRangeError};
use std::fmt;

/// A checkout strategy, with Flux's precedence already applied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GitRef {
    /// Whatever the server's HEAD points to.
    Head,
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// The highest tag in a version range.
    Semver(String),
    /// Any full reference name, such as `refs/pull/1/head`.
    Name(String),
    /// One commit; the branch, if given, only names it.
    Commit {
        /// The commit.
        id: Oid,
        /// The branch on which it is said to be.
        branch: Option<String>,
    },
}

/// `spec.ref` as an object gives it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RefFields<'a> {
    /// Branch.
    pub branch: Option<&'a str>,
    /// Tag.
    pub tag: Option<&'a str>,
    /// Version range over tags.
    pub semver: Option<&'a str>,
    /// Full reference name.
    pub name: Option<&'a str>,
    /// Commit id.
    pub commit: Option<&'a str>,
}

/// The branch that an object without `spec.ref` means.
const DEFAULT_BRANCH: &str = "master";

/// One advertised reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRef {
    /// Full name.
    pub name: String,
    /// What it points to, annotated tags peeled.
    pub id: Oid,
    /// For symbolic references: the name that they point to.
    pub target: Option<String>,
}

/// A commit chosen from the advertisement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The commit.
    pub commit: Oid,
    /// The reference that led to it.
    pub reference: Option<String>,
    /// The revision string.
    pub revision: Revision,
}

/// A reference that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefError {
    /// The name breaks Git's rules.
    #[error("{what} {name:?} is no valid name of a Git reference")]
    BadName {
        /// Branch, tag or reference.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The commit is abbreviated or no commit id.
    #[error("commit {0:?} is no full commit id (40 hexadecimal digits)")]
    BadCommit(String),
    /// The version range cannot be read.
    #[error(transparent)]
    BadRange(#[from] VersionRangeError),
    /// The repository has no such reference.
    #[error("{wanted} does not exist{}", known(existing))]
    NotFound {
        /// What was looked for.
        wanted: String,
        /// Names of the same sort that do exist, nearest first.
        existing: Vec<String>,
    },
    /// The repository has no commits yet.
    #[error("the repository has no commits")]
    Empty,
}

fn known(existing: &[String]) -> String {
    if existing.is_empty() { String::new() } else { format!("; the repository has {}", existing.join(", ")) }
}

impl GitRef {
    /// Applies the precedence commit, name, semver, tag, branch; empty fields do not count. Without any, the branch `master`.
    ///
    /// # Errors
    /// The field that decides holds no valid name, range or commit.
    pub fn from_fields(fields: RefFields<'_>) -> Result<Self, RefError> {
        let given = |field: Option<&str>| field.filter(|text| !text.is_empty()).map(ToOwned::to_owned);
        let branch = || given(fields.branch).map(|name| check_name("branch", "refs/heads/", name)).transpose();
        if let Some(commit) = given(fields.commit) {
            let id = Oid::from_hex(&commit).ok_or(RefError::BadCommit(commit))?;
            return Ok(Self::Commit { id, branch: branch()? });
        }
        if let Some(name) = given(fields.name) {
            return Ok(Self::Name(check_name("reference", "", name)?));
        }
        if let Some(range) = given(fields.semver) {
            VersionRange::parse(&range)?;
            return Ok(Self::Semver(range));
        }
        if let Some(tag) = given(fields.tag) {
            return Ok(Self::Tag(check_name("tag", "refs/tags/", tag)?));
        }
        Ok(Self::Branch(branch()?.unwrap_or_else(|| DEFAULT_BRANCH.into())))
    }

    /// The prefixes to ask a server for; empty where nothing has to be asked.
    #[must_use]
    pub fn prefixes(&self) -> Vec<String> {
        match self {
            Self::Head => vec!["HEAD".into()],
            Self::Branch(name) => vec![format!("refs/heads/{name}")],
            Self::Tag(name) => vec![format!("refs/tags/{name}")],
            Self::Semver(_) => vec!["refs/tags/".into()],
            Self::Name(name) => vec![plain(name).into()],
            Self::Commit { .. } => Vec::new(),
        }
    }

    /// The prefixes of references worth naming when this one does not exist.
    #[must_use]
    pub fn neighbours(&self) -> Vec<String> {
        match self {
            Self::Tag(_) | Self::Semver(_) => vec!["refs/tags/".into()],
            Self::Head | Self::Branch(_) | Self::Commit { .. } => vec!["refs/heads/".into()],
            Self::Name(name) if name.starts_with("refs/tags/") => vec!["refs/tags/".into()],
            Self::Name(_) => vec!["refs/heads/".into()],
        }
    }

    /// Chooses the commit.
    ///
    /// # Errors
    /// No advertised reference fits; the error names those that were advertised.
    pub fn select(&self, refs: &[RemoteRef]) -> Result<Resolved, RefError> {
        let find = |name: &str| refs.iter().find(|r| r.name == name);
        let resolved = |found: &RemoteRef, shown: &str| Resolved {
            commit: found.id,
            reference: Some(found.name.clone()),
            revision: Revision::new(Some(shown), &found.id),
        };
        match self {
            Self::Head => {
                let head = find("HEAD").ok_or(RefError::Empty)?;
                let branch = head.target.as_deref().map(|target| target.strip_prefix("refs/heads/").unwrap_or(target));
                Ok(resolved(head, branch.unwrap_or("HEAD")))
            }
            Self::Branch(name) => find(&format!("refs/heads/{name}")).map(|r| resolved(r, name)).ok_or_else(|| self.not_found(refs)),
            Self::Tag(name) => find(&format!("refs/tags/{name}")).map(|r| resolved(r, name)).ok_or_else(|| self.not_found(refs)),
            Self::Name(name) => find(plain(name)).map(|r| resolved(r, name)).ok_or_else(|| self.not_found(refs)),
            Self::Semver(range) => {
                let range = VersionRange::parse(range)?;
                let tags = refs.iter().filter_map(|r| r.name.strip_prefix("refs/tags/"));
                let best = range.best(tags).ok_or_else(|| self.not_found(refs))?;
                find(&format!("refs/tags/{best}")).map(|r| resolved(r, best)).ok_or_else(|| self.not_found(refs))
            }
            Self::Commit { id, branch } => Ok(Resolved {
                commit: *id,
                reference: branch.as_ref().map(|name| format!("refs/heads/{name}")),
                revision: Revision::new(branch.as_deref(), id),
            }),
        }
    }

    /// The error that names what exists instead, of the same sort, nearest first.
    #[must_use]
    pub fn not_found(&self, refs: &[RemoteRef]) -> RefError {
        let wanted = match self {
            Self::Head | Self::Branch(_) | Self::Tag(_) | Self::Name(_) | Self::Commit { .. } => self.bare().to_owned(),
            Self::Semver(_) => String::new(),
        };
        let prefixes = self.neighbours();
        let mut near: Vec<(usize, &str)> = refs
            .iter()
            .filter_map(|r| prefixes.iter().find_map(|prefix| r.name.strip_prefix(prefix.as_str())))
            .map(|name| (distance(&wanted, name), name))
            .collect();
        near.sort_unstable();
        let mut existing: Vec<String> = near.iter().take(8).map(|(_, name)| (*name).to_owned()).collect();
        if near.len() > existing.len() {
            existing.push(format!("{} more", near.len() - existing.len()));
        }
        RefError::NotFound { wanted: self.to_string(), existing }
    }

    fn bare(&self) -> &str {
        match self {
            Self::Head | Self::Commit { .. } => "",
            Self::Branch(name) | Self::Tag(name) | Self::Semver(name) => name,
            Self::Name(name) => name.rsplit('/').next().unwrap_or(name),
        }
    }
}

impl fmt::Display for GitRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("HEAD"),
            Self::Branch(name) => write!(f, "branch {name:?}"),
            Self::Tag(name) => write!(f, "tag {name:?}"),
            Self::Semver(range) => write!(f, "a tag in the version range {range:?}"),
            Self::Name(name) => write!(f, "reference {name:?}"),
            Self::Commit { id, .. } => write!(f, "commit {id}"),
        }
    }
}

/// A reference name without the suffix that asks for the peeled tag; tags are always peeled here.
fn plain(name: &str) -> &str {
    name.strip_suffix("^{}").unwrap_or(name)
}

/// Git's rules for reference names, as far as they protect us and the server.
fn check_name(what: &'static str, prefix: &str, name: String) -> Result<String, RefError> {
    let full = format!("{prefix}{}", plain(&name));
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    let bad = full.split('/').any(bad_part)
        || full.contains("..")
        || full.contains("@{")
        || full.ends_with('.')
        || full.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c))
        || full.len() > 1024;
    if bad { Err(RefError::BadName { what, name }) } else { Ok(name) }
}

/// Edits from one name to another; only to sort suggestions.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(100).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let cost = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> Oid {
        Oid::from_hex(&digit.to_string().repeat(40)).unwrap()
    }

    fn refs() -> Vec<RemoteRef> {
        [("HEAD", 'a', Some("refs/heads/main")), ("refs/heads/main", 'a', None), ("refs/heads/feat/x", 'b', None)]
            .into_iter()
            .chain([("refs/tags/v1.0.0", 'c', None), ("refs/tags/v1.2.0", 'd', None), ("refs/tags/v2.0.0-rc.1", 'e', None)])
            .chain([("refs/pull/7/head", 'f', None)])
            .map(|(name, digit, target)| RemoteRef { name: name.into(), id: id(digit), target: target.map(Into::into) })
            .collect()
    }

    #[test]
    fn precedence_is_flux() {
        let hex = "a".repeat(40);
        let all = RefFields { branch: Some("b"), tag: Some("t"), semver: Some("1.x"), name: Some("refs/n/m"), commit: Some(&hex) };
        let parse = |fields| GitRef::from_fields(fields).unwrap();
        assert_eq!(parse(all), GitRef::Commit { id: id('a'), branch: Some("b".into()) });
        assert_eq!(parse(RefFields { commit: None, ..all }), GitRef::Name("refs/n/m".into()));
        assert_eq!(parse(RefFields { commit: Some(""), name: None, ..all }), GitRef::Semver("1.x".into()));
        assert_eq!(parse(RefFields { branch: Some("b"), tag: Some("t"), ..RefFields::default() }), GitRef::Tag("t".into()));
        assert_eq!(parse(RefFields { branch: Some("b"), ..RefFields::default() }), GitRef::Branch("b".into()));
        assert_eq!(parse(RefFields::default()), GitRef::Branch("master".into()));
    }

    #[test]
    fn bad_fields_are_refused() {
        for name in ["a b", "a..b", "a:b", "/a", "a/", "a//b", ".a", "a.lock", "a^", "a\n", "a@{1}", "a~1", "*", "a."] {
            let branch = GitRef::from_fields(RefFields { branch: Some(name), ..RefFields::default() });
            assert_eq!(branch, Err(RefError::BadName { what: "branch", name: name.into() }));
        }
        assert_eq!(
            GitRef::from_fields(RefFields { commit: Some("abc123"), ..RefFields::default() }),
            Err(RefError::BadCommit("abc123".into()))
        );
        assert!(matches!(GitRef::from_fields(RefFields { semver: Some("x.y"), ..RefFields::default() }), Err(RefError::BadRange(_))));
    }

    #[test]
    fn commits_are_chosen() {
        let hex = |digit: char| digit.to_string().repeat(40);
        for (wanted, revision) in [
            (GitRef::Head, format!("main@sha1:{}", hex('a'))),
            (GitRef::Branch("feat/x".into()), format!("feat/x@sha1:{}", hex('b'))),
            (GitRef::Tag("v1.0.0".into()), format!("v1.0.0@sha1:{}", hex('c'))),
            (GitRef::Semver(">=1.0.0".into()), format!("v1.2.0@sha1:{}", hex('d'))),
            (GitRef::Semver(">=1.0.0-0".into()), format!("v2.0.0-rc.1@sha1:{}", hex('e'))),
            (GitRef::Name("refs/pull/7/head".into()), format!("refs/pull/7/head@sha1:{}", hex('f'))),
            (GitRef::Name("refs/tags/v1.0.0^{}".into()), format!("refs/tags/v1.0.0^{{}}@sha1:{}", hex('c'))),
            (GitRef::Commit { id: id('9'), branch: None }, format!("sha1:{}", hex('9'))),
            (GitRef::Commit { id: id('9'), branch: Some("main".into()) }, format!("main@sha1:{}", hex('9'))),
        ] {
            assert_eq!(wanted.select(&refs()).unwrap().revision.to_string(), revision, "{wanted}");
        }
    }

    #[test]
    fn missing_references_name_what_exists() {
        let message = |wanted: GitRef| wanted.select(&refs()).unwrap_err().to_string();
        assert_eq!(message(GitRef::Branch("mian".into())), "branch \"mian\" does not exist; the repository has main, feat/x");
        assert_eq!(
            message(GitRef::Semver(">=3".into())),
            "a tag in the version range \">=3\" does not exist; the repository has v1.0.0, v1.2.0, v2.0.0-rc.1"
        );
        assert_eq!(GitRef::Branch("main".into()).select(&[]).unwrap_err().to_string(), "branch \"main\" does not exist");
        assert_eq!(GitRef::Head.select(&[]), Err(RefError::Empty));
    }
}
