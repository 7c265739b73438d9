//! Private keys in PEM.

use super::Entropy;
use super::der::{self, OCTET_STRING, OID, Reader};
use super::prime::{is_prime, prime};
use super::rsa::RsaKey;
use crate::go::GoError;
use num_bigint::BigUint;

const RSA_OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_OID: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256_OID: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ED25519_OID: &[u8] = &[0x2b, 0x65, 0x70];
const SHA256_RSA_OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const SHA256_ECDSA_OID: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// `genPrivateKey`: a new key in PEM, for RSA of 4096 bits. An unknown kind gives a text that says so. sprig's
/// `generatePrivateKey` (crypto.go).
pub fn gen_private_key(kind: &str, entropy: Entropy<'_>) -> String {
    match kind {
        "" | "rsa" => PrivateKey::Rsa(RsaKey::generate(4096, entropy)).to_pem(),
        "dsa" => dsa(entropy),
        "ecdsa" => PrivateKey::ecdsa(entropy).to_pem(),
        "ed25519" => {
            let mut seed = [0; 32];
            entropy(&mut seed);
            PrivateKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&seed)).to_pem()
        }
        _ => format!("Unknown type {kind}"),
    }
}

/// A DSA key with a modulus of 2048 bits and a group of 256.
fn dsa(entropy: Entropy<'_>) -> String {
    let one = BigUint::from(1_u8);
    let q = prime(256, entropy);
    let step = &q * 2_u8;
    let mut bytes = [0; 256];
    let p = loop {
        entropy(&mut bytes);
        bytes[0] |= 0x80;
        let number = BigUint::from_bytes_be(&bytes);
        let p = &number - (&number % &step) + &one;
        if p.bits() == 2048 && is_prime(&p, entropy) {
            break p;
        }
    };
    let exponent = (&p - &one) / &q;
    let g = (2_u8..=u8::MAX).map(|h| BigUint::from(h).modpow(&exponent, &p)).find(|g| *g != one).unwrap_or_default();
    let mut secret = [0; 40];
    entropy(&mut secret);
    let x = BigUint::from_bytes_be(&secret) % (&q - &one) + &one;
    let y = g.modpow(&x, &p);
    let numbers = [&BigUint::ZERO, &p, &q, &g, &y, &x];
    der::pem("DSA PRIVATE KEY", &der::sequence(&numbers.map(|n| der::integer(&n.to_bytes_be()))))
}

/// A private key that can sign.
pub(super) enum PrivateKey {
    Rsa(RsaKey),
    Ecdsa(p256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
    /// Readable, but X.509 has no use for it.
    Dsa(Vec<u8>),
}

impl PrivateKey {
    fn ecdsa(entropy: Entropy<'_>) -> PrivateKey {
        let mut bytes = [0; 32];
        loop {
            entropy(&mut bytes);
            if let Ok(key) = p256::ecdsa::SigningKey::from_slice(&bytes) {
                return PrivateKey::Ecdsa(key);
            }
        }
    }

    /// As sprig reads a key that it is given.
    pub(super) fn from_pem(text: &str) -> Result<PrivateKey, GoError> {
        let (label, bytes) = der::read_pem(text).ok_or_else(|| GoError::new("no PEM data in input"))?;
        if label == "PRIVATE KEY" {
            return Self::from_pkcs8(&bytes).ok_or_else(|| GoError::new("decoding PEM as PKCS#8: x509: failed to parse private key"));
        }
        let Some(kind) = label.strip_suffix(" PRIVATE KEY") else {
            return Err(GoError::new(format!("no private key data in PEM block of type {label}")));
        };
        let read = match kind {
            "RSA" => RsaKey::from_pkcs1(&bytes).map(PrivateKey::Rsa),
            "EC" => Self::from_sec1(&bytes),
            "DSA" => Some(PrivateKey::Dsa(bytes)),
            _ => return Err(GoError::new(format!("invalid private key type {kind}"))),
        };
        read.ok_or_else(|| GoError::new(format!("parsing {kind} private key from PEM: x509: failed to parse private key")))
    }

