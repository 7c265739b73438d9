//! Certificates as sprig asks Go's `crypto/x509` for them.

use super::Entropy;
use super::der::{self, OCTET_STRING, OID, Reader};
use super::key::PrivateKey;
use super::rsa::RsaKey;
use crate::go::GoError;
use crate::go::time::{Duration, Time};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest;
use std::net::IpAddr;

/// A certificate and its private key, both in PEM: sprig's `certificate` (crypto.go).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate.
    pub cert: String,
    /// The private key.
    pub key: String,
}

/// What a certificate is to say: the arguments of sprig's functions, of which `getBaseCertTemplate` (crypto.go) makes it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The common name.
    pub cn: &'a str,
    /// IP addresses as text, of version 4 or 6.
    pub ips: &'a [String],
    /// Further DNS names.
    pub dns: &'a [String],
    /// Days of 24 hours until it expires.
    pub days: i64,
    /// The key in PEM; a new RSA key of 2048 bits if there is none.
    pub key: Option<&'a str>,
}

/// `genCA` and `genCAWithKey`: sprig's `generateCertificateAuthority` and `generateCertificateAuthorityWithPEMKey` (crypto.go).
/// Addresses and DNS names of the request are not used.
///
/// # Errors
/// Where the given key cannot be used.
pub fn gen_ca(request: &Request<'_>, now: &Time, entropy: Entropy<'_>) -> Result<Certificate, GoError> {
    let key = key_of(request, entropy)?;
    create(&Request { ips: &[], dns: &[], ..*request }, true, now, &key, None, entropy)
}

/// `genSelfSignedCert` and `genSelfSignedCertWithKey`: sprig's `generateSelfSignedCertificate` and
/// `generateSelfSignedCertificateWithPEMKey` (crypto.go).
///
/// # Errors
/// Where the given key, an address or a DNS name cannot be used.
pub fn gen_self_signed(request: &Request<'_>, now: &Time, entropy: Entropy<'_>) -> Result<Certificate, GoError> {
    let key = key_of(request, entropy)?;
    create(request, false, now, &key, None, entropy)
}

/// `genSignedCert` and `genSignedCertWithKey`: sprig's `generateSignedCertificate` and
/// `generateSignedCertificateWithPEMKey` (crypto.go).
///
/// # Errors
/// Where the given key, an address, a DNS name or `ca` cannot be used, or the key of `ca` is that of another certificate.
pub fn gen_signed(request: &Request<'_>, ca: &Certificate, now: &Time, entropy: Entropy<'_>) -> Result<Certificate, GoError> {
    let key = key_of(request, entropy)?;
    let (_, bytes) = der::read_pem(&ca.cert).ok_or_else(|| GoError::new("unable to decode certificate"))?;
    let issuer = Issuer::read(&bytes)
        .ok_or_else(|| GoError::new("error parsing certificate: decodedSignerCert.Bytes: x509: malformed certificate"))?;
    let signer = PrivateKey::from_pem(&ca.key).map_err(|e| GoError::new(format!("error parsing private key: {e}")))?;
    if signer.public_info() != issuer.public_info && !matches!(signer, PrivateKey::Dsa(_)) {
        return Err(GoError::new("error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey"));
    }
    create(request, false, now, &key, Some((issuer, signer)), entropy)
}

