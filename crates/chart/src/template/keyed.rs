//! Random bytes that come back at every render, and that nobody can guess without the key.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::world::{CallSite, Entropy};

/// Where a release lives: with the call's site, all that its random bytes depend on beside the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// A name of the cluster that does not change, such as the uid of `kube-system`.
    pub cluster: &'a str,
    /// The release's namespace.
    pub namespace: &'a str,
    /// The release's name.
    pub release: &'a str,
    /// The chart's name.
    pub chart: &'a str,
}

/// Derives random bytes by HMAC-SHA256 from a secret key, the place of the release and the site of the call: passwords,
/// keys, certificates and UUIDs of a re-render are those of the first render. Helm has nothing like it: there, each
/// render has new ones (Go's `crypto/rand` below sprig's strings.go and crypto.go, `math/rand` below its functions.go).
///
/// The time of a render (`now`, the dates of certificates) is the caller's to keep: see [`super::World::new`].
#[derive(Clone)]
pub struct Keyed {
    /// Keyed and fed with the place already.
    mac: Hmac<Sha256>,
}

impl Keyed {
    /// Bytes for this release under this key. The key may have any length, and should have at least 32 random bytes.
    pub fn new(key: &[u8], place: Place<'_>) -> Keyed {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("an HMAC takes keys of any length");
        for part in [place.cluster, place.namespace, place.release, place.chart] {
            feed(&mut mac, part);
        }
        Keyed { mac }
    }
}

/// Each part with its length before it: `a` and `bc` are not `ab` and `c`.
fn feed(mac: &mut Hmac<Sha256>, part: &str) {
    mac.update(&(part.len() as u64).to_be_bytes());
    mac.update(part.as_bytes());
}

impl Entropy for Keyed {
    fn fill(&self, site: &CallSite, out: &mut [u8]) {
        let mut mac = self.mac.clone();
        feed(&mut mac, &site.template);
        feed(&mut mac, site.function);
        mac.update(&site.number.to_be_bytes());
        for (block, chunk) in out.chunks_mut(32).enumerate() {
            let mut mac = mac.clone();
            mac.update(&(block as u64).to_be_bytes());
            chunk.copy_from_slice(&mac.finalize().into_bytes()[..chunk.len()]);
        }
    }
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyed")
    }
}
