//! Passwords, keys and certificates. Their random bytes come from one stream per call.

use sha2::{Digest, Sha256};

use super::random::random;
use super::{Answer, FuncDef, Ty, bytes, func, int, text};
use crate::go::crypto::{self, Certificate, Request};
use crate::template::error::Fail;
use crate::template::exec::Ctx;
use crate::template::print;
use crate::template::value::{Field, StructType, Value};

use Ty::{Cert, Int, List, Str, Uint32};

/// Steps that the slow functions are counted for, so that a chart cannot call them without end.
const PASSWORD: usize = 100_000;
const DERIVED_KEY: usize = 250_000;
const CERTIFICATE: usize = 400_000;
const LARGE_KEY: usize = 2_000_000;

pub(super) static FUNCS: &[FuncDef] = &[
    func("bcrypt", &[Str], |ctx, args| {
        ctx.world.budget.steps(PASSWORD)?;
        let mut stream = Stream::new(ctx, "bcrypt")?;
        Ok(Value::from(crypto::bcrypt(bytes(&args[0]), &mut |out| stream.fill(out))))
    }),
    func("htpasswd", &[Str, Str], |ctx, args| {
        ctx.world.budget.steps(PASSWORD)?;
        let mut stream = Stream::new(ctx, "htpasswd")?;
        Ok(Value::from(crypto::htpasswd(&text(&args[0]), bytes(&args[1]), &mut |out| stream.fill(out))))
    }),
    func("derivePassword", &[Uint32, Str, Str, Str, Str], |ctx, args| {
        ctx.world.budget.steps(DERIVED_KEY)?;
        let [kind, password, user, site] = [1, 2, 3, 4].map(|i| text(&args[i]));
        Ok(Value::from(crypto::derive_password(int(&args[0]) as u32, &kind, &password, &user, &site)))
    }),
    func("encryptAES", &[Str, Str], |ctx, args| {
        ctx.world.budget.bytes(bytes(&args[1]).len().saturating_mul(2))?;
        let mut stream = Stream::new(ctx, "encryptAES")?;
        Ok(Value::from(crypto::encrypt_aes(bytes(&args[0]), bytes(&args[1]), &mut |out| stream.fill(out))))
    }),
    func("decryptAES", &[Str, Str], |_, args| Ok(Value::bytes_as_string(crypto::decrypt_aes(bytes(&args[0]), &text(&args[1]))?))),
    func("genPrivateKey", &[Str], |ctx, args| {
        ctx.world.budget.steps(LARGE_KEY)?;
        let mut stream = Stream::new(ctx, "genPrivateKey")?;
        Ok(Value::from(crypto::gen_private_key(&text(&args[0]), &mut |out| stream.fill(out))))
    }),
    func("buildCustomCert", &[Str, Str], |_, args| Ok(certificate(crypto::build_custom_cert(&text(&args[0]), &text(&args[1]))?))),
    func("genCA", &[Str, Int], |ctx, args| ca(ctx, "genCA", args, None)),
    func("genCAWithKey", &[Str, Int, Str], |ctx, args| ca(ctx, "genCAWithKey", args, Some(&args[2]))),
    func("genSelfSignedCert", &[Str, List, List, Int], |ctx, args| self_signed(ctx, "genSelfSignedCert", args, None)),
    func("genSelfSignedCertWithKey", &[Str, List, List, Int, Str], |ctx, args| {
        self_signed(ctx, "genSelfSignedCertWithKey", args, Some(&args[4]))
    }),
    func("genSignedCert", &[Str, List, List, Int, Cert], |ctx, args| signed(ctx, "genSignedCert", args, None)),
    func("genSignedCertWithKey", &[Str, List, List, Int, Cert, Str], |ctx, args| signed(ctx, "genSignedCertWithKey", args, Some(&args[5]))),
];

const fn field(name: &'static str) -> Field {
    Field { name, json: name, omit_empty: false, embedded: false }
}

static CERTIFICATE_TYPE: StructType =
    StructType { name: "sprig.certificate", fields: &[field("Cert"), field("Key")], prints_as: None, json_as: None };

fn certificate(made: Certificate) -> Value {
    Value::structure(&CERTIFICATE_TYPE, false, vec![Value::from(made.cert), Value::from(made.key)])
}

