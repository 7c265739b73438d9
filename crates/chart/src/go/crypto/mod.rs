//! sprig's cryptographic functions (crypto.go): passwords, AES, private keys and certificates.
//!
//! Randomness and the clock are arguments. A function draws from its [`Entropy`] in an order that does not change, so the same
//! entropy gives the same key; whether that is a system's randomness or a keyed stream is the caller's choice.
//!
//! - [`bcrypt()`], [`htpasswd`], [`derive_password`], [`encrypt_aes`], [`decrypt_aes`]
//! - [`gen_private_key`]: `rsa`, `dsa`, `ecdsa`, `ed25519` in PEM
//! - [`gen_ca`], [`gen_self_signed`], [`gen_signed`], each with a key of its own or a given one; [`build_custom_cert`]

mod cert;
mod der;
mod key;
mod password;
mod prime;
mod rsa;

pub use cert::{Certificate, Request, build_custom_cert, check_ips, check_key, gen_ca, gen_self_signed, gen_signed};
pub use key::gen_private_key;
pub use password::{bcrypt, decrypt_aes, derive_password, encrypt_aes, htpasswd};

/// Fills the slice with random bytes: what Go's `rand.Reader` (crypto/rand/rand.go) is to sprig.
pub type Entropy<'a> = &'a mut dyn FnMut(&mut [u8]);

#[cfg(test)]
mod tests;