    fn from_sec1(bytes: &[u8]) -> Option<PrivateKey> {
        let mut fields = Reader::new(bytes).sequence()?;
        fields.integer()?;
        let secret = fields.expect(OCTET_STRING)?;
        if fields.peek_tag() == Some(0xa0) && Reader::new(fields.expect(0xa0)?).expect(OID)? != P256_OID {
            return None;
        }
        p256::ecdsa::SigningKey::from_slice(secret).ok().map(PrivateKey::Ecdsa)
    }

    fn from_pkcs8(bytes: &[u8]) -> Option<PrivateKey> {
        let mut fields = Reader::new(bytes).sequence()?;
        fields.integer()?;
        let algorithm = fields.sequence()?.expect(OID)?;
        let secret = fields.expect(OCTET_STRING)?;
        match algorithm {
            RSA_OID => RsaKey::from_pkcs1(secret).map(PrivateKey::Rsa),
            EC_OID => Self::from_sec1(secret),
            ED25519_OID => {
                let seed = Reader::new(secret).expect(OCTET_STRING)?;
                Some(PrivateKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(seed.try_into().ok()?)))
            }
            _ => None,
        }
    }

    /// The forms that sprig writes: PKCS #1 for RSA, SEC 1 for ECDSA, PKCS #8 for Ed25519.
    pub(super) fn to_pem(&self) -> String {
        match self {
            PrivateKey::Rsa(key) => der::pem("RSA PRIVATE KEY", &key.to_pkcs1()),
            PrivateKey::Ecdsa(key) => {
                let parts = [
                    der::integer(&[1]),
                    der::element(OCTET_STRING, &key.to_bytes()),
                    der::element(0xa0, &der::element(OID, P256_OID)),
                    der::element(0xa1, &der::bit_string(&self.public_bits())),
                ];
                der::pem("EC PRIVATE KEY", &der::sequence(&parts))
            }
            PrivateKey::Ed25519(key) => {
                let secret = der::element(OCTET_STRING, &der::element(OCTET_STRING, &key.to_bytes()));
                der::pem("PRIVATE KEY", &der::sequence(&[der::integer(&[]), der::sequence(&[der::element(OID, ED25519_OID)]), secret]))
            }
            PrivateKey::Dsa(bytes) => der::pem("DSA PRIVATE KEY", bytes),
        }
    }

    /// What stands in the bit string of a `SubjectPublicKeyInfo`.
    pub(super) fn public_bits(&self) -> Vec<u8> {
        match self {
            PrivateKey::Rsa(key) => key.public(),
            PrivateKey::Ecdsa(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            PrivateKey::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            PrivateKey::Dsa(_) => Vec::new(),
        }
    }

    /// `SubjectPublicKeyInfo`.
    pub(super) fn public_info(&self) -> Vec<u8> {
        let algorithm = match self {
            PrivateKey::Rsa(_) => vec![der::element(OID, RSA_OID), NULL.to_vec()],
            PrivateKey::Ecdsa(_) => vec![der::element(OID, EC_OID), der::element(OID, P256_OID)],
            PrivateKey::Ed25519(_) | PrivateKey::Dsa(_) => vec![der::element(OID, ED25519_OID)],
        };
        der::sequence(&[der::sequence(&algorithm), der::bit_string(&self.public_bits())])
    }

    /// The `AlgorithmIdentifier` of [`PrivateKey::sign`].
    pub(super) fn signature_algorithm(&self) -> Vec<u8> {
        match self {
            PrivateKey::Rsa(_) => der::sequence(&[der::element(OID, SHA256_RSA_OID), NULL.to_vec()]),
            PrivateKey::Ecdsa(_) => der::sequence(&[der::element(OID, SHA256_ECDSA_OID)]),
            PrivateKey::Ed25519(_) | PrivateKey::Dsa(_) => der::sequence(&[der::element(OID, ED25519_OID)]),
        }
    }

    /// A signature; `None` for a kind of key that X.509 does not sign with here.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        use p256::ecdsa::signature::Signer;
        match self {
            PrivateKey::Rsa(key) => Some(key.sign(message)),
            PrivateKey::Ecdsa(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                let (r, s) = signature.split_bytes();
                Some(der::sequence(&[der::integer(&r), der::integer(&s)]))
            }
            PrivateKey::Ed25519(key) => Some(ed25519_dalek::Signer::sign(key, message).to_bytes().to_vec()),
            PrivateKey::Dsa(_) => None,
        }
    }
}

const NULL: &[u8] = &[0x05, 0x00];
