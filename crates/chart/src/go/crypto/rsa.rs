//! RSA keys and PKCS #1 v1.5 signatures.
//!
//! The arithmetic is not constant in time. Keys are made and used once, inside one render, where nobody can measure it.

use super::Entropy;
use super::der::{self, Reader};
use super::prime::prime;
use num_bigint::BigUint;
use sha2::Digest;

/// A private key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RsaKey {
    n: BigUint,
    e: BigUint,
    d: BigUint,
    p: BigUint,
    q: BigUint,
}

impl RsaKey {
    /// A new key with a modulus of so many bits, a multiple of 16.
    pub(super) fn generate(bits: usize, entropy: Entropy<'_>) -> RsaKey {
        let one = BigUint::from(1_u8);
        let e = BigUint::from(65_537_u32);
        loop {
            let (p, q) = (prime(bits / 2, entropy), prime(bits / 2, entropy));
            let totient = (&p - &one) * (&q - &one);
            if let Some(d) = e.modinv(&totient)
                && p != q
            {
                return RsaKey { n: &p * &q, e, d, p, q };
            }
        }
    }

    /// `RSAPrivateKey` of PKCS #1.
    pub(super) fn to_pkcs1(&self) -> Vec<u8> {
        let one = BigUint::from(1_u8);
        let (dp, dq) = (&self.d % (&self.p - &one), &self.d % (&self.q - &one));
        let inverse = self.q.modinv(&self.p).unwrap_or_default();
        let numbers = [&BigUint::ZERO, &self.n, &self.e, &self.d, &self.p, &self.q, &dp, &dq, &inverse];
        der::sequence(&numbers.map(|n| der::integer(&n.to_bytes_be())))
    }

    pub(super) fn from_pkcs1(bytes: &[u8]) -> Option<RsaKey> {
        let mut fields = Reader::new(bytes).sequence()?;
        let mut next = || fields.integer().map(BigUint::from_bytes_be);
        next()?;
        let key = RsaKey { n: next()?, e: next()?, d: next()?, p: next()?, q: next()? };
        (key.n == &key.p * &key.q).then_some(key)
    }

    /// `RSAPublicKey` of PKCS #1.
    pub(super) fn public(&self) -> Vec<u8> {
        der::sequence(&[der::integer(&self.n.to_bytes_be()), der::integer(&self.e.to_bytes_be())])
    }

    /// A signature over the SHA-256 digest of the message.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        // `DigestInfo` for SHA-256, up to the digest itself.
        const PREFIX: [u8; 19] =
            [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];
        let size = self.n.bits().div_ceil(8) as usize;
        let info = [&PREFIX[..], &sha2::Sha256::digest(message)].concat();
        let mut block = vec![0xff; size];
        (block[0], block[1]) = (0, 1);
        let start = size - info.len();
        block[start - 1] = 0;
        block[start..].copy_from_slice(&info);
        let signature = BigUint::from_bytes_be(&block).modpow(&self.d, &self.n).to_bytes_be();
        [vec![0; size - signature.len()], signature].concat()
    }
}