/// `buildCustomCert`: checks and decodes what the caller has, PEM in base64. sprig's `buildCustomCertificate` (crypto.go).
///
/// # Errors
/// Where one of them is no base64, no PEM, or not what it should be.
pub fn build_custom_cert(cert: &str, key: &str) -> Result<Certificate, GoError> {
    let decode = |text: &str, what: &str| {
        let bytes = STANDARD.decode(text.replace(['\r', '\n'], "")).map_err(|_| GoError::new(format!("unable to decode base64 {what}")))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let (cert, key): (String, String) = (decode(cert, "certificate")?, decode(key, "private key")?);
    let (_, bytes) = der::read_pem(&cert).ok_or_else(|| GoError::new("unable to decode certificate"))?;
    Issuer::read(&bytes).ok_or_else(|| GoError::new("error parsing certificate: decodedCert.Bytes: x509: malformed certificate"))?;
    PrivateKey::from_pem(&key).map_err(|e| GoError::new(format!("error parsing private key: {e}")))?;
    Ok(Certificate { cert, key })
}

/// Whether the key of a caller can be used, which sprig's `genCAWithKey` and its like (crypto.go) look at before all else.
///
/// # Errors
/// Why it is no private key.
pub fn check_key(pem: &str) -> Result<(), GoError> {
    read_key(pem).map(drop)
}

/// Whether these are all IP addresses, which sprig's `getNetIPs` (crypto.go) looks at before names.
///
/// # Errors
/// The first that is none.
pub fn check_ips(ips: &[String]) -> Result<(), GoError> {
    ips.iter().try_for_each(|ip| parse_ip(ip).map(drop))
}

fn read_key(pem: &str) -> Result<PrivateKey, GoError> {
    PrivateKey::from_pem(pem).map_err(|e| GoError::new(format!("parsing private key: {e}")))
}

fn key_of(request: &Request<'_>, entropy: Entropy<'_>) -> Result<PrivateKey, GoError> {
    match request.key {
        Some(pem) => read_key(pem),
        None => Ok(PrivateKey::Rsa(RsaKey::generate(2048, entropy))),
    }
}

/// What a signed certificate takes over from its issuer.
struct Issuer {
    subject: Vec<u8>,
    public_info: Vec<u8>,
    key_id: Option<Vec<u8>>,
}

impl Issuer {
    fn read(certificate: &[u8]) -> Option<Issuer> {
        let mut fields = Reader::new(certificate).sequence()?.sequence()?;
        if fields.peek_tag() == Some(0xa0) {
            fields.next()?;
        }
        // Serial number, algorithm, issuer and validity.
        (0..4).try_for_each(|_| fields.next().map(drop))?;
        let (_, _, subject) = fields.next()?;
        let (_, _, public_info) = fields.next()?;
        let mut key_id = None;
        while let Some((tag, content, _)) = fields.next() {
            if tag == 0xa3 {
                let mut extensions = Reader::new(content).sequence()?;
                while let Some(mut extension) = extensions.sequence() {
                    if extension.expect(OID)? == [0x55, 0x1d, 0x0e] {
                        key_id = Some(Reader::new(extension.expect(OCTET_STRING)?).expect(OCTET_STRING)?.to_vec());
                    }
                }
            }
        }
        Some(Issuer { subject: subject.to_vec(), public_info: public_info.to_vec(), key_id })
    }
}

fn create(
    request: &Request<'_>,
    ca: bool,
    now: &Time,
    key: &PrivateKey,
    issuer: Option<(Issuer, PrivateKey)>,
    entropy: Entropy<'_>,
) -> Result<Certificate, GoError> {
    let ips: Vec<IpAddr> = request.ips.iter().map(|ip| parse_ip(ip)).collect::<Result<_, _>>()?;
    let mut serial = [0; 16];
    entropy(&mut serial);
    if let Some(name) = request.dns.iter().find(|name| !name.is_ascii()) {
        return Err(GoError::new(format!(
            "error creating certificate: x509: {} cannot be encoded as an IA5String",
            crate::go::quote::quote(name)
        )));
    }
    let subject = name(request.cn);
    let (issuer_name, issuer_key_id, signer) = match &issuer {
        Some((issuer, signer)) => (issuer.subject.clone(), issuer.key_id.clone(), signer),
        None => (subject.clone(), None, key),
    };
    let until = now.add(Duration(request.days.saturating_mul(24 * 3_600 * Duration::SECOND.0)));
    let mut extensions = vec![
        extension(&[0x55, 0x1d, 0x0f], true, &if ca { [0x03, 0x02, 0x02, 0xa4] } else { [0x03, 0x02, 0x05, 0xa0] }),
        extension(
            &[0x55, 0x1d, 0x25],
            false,
            &der::sequence(&[1, 2].map(|use_of| der::element(OID, &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, use_of]))),
        ),
        extension(&[0x55, 0x1d, 0x13], true, &der::sequence(&if ca { vec![vec![0x01, 0x01, 0xff]] } else { vec![] })),
    ];
    if ca {
        let id = &sha2::Sha256::digest(key.public_bits())[..20];
        extensions.push(extension(&[0x55, 0x1d, 0x0e], false, &der::element(OCTET_STRING, id)));
    }
    if let Some(id) = issuer_key_id.filter(|_| issuer_name != subject) {
        extensions.push(extension(&[0x55, 0x1d, 0x23], false, &der::sequence(&[der::element(0x80, &id)])));
    }
    if !request.dns.is_empty() || !ips.is_empty() {
        let mut names: Vec<Vec<u8>> = request.dns.iter().map(|name| der::element(0x82, name.as_bytes())).collect();
        names.extend(ips.iter().map(|ip| match ip {
            IpAddr::V4(ip) => der::element(0x87, &ip.octets()),
            IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or_else(|| der::element(0x87, &ip.octets()), |ip| der::element(0x87, &ip.octets())),
        }));
        extensions.push(extension(&[0x55, 0x1d, 0x11], request.cn.is_empty(), &der::sequence(&names)));
    }
    let algorithm = signer.signature_algorithm();
    let body = der::sequence(&[
        der::element(0xa0, &der::integer(&[2])),
        der::integer(&serial),
        algorithm.clone(),
        issuer_name,
        der::sequence(&[date(now), date(&until)]),
        subject,
        key.public_info(),
        der::element(0xa3, &der::sequence(&extensions)),
    ]);
    let not_signer = || GoError::new("error creating certificate: x509: certificate private key does not implement crypto.Signer");
    let signature = signer.sign(&body).filter(|_| !matches!(key, PrivateKey::Dsa(_))).ok_or_else(not_signer)?;
    let certificate = der::sequence(&[body, algorithm, der::bit_string(&signature)]);
    Ok(Certificate { cert: der::pem("CERTIFICATE", &certificate), key: key.to_pem() })
}

fn parse_ip(text: &str) -> Result<IpAddr, GoError> {
    text.parse().map_err(|_| GoError::new(format!("error parsing ip: {text}")))
}

/// A name that has a common name and nothing else.
fn name(cn: &str) -> Vec<u8> {
    if cn.is_empty() {
        return der::sequence(&[]);
    }
    let printable = cn.bytes().all(|b| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b));
    let value = der::element(if printable { 0x13 } else { 0x0c }, cn.as_bytes());
    der::sequence(&[der::element(0x31, &der::sequence(&[der::element(OID, &[0x55, 0x04, 0x03]), value]))])
}

fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { vec![0x01, 0x01, 0xff] } else { vec![] };
    der::sequence(&[der::element(OID, oid), critical, der::element(OCTET_STRING, value)])
}

/// Two digits for the year from 1950 to 2049, else four.
fn date(time: &Time) -> Vec<u8> {
    let utc = time.in_zone(&crate::go::time::Zone::Utc);
    if (1950..2050).contains(&utc.civil().year) {
        der::element(0x17, utc.format("060102150405Z").as_bytes())
    } else {
        der::element(0x18, utc.format("20060102150405Z").as_bytes())
    }
}
