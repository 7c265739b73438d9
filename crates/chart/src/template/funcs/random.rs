//! Random strings and numbers, from the bytes that the caller of the render gives.

use super::{Answer, FuncDef, Ty, func, int, text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::template::error::Fail;
use crate::template::exec::Ctx;
use crate::template::value::Value;

use Ty::{Int, Str};

pub(super) static FUNCS: &[FuncDef] = &[
    func("randAlphaNum", &[Int], |ctx, args| pick(ctx, "randAlphaNum", int(&args[0]), ALPHA_NUM)),
    func("randAlpha", &[Int], |ctx, args| pick(ctx, "randAlpha", int(&args[0]), &ALPHA_NUM[10..])),
    func("randNumeric", &[Int], |ctx, args| pick(ctx, "randNumeric", int(&args[0]), &ALPHA_NUM[..10])),
    func("randAscii", &[Int], |ctx, args| {
        let printable: Vec<u8> = (b' '..=b'~').collect();
        pick(ctx, "randAscii", int(&args[0]), &printable)
    }),
    func("randBytes", &[Int], |ctx, args| {
        let Ok(count) = usize::try_from(int(&args[0])) else {
            return Err("runtime error: makeslice: len out of range".into());
        };
        Ok(Value::from(STANDARD.encode(random(ctx, "randBytes", count)?)))
    }),
    func("randInt", &[Int, Int], rand_int),
    func("uuidv4", &[], uuid),
    func("shuffle", &[Str], shuffle),
];

const ALPHA_NUM: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(super) fn random(ctx: &mut Ctx<'_>, function: &'static str, count: usize) -> Result<Vec<u8>, Fail> {
    ctx.world.budget.bytes(count)?;
    let site = ctx.world.site(function);
    let mut out = vec![0; count];
    ctx.world.entropy.fill(&site, &mut out);
    Ok(out)
}

/// Random numbers of 64 bits, of which a remainder by a small number is even enough.
fn numbers(ctx: &mut Ctx<'_>, function: &'static str, count: usize) -> Result<Vec<u64>, Fail> {
    let bytes = random(ctx, function, count.saturating_mul(8))?;
    Ok(bytes.chunks_exact(8).map(|chunk| chunk.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))).collect())
}

fn pick(ctx: &mut Ctx<'_>, function: &'static str, count: i64, from: &[u8]) -> Answer {
    // a negative count is an error that sprig drops
    let count = usize::try_from(count).unwrap_or(0);
    let numbers = numbers(ctx, function, count)?;
    Ok(Value::from(numbers.iter().map(|n| char::from(from[(n % from.len() as u64) as usize])).collect::<String>()))
}

fn rand_int(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let (min, max) = (int(&args[0]), int(&args[1]));
    let span = max.wrapping_sub(min);
    if span <= 0 {
        return Err("invalid argument to Intn".into());
    }
    let n = numbers(ctx, "randInt", 1)?[0];
    Ok(Value::Int(min.wrapping_add((n % span as u64) as i64)))
}

fn uuid(ctx: &mut Ctx<'_>, _: &[Value]) -> Answer {
    let mut bytes = random(ctx, "uuidv4", 16)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = super::encoding::hex(&bytes);
    Ok(Value::from(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])))
}

fn shuffle(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let mut chars: Vec<char> = text(&args[0]).chars().collect();
    let numbers = numbers(ctx, "shuffle", chars.len())?;
    for i in (1..chars.len()).rev() {
        chars.swap(i, (numbers[i] % (i as u64 + 1)) as usize);
    }
    Ok(Value::from(chars.into_iter().collect::<String>()))
}
