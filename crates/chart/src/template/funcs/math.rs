//! Arithmetic, with the conversions that spf13/cast makes.

use num_bigint::{BigInt, Sign};

use super::{Answer, FuncDef, Ty, func, int, many};
use crate::go::num;
use crate::template::error::Fail;
use crate::template::exec::Ctx;
use crate::template::print;
use crate::template::value::{ListType, Value};

use Ty::{Any, Float, Int, Str};

pub(super) static FUNCS: &[FuncDef] = &[
    func("int", &[Any], |_, args| Ok(Value::Int(to_int(&args[0])))),
    func("int64", &[Any], |_, args| Ok(Value::Int64(to_int(&args[0])))),
    func("float64", &[Any], |_, args| Ok(Value::Float(to_float(&args[0])))),
    func("atoi", &[Str], |_, args| Ok(Value::Int(num::nearest_int(&super::text(&args[0]))))),
    func("toDecimal", &[Any], |_, args| {
        let text = print::to_string(&args[0]);
        Ok(Value::Int64(num::parse_int(&text, 8).unwrap_or(0)))
    }),
    func("add1", &[Any], |_, args| Ok(Value::Int64(to_int(&args[0]).wrapping_add(1)))),
    many("add", &[], Any, |_, args| Ok(Value::Int64(args.iter().fold(0, |sum: i64, arg| sum.wrapping_add(to_int(arg)))))),
    func("sub", &[Any, Any], |_, args| Ok(Value::Int64(to_int(&args[0]).wrapping_sub(to_int(&args[1]))))),
    many("mul", &[Any], Any, |_, args| {
        Ok(Value::Int64(args[1..].iter().fold(to_int(&args[0]), |product, arg| product.wrapping_mul(to_int(arg)))))
    }),
    func("div", &[Any, Any], |_, args| divide(args, i64::wrapping_div)),
    func("mod", &[Any, Any], |_, args| divide(args, i64::wrapping_rem)),
    many("max", &[Any], Any, |_, args| Ok(Value::Int64(args.iter().map(to_int).max().unwrap_or(0)))),
    many("biggest", &[Any], Any, |_, args| Ok(Value::Int64(args.iter().map(to_int).max().unwrap_or(0)))),
    many("min", &[Any], Any, |_, args| Ok(Value::Int64(args.iter().map(to_int).min().unwrap_or(0)))),
    many("maxf", &[Any], Any, |_, args| {
        Ok(Value::Float(fold_float(args, |a, b| if a > b || a == b && a.is_sign_positive() { a } else { b })))
    }),
    many("minf", &[Any], Any, |_, args| {
        Ok(Value::Float(fold_float(args, |a, b| if a < b || a == b && a.is_sign_negative() { a } else { b })))
    }),
    func("ceil", &[Any], |_, args| Ok(Value::Float(to_float(&args[0]).ceil()))),
    func("floor", &[Any], |_, args| Ok(Value::Float(to_float(&args[0]).floor()))),
    many("round", &[Any, Int], Float, round),
    func("add1f", &[Any], |_, args| decimal(&args[0], &[Value::Float(1.0)], Decimal::add)),
    many("addf", &[], Any, |_, args| decimal(&Value::Float(0.0), args, Decimal::add)),
    many("subf", &[Any], Any, |_, args| decimal(&args[0], &args[1..], Decimal::sub)),
    many("mulf", &[Any], Any, |_, args| decimal(&args[0], &args[1..], Decimal::mul)),
    many("divf", &[Any], Any, |_, args| decimal(&args[0], &args[1..], Decimal::div)),
    func("until", &[Int], |ctx, args| {
        let count = int(&args[0]);
        sequence(ctx, 0, count, if count < 0 { -1 } else { 1 }).map(|items| Value::typed_list(ListType::Int, items))
    }),
    func("untilStep", &[Int, Int, Int], |ctx, args| {
        sequence(ctx, int(&args[0]), int(&args[1]), int(&args[2])).map(|items| Value::typed_list(ListType::Int, items))
    }),
    many("seq", &[], Int, seq),
];

/// `cast.ToInt64`, where a failed conversion is 0.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(i) | Value::Int64(i) => *i,
        Value::Named(crate::template::value::NamedInt::Duration, _) => 0,
        Value::Named(_, i) => *i,
        Value::Uint8(u) => i64::from(*u),
        Value::Uint64(u) => *u as i64,
        Value::Float(f) => float_to_int(*f),
        Value::Bool(b) => i64::from(*b),
        Value::Str(text) => num::parse_int(trim_zero_decimal(text), 0).unwrap_or(0),
        _ => 0,
    }
}

/// Go's conversion on amd64: what does not fit becomes the smallest integer.
fn float_to_int(f: f64) -> i64 {
    // 2^63 is the first that does not fit
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&f) { f as i64 } else { i64::MIN }
}

/// `cast.ToFloat64`, where a failed conversion is 0.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Float(f) => *f,
        Value::Uint64(u) => *u as f64,
        Value::Str(text) => num::parse_float(text).unwrap_or(0.0),
        Value::Raw(_) => 0.0,
        other => to_int(other) as f64,
    }
}

/// `1.00` is read as `1`: a fraction of zeros is cut off.
fn trim_zero_decimal(text: &str) -> &str {
    let kept = text.trim_end_matches('0');
    match kept.strip_suffix('.') {
        Some(whole) if kept.len() < text.len() => whole,
        _ => text,
    }
}

