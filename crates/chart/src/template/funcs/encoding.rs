//! base64, base32, digests and JSON in sprig's forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest;

use super::{Answer, FuncDef, Ty, bytes, func, text};
use crate::go::json;
use crate::template::value::{Layout, Value, json_text};

use Ty::{Any, Str};

pub(super) static FUNCS: &[FuncDef] = &[
    func("b64enc", &[Str], |ctx, args| {
        ctx.world.budget.bytes(bytes(&args[0]).len())?;
        Ok(Value::from(STANDARD.encode(bytes(&args[0]))))
    }),
    func("b64dec", &[Str], |_, args| {
        Ok(match crate::go::base64::decode(bytes(&args[0])) {
            Ok(decoded) => Value::bytes_as_string(decoded),
            Err(at) => Value::from(format!("illegal base64 data at input byte {at}")),
        })
    }),
    func("b32enc", &[Str], |_, args| Ok(Value::from(base32_encode(bytes(&args[0]))))),
    func("b32dec", &[Str], |_, args| {
        Ok(match base32_decode(bytes(&args[0])) {
            Ok(decoded) => Value::bytes_as_string(decoded),
            Err(at) => Value::from(format!("illegal base32 data at input byte {at}")),
        })
    }),
    func("sha1sum", &[Str], |_, args| Ok(Value::from(hex(&sha1::Sha1::digest(bytes(&args[0])))))),
    func("sha256sum", &[Str], |_, args| Ok(Value::from(hex(&sha2::Sha256::digest(bytes(&args[0])))))),
    func("sha512sum", &[Str], |_, args| Ok(Value::from(hex(&sha2::Sha512::digest(bytes(&args[0])))))),
    func("adler32sum", &[Str], |_, args| Ok(Value::from(adler32(bytes(&args[0])).to_string()))),
    func("mustToJson", &[Any], |ctx, args| written(ctx, args, Layout::Html)),
    func("toPrettyJson", &[Any], |ctx, args| Ok(written(ctx, args, Layout::Pretty).unwrap_or_else(|_| Value::str("")))),
    func("mustToPrettyJson", &[Any], |ctx, args| written(ctx, args, Layout::Pretty)),
    func("toRawJson", &[Any], |ctx, args| written(ctx, args, Layout::Raw)),
    func("mustToRawJson", &[Any], |ctx, args| written(ctx, args, Layout::Raw)),
    func("mustFromJson", &[Str], |ctx, args| {
        ctx.world.budget.decode(bytes(&args[0]).len())?;
        let parsed = json::from_str(&text(&args[0])).map_err(|err| json::error_of_bytes(&err, bytes(&args[0])));
        Ok(Value::from_json(&parsed?))
    }),
];

fn written(ctx: &mut super::Ctx<'_>, args: &[Value], layout: Layout) -> Answer {
    let text = json_text(&args[0], layout).map_err(|err| err.to_string())?;
    ctx.world.budget.bytes(text.len())?;
    Ok(Value::from(text))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULO: u32 = 65_521;
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % MODULO;
        b = (b + a) % MODULO;
    }
    b << 16 | a
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32_encode(input: &[u8]) -> String {
    let mut out = String::with_capacity(input.len().div_ceil(5) * 8);
    for chunk in input.chunks(5) {
        let mut block = [0u8; 5];
        block[..chunk.len()].copy_from_slice(chunk);
        let bits = block.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        let digits = (chunk.len() * 8).div_ceil(5);
        for i in 0..8 {
            out.push(if i < digits { char::from(BASE32[(bits >> (35 - 5 * i) & 31) as usize]) } else { '=' });
        }
    }
    out
}

/// The error is a position, as Go computes it.
fn base32_decode(input: &[u8]) -> Result<Vec<u8>, usize> {
    let clean: Vec<u8> = input.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let mut out = Vec::with_capacity(clean.len() / 8 * 5);
    let mut at = 0;
    while at < clean.len() {
        let start = at;
        let mut bits = 0u64;
        let mut digits = 0;
        while digits < 8 {
            let Some(byte) = clean.get(at) else {
                return Err(start);
            };
            at += 1;
            let rest = &clean[at..];
            if *byte == b'=' && digits >= 2 && rest.len() < 8 {
                check_padding(rest, digits, clean.len())?;
                at = clean.len();
                break;
            }
            let digit = BASE32.iter().position(|known| known == byte).ok_or(at - 1)?;
            bits = bits << 5 | digit as u64;
            digits += 1;
        }
        bits <<= 5 * (8 - digits);
        out.extend_from_slice(&bits.to_be_bytes()[3..3 + digits * 5 / 8]);
    }
    Ok(out)
}

/// What stands behind the first padding byte, after so many digits.
fn check_padding(rest: &[u8], digits: usize, len: usize) -> Result<(), usize> {
    if rest.len() + digits < 7 {
        return Err(len);
    }
    for k in 0..7 - digits {
        if rest.get(k).is_some_and(|byte| *byte != b'=') {
            return Err(len - rest.len() + k - 1);
        }
    }
    if matches!(digits, 3 | 6) { Err(len - rest.len() - 1) } else { Ok(()) }
}