/// Random bytes without end, from a seed that the call's site gives.
struct Stream {
    seed: Vec<u8>,
    counter: u64,
    left: Vec<u8>,
}

impl Stream {
    fn new(ctx: &mut Ctx<'_>, function: &'static str) -> Result<Stream, Fail> {
        Ok(Stream { seed: random(ctx, function, 32)?, counter: 0, left: Vec::new() })
    }

    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            if self.left.is_empty() {
                let block = Sha256::new().chain_update(&self.seed).chain_update(self.counter.to_be_bytes());
                self.left = block.finalize().to_vec();
                self.counter += 1;
            }
            *byte = self.left.pop().unwrap_or_default();
        }
    }
}

/// A list of strings, of which `what` is the name in the error for anything else.
fn texts(list: &Value, what: &str) -> Result<Vec<String>, Fail> {
    let Value::List(list) = list else {
        return Ok(Vec::new());
    };
    let each = |item: &Value| match item {
        Value::Str(text) => Ok(text.to_string()),
        other => Err(Fail::Text(format!("error {what}: {} is not a string", print::to_string(other)))),
    };
    list.items.iter().map(each).collect()
}

/// Go writes no certificate for a name that is no UTF-8.
fn named(cn: &Value) -> Result<(), Fail> {
    match cn {
        Value::Raw(_) => Err("error creating certificate: asn1: string not valid UTF-8".into()),
        _ => Ok(()),
    }
}

/// A list of addresses, each looked at before the next.
fn ips(list: &Value) -> Result<Vec<String>, Fail> {
    let Value::List(list) = list else {
        return Ok(Vec::new());
    };
    let mut out = Vec::new();
    for item in &list.items {
        let one = texts(&Value::list(vec![item.clone()]), "parsing ip")?;
        crypto::check_ips(&one)?;
        out.extend(one);
    }
    Ok(out)
}

fn ca(ctx: &mut Ctx<'_>, function: &'static str, args: &[Value], key: Option<&Value>) -> Answer {
    ctx.world.budget.steps(CERTIFICATE)?;
    let mut stream = Stream::new(ctx, function)?;
    let (cn, key) = (text(&args[0]), key.map(text));
    key.as_deref().map_or(Ok(()), crypto::check_key)?;
    named(&args[0])?;
    let request = Request { cn: &cn, ips: &[], dns: &[], days: int(&args[1]), key: key.as_deref() };
    Ok(certificate(crypto::gen_ca(&request, &ctx.world.now, &mut |out| stream.fill(out))?))
}

fn self_signed(ctx: &mut Ctx<'_>, function: &'static str, args: &[Value], key: Option<&Value>) -> Answer {
    ctx.world.budget.steps(CERTIFICATE)?;
    let mut stream = Stream::new(ctx, function)?;
    let (cn, key) = (text(&args[0]), key.map(text));
    key.as_deref().map_or(Ok(()), crypto::check_key)?;
    let ips = ips(&args[1])?;
    let dns = texts(&args[2], "processing alternate dns name")?;
    named(&args[0])?;
    let request = Request { cn: &cn, ips: &ips, dns: &dns, days: int(&args[3]), key: key.as_deref() };
    Ok(certificate(crypto::gen_self_signed(&request, &ctx.world.now, &mut |out| stream.fill(out))?))
}

fn signed(ctx: &mut Ctx<'_>, function: &'static str, args: &[Value], key: Option<&Value>) -> Answer {
    ctx.world.budget.steps(CERTIFICATE)?;
    let mut stream = Stream::new(ctx, function)?;
    let (cn, key) = (text(&args[0]), key.map(text));
    key.as_deref().map_or(Ok(()), crypto::check_key)?;
    let ips = ips(&args[1])?;
    let dns = texts(&args[2], "processing alternate dns name")?;
    named(&args[0])?;
    let request = Request { cn: &cn, ips: &ips, dns: &dns, days: int(&args[3]), key: key.as_deref() };
    let Value::Struct(issuer) = &args[4] else {
        return Err("the issuer is not a certificate".into());
    };
    let part = |name: &str| issuer.field(name).map(|part| text(part).into_owned()).unwrap_or_default();
    let issuer = Certificate { cert: part("Cert"), key: part("Key") };
    Ok(certificate(crypto::gen_signed(&request, &issuer, &ctx.world.now, &mut |out| stream.fill(out))?))
}
