//! Helm's release Secrets: `sh.helm.release.v1.<name>.v<version>`, with the labels that `helm list` selects by.
//!
//! The payload is a text (base64 of the compressed record) that the release codec makes and reads; here it is only stored.

use super::{
    Cluster, Delete, Patch, Resource,
    error::{ApiError, Kind, Step},
    read::ListOptions,
    write::Answer,
};
use crate::api::names;
use crate::object::{Gvk, Json, ObjectId};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// The type of release Secrets.
const SECRET_TYPE: &str = "helm.sh/release.v1";

/// The server refuses Secrets whose values are larger than this together.
pub const LARGEST_PAYLOAD: usize = 1024 * 1024;

/// Labels that Helm sets; all others are the release's own.
const SYSTEM_LABELS: [&str; 6] = ["name", "owner", "status", "version", "createdAt", "modifiedAt"];

/// Labels of a release Secret: all that can be known of a revision without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseHead {
    /// Release.
    pub name: String,
    /// Namespace of the Secret (Helm's storage namespace).
    pub namespace: String,
    /// Revision number.
    pub version: u32,
    /// Status, such as `deployed`, `superseded`, `failed`, `pending-upgrade`.
    pub status: String,
    /// The release's own labels.
    pub labels: BTreeMap<String, String>,
    /// Resource version of the Secret.
    pub resource_version: String,
}

/// A release Secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ReleaseSecret {
    /// Its labels.
    pub head: ReleaseHead,
    /// The encoded record.
    pub payload: Vec<u8>,
    /// The note that we put on it ([`names::REVISION`]); absent where another tool wrote it since.
    pub note: Option<String>,
}

/// Payloads hold values of Secrets, so that only their size shows.
impl std::fmt::Debug for ReleaseSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReleaseSecret").field("head", &self.head).field("payload", &format_args!("{} bytes", self.payload.len())).finish()
    }
}

/// A revision to store.
#[derive(Clone)]
pub struct ReleaseWrite<'a> {
    /// Namespace of the Secret.
    pub namespace: &'a str,
    /// Release.
    pub name: &'a str,
    /// Revision number.
    pub version: u32,
    /// Status, as in the payload.
    pub status: &'a str,
    /// The encoded record.
    pub payload: &'a [u8],
    /// The release's own labels.
    pub labels: &'a BTreeMap<String, String>,
    /// The note to put on it; `None` leaves the one that is there.
    pub note: Option<&'a str>,
    /// Now.
    pub at: Timestamp,
}

impl ReleaseWrite<'_> {
    fn id(&self) -> ObjectId {
        secret_id(self.namespace, self.name, self.version)
    }

    fn labels(&self, stamp: &str) -> Json {
        let mut labels: BTreeMap<&str, String> = self.labels.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        labels.insert("name", self.name.to_owned());
        labels.insert("owner", "helm".to_owned());
        labels.insert("status", self.status.to_owned());
        labels.insert("version", self.version.to_string());
        labels.insert(stamp, self.at.as_second().to_string());
        json!(labels)
    }

    fn annotate(&self, body: &mut Json) {
        if let Some(note) = self.note {
            body["metadata"]["annotations"] = json!({ names::REVISION: note });
        }
    }

    fn fits(&self, step: Step) -> Result<(), ApiError> {
        if self.payload.len() <= LARGEST_PAYLOAD {
            return Ok(());
        }
        let words = format!(
            "the release record has {} bytes, a Secret holds {LARGEST_PAYLOAD}; set the annotation helmward.dev/trim-record: enabled to store it without the chart's files",
            self.payload.len()
        );
        Err(ApiError::local(step, self.id(), Kind::TooLarge, words))
    }
}

/// Name of the Secret of a revision.
#[must_use]
pub fn secret_name(release: &str, version: u32) -> String {
    format!("sh.helm.release.v1.{release}.v{version}")
}

/// Which versions are too many: the oldest, but never the newest deployed one. `keep` 0 keeps all.
#[must_use]
pub fn surplus(heads: &[ReleaseHead], keep: u32) -> Vec<u32> {
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    if keep == 0 || heads.len() <= keep {
        return Vec::new();
    }
    let mut versions: Vec<u32> = heads.iter().map(|head| head.version).collect();
    versions.sort_unstable();
    let deployed = heads.iter().filter(|head| head.status == "deployed").map(|head| head.version).max();
    let mut excess = versions.len() - keep;
    versions.retain(|version| {
        let goes = excess > 0 && Some(*version) != deployed;
        excess -= usize::from(goes);
        goes
    });
    versions
}

