//! The key of the store: where it comes from and what is derived from it.

use super::StoreError;
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    str,
};

/// 32 secret bytes. Prints without them.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreKey {
    bytes: [u8; 32],
}

/// Where a key was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOrigin {
    /// The file that was named.
    File(PathBuf),
    /// The Secret in the cluster.
    Cluster,
    /// The file of this machine, made now or earlier.
    Machine(PathBuf),
}

impl StoreKey {
    /// A key from its bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { bytes }
    }

    /// A new random key.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn generate() -> Result<Self, StoreError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|err| StoreError::Random(err.to_string()))?;
        Ok(Self { bytes })
    }

    /// The bytes, to be kept in a Secret.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Another key, for one purpose; knowing it does not lead back.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        self.mac(&[b"derive\0", purpose.as_bytes()])
    }

    /// A keyed digest over parts.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.bytes).expect("an HMAC takes keys of any length");
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    /// Reads a key that somebody wrote: 32 raw bytes, 64 hexadecimal digits, or their base64.
    #[must_use]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if let Ok(bytes) = <[u8; 32]>::try_from(data) {
            return Some(Self { bytes });
        }
        let text = str::from_utf8(data).ok()?.trim();
        let hex = |text: &str| {
            let pair = |i: usize| u8::from_str_radix(text.get(i..i + 2)?, 16).ok();
            (text.len() == 64).then(|| (0..32).map(|i| pair(2 * i)).collect::<Option<Vec<u8>>>())?
        };
        let bytes = hex(text).or_else(|| BASE64_STANDARD.decode(text).ok())?;
        Some(Self { bytes: bytes.try_into().ok()? })
    }

    /// Finds the key: the named file, else the bytes of the cluster's Secret, else the file of this machine, which is made
    /// (readable by its owner only) where it is absent. The machine's file must not be inside the state directory: whoever
    /// takes that away must not have the key too.
    ///
    /// # Errors
    /// The named file is absent, the key is malformed, others may read the file, or it cannot be made.
    pub fn load(file: Option<&Path>, cluster: Option<&[u8]>, machine: &Path, state_dir: &Path) -> Result<(Self, KeyOrigin), StoreError> {
        if let Some(path) = file {
            return Ok((read(path)?, KeyOrigin::File(path.into())));
        }
        if let Some(data) = cluster {
            let bad = || StoreError::Key { path: "of the cluster's Secret".into(), why: MALFORMED.into() };
            return Ok((Self::parse(data).ok_or_else(bad)?, KeyOrigin::Cluster));
        }
        if machine.starts_with(state_dir) {
            let why = "it would lie inside the state directory; give --store-key-file another place".into();
            return Err(StoreError::Key { path: machine.into(), why });
        }
        let key = if machine.exists() { read(machine)? } else { make(machine)? };
        Ok((key, KeyOrigin::Machine(machine.into())))
    }
}

const MALFORMED: &str = "expected 32 bytes, raw or as 64 hexadecimal digits or base64";

fn read(path: &Path) -> Result<StoreKey, StoreError> {
    let mode = fs::metadata(path).map_err(StoreError::io("read the store key", path))?.permissions().mode();
    // Secrets mounted into pods are readable by their group; for all the world is never right
    if mode & 0o007 != 0 {
        return Err(StoreError::Key { path: path.into(), why: "everybody on this machine may read it; chmod 600".into() });
    }
    let data = fs::read(path).map_err(StoreError::io("read the store key", path))?;
    StoreKey::parse(&data).ok_or_else(|| StoreError::Key { path: path.into(), why: MALFORMED.into() })
}

fn make(path: &Path) -> Result<StoreKey, StoreError> {
    let key = StoreKey::generate()?;
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(StoreError::io("create", dir))?;
    }
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(BASE64_STANDARD.encode(key.bytes).as_bytes())?;
        file.sync_all()
    };
    match write() {
        Ok(()) => Ok(key),
        // another process was faster
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(source) => Err(StoreError::Io { what: "write the store key", path: path.into(), source }),
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (file, machine, state) = (dir.path().join("file"), dir.path().join("config/key"), dir.path().join("state"));
        fs::write(&file, [7; 32]).unwrap();
        let load = |file: Option<&Path>, cluster: Option<&[u8]>| StoreKey::load(file, cluster, &machine, &state);
        assert!(load(Some(&file), None).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(load(Some(&file), Some(&[8; 32])).unwrap(), (StoreKey::new([7; 32]), KeyOrigin::File(file.clone())));
        assert_eq!(load(None, Some(&[8; 32])).unwrap(), (StoreKey::new([8; 32]), KeyOrigin::Cluster));
        let (made, origin) = load(None, None).unwrap();
        assert_eq!(origin, KeyOrigin::Machine(machine.clone()));
        assert_eq!(fs::metadata(&machine).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load(None, None).unwrap().0, made);
        assert!(load(Some(Path::new("/nonexistent")), None).is_err() && load(None, Some(b"short")).is_err());
        assert!(StoreKey::load(None, None, &state.join("key"), &state).is_err());
        assert!(!format!("{made:?}").contains(&format!("{}", made.bytes[0])));
    }

    #[test]
    fn keys_are_read_in_three_forms() {
        let key = StoreKey::new([0xab; 32]);
        let base64 = BASE64_STANDARD.encode([0xab; 32]);
        for form in [vec![0xab; 32], b"ab".repeat(32), format!("{base64}\n").into_bytes()] {
            assert_eq!(StoreKey::parse(&form), Some(key.clone()));
        }
        assert_eq!(StoreKey::parse(&[1; 31]), None);
        assert_ne!(key.derive("a"), key.derive("b"));
    }
}
