//! How records lie on disk: compressed, then encrypted, and bound to their place.

use super::StoreKey;
use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, KeyInit, Payload},
};

/// First byte of every sealed value.
const FORMAT: u8 = 1;

/// Values shorter than this are not worth compressing.
const MIN_COMPRESSED: usize = 128;

/// Values larger than this are not unpacked: a damaged length must not take all memory.
const MAX_VALUE: usize = 1 << 30;

const NONCE: usize = 12;

/// Seals and opens values.
pub(super) struct Sealer {
    cipher: Aes256Gcm,
}

impl Sealer {
    pub(super) fn new(key: &StoreKey) -> Self {
        Self { cipher: Aes256Gcm::new(&key.derive("seal").into()) }
    }

    /// `place` is where the value will lie; it opens nowhere else.
    pub(super) fn seal(&self, place: &[u8], value: &[u8]) -> Result<Vec<u8>, String> {
        let mut plain = Vec::with_capacity(value.len().min(4096) + 1);
        if value.len() >= MIN_COMPRESSED {
            plain.push(1);
            zstd::stream::copy_encode(value, &mut plain, 3).map_err(|err| err.to_string())?;
        } else {
            plain.push(0);
            plain.extend_from_slice(value);
        }
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|err| err.to_string())?;
        let payload = Payload { msg: &plain, aad: place };
        let sealed = self.cipher.encrypt(&nonce.into(), payload).map_err(|_| "it cannot be encrypted".to_owned())?;
        Ok([&[FORMAT], &nonce[..], &sealed].concat())
    }

    pub(super) fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, String> {
        let [FORMAT, rest @ ..] = sealed else { return Err("it has an unknown format".into()) };
        let (nonce, body) = rest.split_at_checked(NONCE).ok_or("it is cut short")?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| "it is cut short")?;
        let payload = Payload { msg: body, aad: place };
        let plain = self.cipher.decrypt(&nonce.into(), payload).map_err(|_| "it is damaged, or sealed with another key")?;
        match plain.split_first() {
            Some((0, value)) => Ok(value.to_vec()),
            Some((1, packed)) => unpack(packed),
            _ => Err("it has an unknown format".into()),
        }
    }
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let decoder = zstd::stream::read::Decoder::new(packed).map_err(|err| err.to_string())?;
    let mut value = Vec::new();
    decoder.take(MAX_VALUE as u64 + 1).read_to_end(&mut value).map_err(|err| err.to_string())?;
    if value.len() > MAX_VALUE { Err("it is too large".into()) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_open_at_their_place_only() {
        let sealer = Sealer::new(&StoreKey::new([1; 32]));
        for value in [Vec::new(), b"short".to_vec(), vec![b'x'; 100_000]] {
            let sealed = sealer.seal(b"place", &value).unwrap();
            assert_eq!(sealer.open(b"place", &sealed).unwrap(), value);
            assert!(sealer.open(b"elsewhere", &sealed).is_err());
            assert!(Sealer::new(&StoreKey::new([2; 32])).open(b"place", &sealed).is_err());
            assert_ne!(sealer.seal(b"place", &value).unwrap(), sealed, "a nonce is used once");
            for cut in [0, 1, 12, sealed.len() - 1] {
                assert!(sealer.open(b"place", &sealed[..cut]).is_err());
            }
        }
        assert!(sealer.seal(b"p", &vec![b'x'; 100_000]).unwrap().len() < 1_000);
    }
}