impl Cluster {
    /// All revisions of a release without their payloads, the oldest first.
    ///
    /// # Errors
    /// Where the server cannot be asked.
    pub async fn release_heads(&self, namespace: &str, name: &str) -> Result<Vec<ReleaseHead>, ApiError> {
        let options = ListOptions { metadata_only: true, ..ListOptions::labels(namespace, &format!("owner=helm,name={name}")) };
        let list = self.list(&*self.secrets().await?, &options).await?;
        let mut heads: Vec<ReleaseHead> = list.items.iter().filter_map(head).collect();
        heads.sort_by_key(|head| head.version);
        Ok(heads)
    }

    /// All revisions of a release with their payloads, the oldest first.
    ///
    /// # Errors
    /// Where the server cannot be asked.
    pub async fn releases(&self, namespace: &str, name: &str) -> Result<Vec<ReleaseSecret>, ApiError> {
        let options = ListOptions::labels(namespace, &format!("owner=helm,name={name}"));
        let list = self.list(&*self.secrets().await?, &options).await?;
        let mut all: Vec<ReleaseSecret> = list.items.iter().filter_map(secret).collect();
        all.sort_by_key(|one| one.head.version);
        Ok(all)
    }

    /// One revision; `None` where it is not there or is no release Secret.
    ///
    /// # Errors
    /// Where the server cannot be asked.
    pub async fn release(&self, namespace: &str, name: &str, version: u32) -> Result<Option<ReleaseSecret>, ApiError> {
        let found = self.get_as(&*self.secrets().await?, &secret_id(namespace, name, version)).await?;
        Ok(found.as_ref().and_then(secret))
    }

    /// The newest revision; `None` where there is none.
    ///
    /// # Errors
    /// Where the server cannot be asked.
    pub async fn newest_release(&self, namespace: &str, name: &str) -> Result<Option<ReleaseSecret>, ApiError> {
        // the labels first: payloads of a long history are large
        let Some(head) = self.release_heads(namespace, name).await?.pop() else { return Ok(None) };
        self.release(namespace, name, head.version).await
    }

    /// Stores a new revision.
    ///
    /// # Errors
    /// [`Kind::AlreadyExists`] where another client stored this revision first; [`Kind::TooLarge`] before anything is sent.
    pub async fn create_release(&self, write: &ReleaseWrite<'_>) -> Result<Answer, ApiError> {
        write.fits(Step::Create)?;
        let id = write.id();
        let mut body = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": id.name, "namespace": id.namespace, "labels": write.labels("createdAt") },
            "type": SECRET_TYPE,
            "data": { "release": STANDARD.encode(write.payload) },
        });
        write.annotate(&mut body);
        self.create(&*self.secrets().await?, &id, &body).await
    }

    /// Changes status and payload of a stored revision, with one request.
    ///
    /// # Errors
    /// [`Kind::NotFound`] where somebody deleted it; [`Kind::TooLarge`] before anything is sent.
    pub async fn update_release(&self, write: &ReleaseWrite<'_>) -> Result<Answer, ApiError> {
        write.fits(Step::Patch)?;
        let mut body = json!({
            "metadata": { "labels": write.labels("modifiedAt") },
            "data": { "release": STANDARD.encode(write.payload) },
        });
        write.annotate(&mut body);
        self.patch(&*self.secrets().await?, &write.id(), &Patch::Merge(body)).await
    }

    /// Deletes one revision; one that is gone is no error.
    ///
    /// # Errors
    /// Where the server refuses or cannot be asked.
    pub async fn delete_release(&self, namespace: &str, name: &str, version: u32) -> Result<(), ApiError> {
        self.delete(&*self.secrets().await?, &secret_id(namespace, name, version), &Delete::default()).await?;
        Ok(())
    }

    async fn secrets(&self) -> Result<Arc<Resource>, ApiError> {
        self.resource(&Gvk::new("v1", "Secret")).await
    }
}

