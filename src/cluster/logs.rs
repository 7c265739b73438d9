//! What the containers of a pod wrote, line by line as it comes.

use super::{
    Cluster,
    error::{ApiError, Kind, Step},
    request::{chain, path},
};
use crate::object::{Gvk, ObjectId, redact::url_encode};
use futures::{Stream, StreamExt};
use http::{Request, header};
use http_body_util::{BodyExt, BodyStream};
use kube::client::Body;
use std::collections::VecDeque;
use std::time::Duration;

/// A line longer than this comes in parts: a container may write without ever ending a line.
const LONGEST_LINE: usize = 1 << 20;
const FIRST_ANSWER: Duration = Duration::from_secs(30);

/// Which lines of which container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The container; may be empty where the pod has one only.
    pub container: String,
    /// Go on with what is written from now on.
    pub follow: bool,
    /// Of the container before its last restart.
    pub previous: bool,
    /// Only of the last so many seconds.
    pub since_seconds: Option<u64>,
    /// Only so many of the last lines.
    pub tail: Option<u64>,
    /// Each line begins with its time.
    pub timestamps: bool,
}

impl LogOptions {
    fn query(&self) -> String {
        let flag = |key: &str, on: bool| on.then(|| format!("{key}=true"));
        let number = |key: &str, number: Option<u64>| number.map(|number| format!("{key}={number}"));
        let parts = [
            (!self.container.is_empty()).then(|| format!("container={}", url_encode(&self.container))),
            flag("follow", self.follow),
            flag("previous", self.previous),
            flag("timestamps", self.timestamps),
            number("sinceSeconds", self.since_seconds),
            number("tailLines", self.tail),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("&")
    }
}

impl Cluster {
    /// The lines of a pod's log.
    ///
    /// # Errors
    /// Where there is no such pod or container, where its node does not answer, or where reading is forbidden.
    pub async fn logs(
        &self,
        pod: &ObjectId,
        options: &LogOptions,
    ) -> Result<impl Stream<Item = Result<String, ApiError>> + Send + use<>, ApiError> {
        let resource = self.resource(&Gvk::new("v1", "Pod")).await?;
        let path = path(&resource, &pod.namespace, Some(&pod.name), Some("log"), Step::Get, &pod.into())?;
        let unreachable = |message: String| ApiError::local(Step::Get, pod, Kind::Unreachable, message);
        let mut request = Request::get(format!("{path}?{}", options.query())).header(header::ACCEPT, "*/*");
        if let Some(user) = self.user() {
            request = request.header("Impersonate-User", user);
        }
        let request = request.body(Body::empty()).map_err(|e| unreachable(format!("no valid request: {e}")))?;
        let response = tokio::time::timeout(FIRST_ANSWER, self.client().send(request))
            .await
            .map_err(|_| unreachable(format!("the server did not answer within {} s", FIRST_ANSWER.as_secs())))?
            .map_err(|e| unreachable(chain(&e)))?;
        let status = response.status();
        if !status.is_success() {
            let body = response.into_body().collect().await.map_err(|e| unreachable(chain(&e)))?.to_bytes();
            let error = ApiError::from_answer(Step::Get, pod, status.as_u16(), &body, None);
            return Err(match error.kind {
                // it is not the API server that does not know of logs
                Kind::KindMissing => unreachable("the node of the pod gives no logs".into()),
                _ => error,
            });
        }
        Ok(lines(BodyStream::new(response.into_body()), pod.clone()))
    }
}

type Frames = BodyStream<Body>;

fn lines(frames: Frames, pod: ObjectId) -> impl Stream<Item = Result<String, ApiError>> + Send {
    futures::stream::unfold((frames, Lines::default(), pod), |(mut frames, mut lines, pod)| async move {
        loop {
            if let Some(line) = lines.next() {
                return Some((Ok(line), (frames, lines, pod)));
            }
            match frames.next().await {
                Some(Ok(frame)) => lines.feed(&frame.into_data().unwrap_or_default()),
                Some(Err(error)) => {
                    let error = ApiError::local(Step::Get, &pod, Kind::Unreachable, format!("the log broke off: {}", chain(&error)));
                    return Some((Err(error), (frames, lines, pod)));
                }
                None => return lines.rest().map(|line| (Ok(line), (frames, lines, pod))),
            }
        }
    })
}

/// Bytes to lines.
#[derive(Default)]
struct Lines {
    open: Vec<u8>,
    whole: VecDeque<String>,
}

impl Lines {
    fn feed(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.open.extend_from_slice(part);
            if part.ends_with(b"\n") || self.open.len() > LONGEST_LINE {
                let line = self.rest();
                self.whole.extend(line);
            }
        }
    }

    fn next(&mut self) -> Option<String> {
        self.whole.pop_front()
    }

    /// What has no line break yet.
    fn rest(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.open);
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_lines_however_they_are_cut() {
        let mut lines = Lines::default();
        lines.feed(b"one\ntw");
        lines.feed(b"o\r\n\nla");
        lines.feed(b"st");
        let mut out: Vec<String> = std::iter::from_fn(|| lines.next()).collect();
        out.extend(lines.rest());
        assert_eq!(out, ["one", "two", "", "last"]);
        assert_eq!(lines.rest(), None);
    }

    #[test]
    fn the_query_names_only_what_is_asked_for() {
        assert_eq!(LogOptions::default().query(), "");
        let all =
            LogOptions { container: "a b".into(), follow: true, previous: true, since_seconds: Some(5), tail: Some(0), timestamps: true };
        assert_eq!(all.query(), "container=a%20b&follow=true&previous=true&timestamps=true&sinceSeconds=5&tailLines=0");
    }
}
