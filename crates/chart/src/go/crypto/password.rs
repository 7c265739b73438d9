//! Passwords and AES as sprig makes them.

use super::Entropy;
use crate::go::GoError;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding, block_padding::Pkcs7};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{KeyInit, Mac};

/// sprig's `bcrypt` (crypto.go): cost 10, version `2a`. What goes wrong is the result, as there.
pub fn bcrypt(password: &[u8], entropy: Entropy<'_>) -> String {
    if password.len() > 72 {
        return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_owned();
    }
    let mut salt = [0; 16];
    entropy(&mut salt);
    match ::bcrypt::hash_with_salt(password, 10, salt) {
        Ok(parts) => parts.format_for_version(::bcrypt::Version::TwoA),
        Err(e) => format!("failed to encrypt string with bcrypt: {e}"),
    }
}

/// sprig's `htpasswd` (crypto.go): `user:hash` with bcrypt. What is wrong with the name is the result, as there.
pub fn htpasswd(user: &str, password: &[u8], entropy: Entropy<'_>) -> String {
    if user.contains(':') { format!("invalid username: {user}") } else { format!("{user}:{}", bcrypt(password, entropy)) }
}

/// The kinds of characters that a template of [`derive_password`] names.
fn characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

const LONG: [&str; 21] = [
    "CvcvnoCvcvCvcv",
    "CvcvCvcvnoCvcv",
    "CvcvCvcvCvcvno",
    "CvccnoCvcvCvcv",
    "CvccCvcvnoCvcv",
    "CvccCvcvCvcvno",
    "CvcvnoCvccCvcv",
    "CvcvCvccnoCvcv",
    "CvcvCvccCvcvno",
    "CvcvnoCvcvCvcc",
    "CvcvCvcvnoCvcc",
    "CvcvCvcvCvccno",
    "CvccnoCvccCvcv",
    "CvccCvccnoCvcv",
    "CvccCvccCvcvno",
    "CvcvnoCvccCvcc",
    "CvcvCvccnoCvcc",
    "CvcvCvccCvccno",
    "CvccnoCvcvCvcc",
    "CvccCvcvnoCvcc",
    "CvccCvcvCvccno",
];

/// sprig's `derivePassword` (crypto.go): the Master Password algorithm, which needs no randomness. An unknown kind gives a text
/// that says so.
pub fn derive_password(counter: u32, kind: &str, password: &str, user: &str, site: &str) -> String {
    const SEED: &str = "com.lyndir.masterpassword";
    let templates: &[&str] = match kind {
        "maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        "long" => &LONG,
        "medium" => &["CvcnoCvc", "CvcCvcno"],
        "short" => &["Cvcn"],
        "basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        "pin" => &["nnnn"],
        _ => return format!("cannot find password template {kind}"),
    };
    let sized = |text: &str| [&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat();
    let salt = [SEED.as_bytes(), &sized(user)].concat();
    let mut key = [0; 64];
    let done = scrypt::Params::new(15, 8, 2).map(|params| scrypt::scrypt(password.as_bytes(), &salt, &params, &mut key));
    if !matches!(done, Ok(Ok(()))) {
        return "failed to derive password: the parameters were refused".to_owned();
    }
    let Ok(mut mac) = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key) else {
        return "failed to derive password: the key was refused".to_owned();
    };
    mac.update(&[SEED.as_bytes(), &sized(site), &counter.to_be_bytes()].concat());
    let seed = mac.finalize().into_bytes();
    let template = templates[usize::from(seed[0]) % templates.len()];
    let pick = |(class, byte): (u8, &u8)| {
        let from = characters(class);
        char::from(from[usize::from(*byte) % from.len()])
    };
    template.bytes().zip(&seed[1..]).map(pick).collect()
}

/// The password itself, cut or filled up with zeros to 32 bytes, is the key.
fn aes_key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let len = password.len().min(32);
    key[..len].copy_from_slice(&password[..len]);
    key
}

/// sprig's `encryptAES` (crypto.go): AES-256-CBC with a random start of 16 bytes in front, in base64. An empty text stays empty.
pub fn encrypt_aes(password: &[u8], plain: &[u8], entropy: Entropy<'_>) -> String {
    if plain.is_empty() {
        return String::new();
    }
    let mut iv = [0; 16];
    entropy(&mut iv);
    let cipher = cbc::Encryptor::<aes::Aes256>::new(&aes_key(password).into(), &iv.into());
    let encrypted = cipher.encrypt_padded_vec::<Pkcs7>(plain);
    STANDARD.encode([&iv[..], &encrypted].concat())
}

/// sprig's `decryptAES` (crypto.go), the inverse of [`encrypt_aes`].
///
/// # Errors
/// Where the text is no base64 or of a wrong length. A wrong password gives garbage or one of Go's own runtime errors, as there.
pub fn decrypt_aes(password: &[u8], text: &str) -> Result<Vec<u8>, GoError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = crate::go::base64::decode(text.as_bytes()).map_err(|at| GoError::new(format!("illegal base64 data at input byte {at}")))?;
    let Some((iv, body)) = bytes.split_first_chunk::<16>() else {
        return Err(GoError::new(format!("runtime error: slice bounds out of range [:16] with capacity {}", text.len() / 4 * 3)));
    };
    let cipher = cbc::Decryptor::<aes::Aes256>::new(&aes_key(password).into(), &(*iv).into());
    let mut plain = cipher.decrypt_padded_vec::<NoPadding>(body).map_err(|_| GoError::new("crypto/cipher: input not full blocks"))?;
    let padding = plain.last().copied().map(usize::from).ok_or_else(|| GoError::new("runtime error: index out of range [-1]"))?;
    let kept = plain
        .len()
        .checked_sub(padding)
        .ok_or_else(|| GoError::new(format!("runtime error: slice bounds out of range [:{}]", plain.len() as i64 - padding as i64)))?;
    plain.truncate(kept);
    Ok(plain)
}