fn secret_id(namespace: &str, name: &str, version: u32) -> ObjectId {
    ObjectId::new("", "Secret", namespace, &secret_name(name, version))
}

fn head(object: &Json) -> Option<ReleaseHead> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str);
    let labels = object.pointer("/metadata/labels")?.as_object()?;
    let label = |key: &str| labels.get(key).and_then(Json::as_str);
    Some(ReleaseHead {
        name: label("name")?.to_owned(),
        namespace: text("/metadata/namespace")?.to_owned(),
        version: label("version")?.parse().ok()?,
        status: label("status").unwrap_or("unknown").to_owned(),
        labels: labels
            .iter()
            .filter(|(key, _)| !SYSTEM_LABELS.contains(&key.as_str()))
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
        resource_version: text("/metadata/resourceVersion").unwrap_or_default().to_owned(),
    })
}

fn secret(object: &Json) -> Option<ReleaseSecret> {
    (object.get("type").and_then(Json::as_str) == Some(SECRET_TYPE)).then_some(())?;
    let payload = STANDARD.decode(object.pointer("/data/release")?.as_str()?).ok()?;
    let note = object.pointer("/metadata/annotations").and_then(|a| a.get(names::REVISION)).and_then(Json::as_str).map(str::to_owned);
    Some(ReleaseSecret { head: head(object)?, payload, note })
}

#[cfg(test)]
mod tests {
    use super::super::testing::real;
    use super::*;

    fn heads(text: &str) -> Vec<ReleaseHead> {
        text.split_whitespace()
            .map(|one| {
                let (version, status) = one.split_once(':').expect("version:status");
                ReleaseHead {
                    name: "web".into(),
                    namespace: "shop".into(),
                    version: version.parse().expect("a number"),
                    status: status.into(),
                    labels: BTreeMap::new(),
                    resource_version: String::new(),
                }
            })
            .collect()
    }

    #[test]
    fn the_oldest_go_but_never_the_deployed_one() {
        for (history, keep, goes) in [
            ("1:superseded 2:deployed", 5, vec![]),
            ("1:superseded 2:superseded 3:deployed", 2, vec![1]),
            ("1:deployed 2:failed 3:failed 4:failed", 2, vec![2, 3]),
            ("1:superseded 2:deployed 3:failed 4:pending-upgrade", 1, vec![1, 3, 4]),
            ("1:superseded 2:deployed", 0, vec![]),
        ] {
            assert_eq!(surplus(&heads(history), keep), goes, "{history} keep {keep}");
        }
    }

    #[tokio::test]
    async fn a_real_server_keeps_releases() {
        let Some(cluster) = real("releases::a_real_server_keeps_releases").await else { return };
        let labels = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
        let write = |version, status, payload: &'static [u8]| ReleaseWrite {
            namespace: "default",
            name: "helmward-release",
            version,
            status,
            payload,
            labels: &labels,
            note: None,
            at: Timestamp::from_second(1_700_000_000).expect("a time"),
        };
        for version in 1..=12 {
            cluster.delete_release("default", "helmward-release", version).await.expect("deletes");
        }
        for version in [2, 10] {
            cluster.create_release(&write(version, "pending-install", b"one")).await.expect("stores");
        }
        let again = cluster.create_release(&write(10, "pending-install", b"one")).await.expect_err("is there");
        assert_eq!(again.kind, Kind::AlreadyExists);
        cluster.update_release(&write(10, "deployed", b"two")).await.expect("stores");
        let newest = cluster.newest_release("default", "helmward-release").await.expect("reads").expect("is there");
        assert_eq!((newest.head.version, newest.head.status.as_str(), newest.payload.as_slice()), (10, "deployed", b"two".as_slice()));
        assert_eq!(newest.head.labels, labels);
        let versions: Vec<u32> =
            cluster.releases("default", "helmward-release").await.expect("reads").iter().map(|r| r.head.version).collect();
        assert_eq!(versions, [2, 10]);
        let huge = vec![0; LARGEST_PAYLOAD + 1];
        let error = cluster.create_release(&ReleaseWrite { payload: &huge, ..write(11, "deployed", b"") }).await.expect_err("is too large");
        assert_eq!((error.kind, error.is_content()), (Kind::TooLarge, true));
        assert!(!format!("{newest:?}").contains("two"));
    }
}