fn divide(args: &[Value], by: fn(i64, i64) -> i64) -> Answer {
    match to_int(&args[1]) {
        0 => Err("runtime error: integer divide by zero".into()),
        divisor => Ok(Value::Int64(by(to_int(&args[0]), divisor))),
    }
}

fn fold_float(args: &[Value], pick: fn(f64, f64) -> f64) -> f64 {
    let each = args.iter().map(to_float);
    // The infinity that would win does so over NaN too.
    let wins = |f: f64| f.is_infinite() && pick(f, 0.0) == f;
    each.reduce(|a, b| match (a.is_nan(), b.is_nan()) {
        (false, false) => pick(a, b),
        (true, false) if wins(b) => b,
        (false, true) if wins(a) => a,
        _ => f64::NAN,
    })
    .unwrap_or(0.0)
}

fn round(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let threshold = match args.get(2) {
        Some(Value::Float(f)) => *f,
        _ => 0.5,
    };
    let power = num::power_of_ten(int(&args[1]));
    let digit = power * to_float(&args[0]);
    let rounded = if digit.fract() >= threshold { digit.ceil() } else { digit.floor() };
    Ok(Value::Float(rounded / power))
}

/// The integers from `start` until `stop`, exclusive.
fn sequence(ctx: &mut Ctx<'_>, start: i64, stop: i64, step: i64) -> Result<Vec<Value>, Fail> {
    let down = stop < start;
    if down && step >= 0 || !down && step <= 0 {
        return Ok(Vec::new());
    }
    let count = stop.abs_diff(start).div_ceil(step.unsigned_abs());
    ctx.world.budget.items(count)?;
    Ok((0..count).map(|i| Value::Int(start.wrapping_add((i as i64).wrapping_mul(step)))).collect())
}

fn seq(ctx: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let n: Vec<i64> = args.iter().map(int).collect();
    let (start, step, end) = match n[..] {
        [end] => (1, if end < 1 { -1 } else { 1 }, end),
        [start, end] => (start, if end < start { -1 } else { 1 }, end),
        [start, step, end] if end < start && step > 0 => return Ok(Value::str("")),
        [start, step, end] => (start, step, end),
        _ => return Ok(Value::str("")),
    };
    let past = if end < start { end.wrapping_sub(1) } else { end.wrapping_add(1) };
    let items = sequence(ctx, start, past, step)?;
    let text = print::sprint(&[Value::typed_list(ListType::Int, items)]);
    Ok(Value::from(print::lossy(text).trim_matches(['[', ']']).to_owned()))
}

/// A decimal number: `digits * 10^exponent`, as shopspring/decimal computes.
struct Decimal {
    digits: BigInt,
    exponent: i32,
}

/// Digits after the point that a division is carried to.
const DIVISION_PRECISION: i32 = 16;

/// Folds numbers as decimals.
fn decimal(first: &Value, rest: &[Value], operation: fn(Decimal, Decimal) -> Option<Decimal>) -> Answer {
    let mut sum = Decimal::new(to_float(first))?;
    for number in rest {
        let number = Decimal::new(to_float(number))?;
        sum = operation(sum, number).ok_or("decimal division by 0")?;
    }
    Ok(Value::Float(sum.float()))
}

fn ten_to(power: i32) -> BigInt {
    BigInt::from(10).pow(power.unsigned_abs())
}

impl Decimal {
    /// The shortest decimal that reads back as this float.
    fn new(f: f64) -> Result<Decimal, String> {
        let refused = || format!("Cannot create a Decimal from {}", num::float(f));
        let text = format!("{f:e}");
        let (mantissa, exponent) = text.split_once('e').filter(|_| f.is_finite()).ok_or_else(refused)?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}").parse().map_err(|_| refused())?;
        let exponent: i32 = exponent.parse().map_err(|_| refused())?;
        Ok(Decimal { digits, exponent: exponent - fraction.len() as i32 })
    }

    fn add(self, other: Decimal) -> Option<Decimal> {
        let exponent = self.exponent.min(other.exponent);
        let scaled = |d: Decimal| d.digits * ten_to(d.exponent - exponent);
        Some(Decimal { digits: scaled(self) + scaled(other), exponent })
    }

    fn sub(self, other: Decimal) -> Option<Decimal> {
        self.add(Decimal { digits: -other.digits, ..other })
    }

    fn mul(self, other: Decimal) -> Option<Decimal> {
        Some(Decimal { digits: self.digits * other.digits, exponent: self.exponent.checked_add(other.exponent)? })
    }

    /// A quotient with the wanted digits after the point, rounded half away from zero. None: a division by zero.
    fn div(self, other: Decimal) -> Option<Decimal> {
        if other.digits.sign() == Sign::NoSign {
            return None;
        }
        let shift = self.exponent - other.exponent + DIVISION_PRECISION;
        let (a, b) = if shift >= 0 { (self.digits * ten_to(shift), other.digits) } else { (self.digits, other.digits * ten_to(shift)) };
        let (quotient, rest) = (&a / &b, &a % &b);
        let half = (rest.magnitude() * 2u32) >= *b.magnitude();
        let away = match half {
            false => 0,
            true if a.sign() == b.sign() => 1,
            true => -1,
        };
        Some(Decimal { digits: quotient + away, exponent: -DIVISION_PRECISION })
    }

    fn float(self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(0.0)
    }
}
