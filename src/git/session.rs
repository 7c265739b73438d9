//! One conversation over smart HTTP: advertisement, references, pack.

use super::{GitError, GitErrorClass, GitUrl, Remote, error::chain, http::Link};
use crate::source::{Oid, RemoteRef};
use gix::{
    ObjectId,
    bstr::ByteSlice,
    error::Error,
    odb::pack::{Bundle, bundle::write::Options as PackOptions, data::input::Mode, index::Version},
    progress::Discard,
    protocol::{
        Handshake, LsRefsCommand,
        fetch::{
            Arguments, Context, Negotiate, Options, Response, Shallow, Tags,
            negotiate::{Action, Round, one_round},
        },
        handshake::Ref,
        ls_refs::RefPrefixes,
        transport::{Protocol, Service, client::blocking_io::http::Transport},
    },
};
use std::{
    num::NonZeroU32,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

/// An open conversation.
pub(super) struct Session {
    link: Link,
    transport: Transport<Link>,
    handshake: Handshake,
    scrub: Remote,
}

impl Session {
    /// Asks for the advertisement.
    pub(super) fn open(link: Link, remote: &Remote) -> Result<Self, GitError> {
        let GitUrl::Http(url) = &remote.url else {
            return Err(GitError::new(GitErrorClass::InvalidUrl, "not an http URL"));
        };
        let invalid = |err: String| GitError::new(GitErrorClass::InvalidUrl, format!("repository URL cannot be read: {err}"));
        let url = gix::url::parse(url.as_str().trim_end_matches('/')).map_err(|err| invalid(err.to_string()))?;
        let mut transport = Transport::new_http(link.clone(), url, Protocol::V2, false);
        // credentials travel as a header of the link, so nobody is ever asked for them
        let ask = |_| Ok(None);
        let handshake = gix::protocol::handshake(&mut transport, Service::UploadPack, ask, Vec::new(), &mut Discard);
        match handshake {
            Ok(handshake) => Ok(Self { link, transport, handshake, scrub: remote.clone() }),
            Err(err) => Err(failure(&link, remote, err)),
        }
    }

    /// Lists the references with one of the prefixes, tags peeled.
    pub(super) fn ls_refs(&mut self, prefixes: &[String]) -> Result<Vec<RemoteRef>, GitError> {
        let refs = match &self.handshake.refs {
            // old servers advertise everything at once
            Some(refs) => refs.clone(),
            None => {
                let mut wanted = RefPrefixes::new();
                wanted.extend(prefixes.iter().map(|prefix| prefix.as_str().into()));
                let command = LsRefsCommand::new(Some(wanted), &self.handshake.capabilities, agent());
                let listed = command.invoke_blocking(&mut self.transport, &mut Discard, false);
                listed.map_err(|err| failure(&self.link, &self.scrub, err))?
            }
        };
        let matches = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix));
        Ok(refs.into_iter().filter_map(remote_ref).filter(|found| matches(&found.name)).collect())
    }

    /// Fetches one commit without its history into an object directory. `have` are commits that are already there.
    pub(super) fn fetch(&mut self, into: &Target<'_>, want: &Oid, have: &[Oid], interrupt: &AtomicBool) -> Result<(), GitError> {
        let id = |oid: &Oid| ObjectId::try_from(oid.as_bytes()).ok();
        let want = id(want).ok_or_else(|| GitError::new(GitErrorClass::RefNotFound, format!("commit {want} has no usable id")))?;
        let mut ask = Ask { want, have: have.iter().filter_map(id).collect() };
        let options = Options {
            shallow_file: into.shallow_file.into(),
            shallow: &Shallow::DepthAtRemote(NonZeroU32::MIN),
            tags: Tags::None,
            reject_shallow_remote: false,
        };
        let context =
            Context { handshake: &mut self.handshake, transport: &mut self.transport, user_agent: agent(), trace_packetlines: false };
        let pack_dir = into.objects.store_dir();
        let mut written = None;
        let result = gix::protocol::fetch(
            &mut ask,
            |reader, progress, interrupt| {
                let options = PackOptions {
                    thread_limit: Some(2),
                    iteration_mode: Mode::Verify,
                    index_version: Version::V2,
                    alloc_limit_bytes: Some(1 << 30),
                    ..PackOptions::default()
                };
                let bases = into.objects.handle();
                let bundle =
                    Bundle::write_to_directory(reader, Some(&pack_dir), progress, interrupt, Some(bases), gix::hash::Kind::Sha1, options)?;
                written = Some(bundle);
                Ok(true)
            },
            Discard,
            interrupt,
            context,
            options,
        );
        result.map_err(|err| failure(&self.link, &self.scrub, err))?;
        // nothing here collects garbage, so packs need no protection from it
        if let Some(keep) = written.and_then(|bundle| bundle.keep_path) {
            let _ = std::fs::remove_file(keep);
        }
        Ok(())
    }
}

