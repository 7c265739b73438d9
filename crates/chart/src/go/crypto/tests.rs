use super::*;
use crate::go::time::Time;

/// A stream of bytes that looks random and is always the same.
fn stream(seed: u64) -> impl FnMut(&mut [u8]) {
    let mut state = seed | 1;
    move |out| {
        for byte in out {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = (state >> 24) as u8;
        }
    }
}

fn request(key: Option<&str>) -> Request<'_> {
    Request { cn: "example", ips: &[], dns: &[], days: 10, key }
}

#[test]
fn passwords_are_as_sprig_derives_them() {
    for (counter, kind, password, user, site, expect) in [
        (1, "long", "password", "user", "example.com", "ZedaFaxcZaso9*"),
        (1, "maximum", "password", "user", "example.com", "pf4zS1LjCg&LjhsZ7T2~"),
        (2, "pin", "password", "user", "example.com", "3882"),
        (1, "none", "password", "user", "example.com", "cannot find password template none"),
    ] {
        assert_eq!(derive_password(counter, kind, password, user, site), expect);
    }
}

#[test]
fn aes_goes_there_and_back() {
    let secret = encrypt_aes(b"password", b"some text", &mut stream(1));
    assert_eq!(decrypt_aes(b"password", &secret).unwrap(), b"some text");
    assert_eq!(decrypt_aes(b"secretkey", "30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ=").unwrap(), b"plaintext");
    assert_eq!(decrypt_aes(b"k", "YWJj").unwrap_err().to_string(), "runtime error: slice bounds out of range [:16] with capacity 3");
    assert_eq!(encrypt_aes(b"k", b"", &mut stream(1)), "");
}

#[test]
fn the_same_entropy_gives_the_same_password() {
    let once = htpasswd("me", b"pw", &mut stream(3));
    assert_eq!(once, htpasswd("me", b"pw", &mut stream(3)));
    assert!(once.starts_with("me:$2a$10$"), "{once}");
    assert!(bcrypt::verify("pw", &once[3..]).unwrap());
    assert_eq!(htpasswd("a:b", b"pw", &mut stream(3)), "invalid username: a:b");
}

#[test]
fn small_keys_sign_certificates() {
    let now = Time::unix(1_700_000_000, 0);
    for kind in ["ecdsa", "ed25519"] {
        let key = gen_private_key(kind, &mut stream(5));
        let ca = gen_ca(&request(Some(&key)), &now, &mut stream(6)).unwrap();
        assert_eq!(ca.key, key);
        assert_eq!(ca, gen_ca(&request(Some(&key)), &now, &mut stream(6)).unwrap());
        let (dns, ips) = (vec!["a.example".to_owned()], vec!["10.0.0.1".to_owned(), "::1".to_owned()]);
        let signed = gen_signed(&Request { cn: "leaf", dns: &dns, ips: &ips, ..request(Some(&key)) }, &ca, &now, &mut stream(7)).unwrap();
        assert!(signed.cert.starts_with("-----BEGIN CERTIFICATE-----\n") && signed.cert.ends_with("-----END CERTIFICATE-----\n"));
        let other = Certificate { key: gen_private_key(kind, &mut stream(8)), ..ca };
        let refused = gen_signed(&request(Some(&key)), &other, &now, &mut stream(7)).unwrap_err();
        assert!(refused.to_string().contains("doesn't match parent's PublicKey"), "{refused}");
    }
    let bad = Request { ips: &["300.1.1.1".to_owned()], ..request(None) };
    let key = gen_private_key("ed25519", &mut stream(5));
    assert_eq!(
        gen_self_signed(&Request { key: Some(&key), ..bad }, &now, &mut stream(9)).unwrap_err().to_string(),
        "error parsing ip: 300.1.1.1"
    );
    assert_eq!(gen_ca(&request(Some("x")), &now, &mut stream(9)).unwrap_err().to_string(), "parsing private key: no PEM data in input");
    assert_eq!(gen_private_key("foo", &mut stream(1)), "Unknown type foo");
    assert_eq!(build_custom_cert("!", "").unwrap_err().to_string(), "unable to decode base64 certificate");
}

#[test]
fn rsa_keys_survive_their_pem_form() {
    // A short key keeps the test fast; the length makes no difference to the code.
    let key = rsa::RsaKey::generate(512, &mut stream(11));
    assert!(rsa::RsaKey::from_pkcs1(&key.to_pkcs1()).is_some_and(|read| read == key));
    let pem = der::pem("RSA PRIVATE KEY", &key.to_pkcs1());
    let ca = gen_ca(&request(Some(&pem)), &Time::unix(0, 0), &mut stream(12)).unwrap();
    assert_eq!(ca.key, pem);
}