/// Where fetched objects go.
pub(super) struct Target<'a> {
    pub(super) objects: ObjectDir,
    pub(super) shallow_file: &'a Path,
}

/// An object database that can be written to.
pub(super) struct ObjectDir(pub(super) Arc<gix::odb::Store>);

impl ObjectDir {
    fn store_dir(&self) -> std::path::PathBuf {
        self.0.path().join("pack")
    }

    fn handle(&self) -> gix::odb::Cache<gix::odb::store::Handle<Arc<gix::odb::Store>>> {
        self.0.to_cache_arc()
    }
}

/// Asks for one commit, says what is there, and is done: one round trip.
struct Ask {
    want: ObjectId,
    have: Vec<ObjectId>,
}

impl Negotiate for Ask {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<Action> {
        Ok(Action::MustNegotiate { remote_ref_target_known: Vec::new() })
    }

    fn add_wants(&mut self, arguments: &mut Arguments, _known: &[bool]) -> bool {
        arguments.want(self.want);
        true
    }

    fn one_round(&mut self, _: &mut one_round::State, arguments: &mut Arguments, _: Option<&Response>) -> gix::Result<(Round, bool)> {
        self.have.iter().for_each(|id| arguments.have(id));
        let haves_sent = self.have.len();
        Ok((Round { haves_sent, in_vain: 0, haves_to_send: haves_sent, previous_response_had_at_least_one_in_common: false }, true))
    }
}

fn agent() -> (&'static str, Option<String>) {
    ("agent", Some(format!("git/helmward-{}", env!("CARGO_PKG_VERSION"))))
}

fn remote_ref(found: Ref) -> Option<RemoteRef> {
    let (name, id, target) = match found {
        Ref::Peeled { full_ref_name, object, .. } | Ref::Direct { full_ref_name, object } => (full_ref_name, object, None),
        Ref::Symbolic { full_ref_name, target, object, .. } => (full_ref_name, object, Some(target)),
        Ref::Unborn { .. } => return None,
    };
    let text = |name: gix::bstr::BString| name.to_str().ok().map(ToOwned::to_owned);
    Some(RemoteRef { name: text(name)?, id: Oid::from_bytes(id.as_bytes())?, target: target.and_then(text) })
}

/// The failure as the link saw it, else what the transport says, classified by its words.
fn failure(link: &Link, remote: &Remote, err: Error) -> GitError {
    if let Some(mut seen) = link.failure() {
        seen.message = remote.scrub(&seen.message);
        return seen;
    }
    let text = remote.scrub(&chain(&err));
    let lower = text.to_ascii_lowercase();
    if lower.contains("not our ref") || lower.contains("unadvertised object") {
        return GitError::new(GitErrorClass::RefNotFound, "the server does not give out this commit")
            .hint("check that it is still reachable from a branch or tag");
    }
    let class = if lower.contains("interrupt") || lower.contains("cancel") { GitErrorClass::Cancelled } else { GitErrorClass::Protocol };
    GitError::new(class, text)
}
