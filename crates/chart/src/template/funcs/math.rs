//! Arithmetic, with the conversions that spf13/cast makes.

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
    func("atoi", &[Str], |_, args| Ok(Value::Int(num::atoi(&super::text(&args[0])).unwrap_or(0)))),
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
    func("add1f", &[Any], |_, args| decimal(&args[0], &[Value::Float(1.0)], Decimal::add, |a, b| a + b)),
    many("addf", &[], Any, |_, args| decimal(&Value::Float(0.0), args, Decimal::add, |a, b| a + b)),
    many("subf", &[Any], Any, |_, args| decimal(&args[0], &args[1..], Decimal::sub, |a, b| a - b)),
    many("mulf", &[Any], Any, |_, args| decimal(&args[0], &args[1..], Decimal::mul, |a, b| a * b)),
    many("divf", &[Any], Any, |_, args| decimal(&args[0], &args[1..], Decimal::div, |a, b| a / b)),
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
    args.iter().map(to_float).reduce(|a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { pick(a, b) }).unwrap_or(0.0)
}

fn round(_: &mut Ctx<'_>, args: &[Value]) -> Answer {
    let threshold = match args.get(2) {
        Some(Value::Float(f)) => *f,
        _ => 0.5,
    };
    let power = 10f64.powf(int(&args[1]) as f64);
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

/// A decimal number: `digits * 10^exponent`, as shopspring/decimal computes, within 38 digits.
#[derive(Clone, Copy)]
struct Decimal {
    digits: i128,
    exponent: i32,
}

/// Digits after the point that a division is carried to.
const DIVISION_PRECISION: i32 = 16;

/// Folds numbers as decimals; by floats where more digits come together than there is room for.
fn decimal(first: &Value, rest: &[Value], exact: fn(Decimal, Decimal) -> Option<Decimal>, nearly: fn(f64, f64) -> f64) -> Answer {
    let finite = |value: &Value| match to_float(value) {
        f if f.is_finite() => Ok(f),
        f => Err(format!("Cannot create a Decimal from {}", crate::go::num::float(f))),
    };
    let mut sum = finite(first)?;
    let mut digits = Decimal::new(sum);
    for number in rest {
        let number = finite(number)?;
        if number == 0.0 && nearly(1.0, 0.0).is_infinite() {
            return Err("decimal division by 0".into());
        }
        digits = digits.zip(Decimal::new(number)).and_then(|(a, b)| exact(a, b));
        sum = digits.map_or_else(|| nearly(sum, number), Decimal::float);
    }
    Ok(Value::Float(sum))
}

impl Decimal {
    /// The shortest decimal that reads back as this float.
    fn new(f: f64) -> Option<Decimal> {
        if !f.is_finite() {
            return None;
        }
        let text = format!("{f:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        Some(Decimal { digits, exponent: exponent.parse::<i32>().ok()? - fraction.len() as i32 })
    }

    fn aligned(self, other: Decimal) -> Option<(i128, i128, i32)> {
        let exponent = self.exponent.min(other.exponent);
        let scale = |d: Decimal| d.digits.checked_mul(10i128.checked_pow((d.exponent - exponent) as u32)?);
        Some((scale(self)?, scale(other)?, exponent))
    }

    fn add(self, other: Decimal) -> Option<Decimal> {
        let (a, b, exponent) = self.aligned(other)?;
        Some(Decimal { digits: a.checked_add(b)?, exponent })
    }

    fn sub(self, other: Decimal) -> Option<Decimal> {
        self.add(Decimal { digits: -other.digits, ..other })
    }

    fn mul(self, other: Decimal) -> Option<Decimal> {
        Some(Decimal { digits: self.digits.checked_mul(other.digits)?, exponent: self.exponent + other.exponent })
    }

    fn div(self, other: Decimal) -> Option<Decimal> {
        if other.digits == 0 {
            return None;
        }
        // quotient with the wanted digits after the point, rounded half away from zero
        let shift = self.exponent - other.exponent + DIVISION_PRECISION;
        let (mut a, mut b) = (self.digits, other.digits);
        if shift >= 0 {
            a = a.checked_mul(10i128.checked_pow(shift as u32)?)?;
        } else {
            b = b.checked_mul(10i128.checked_pow(shift.unsigned_abs())?)?;
        }
        let (quotient, rest) = (a / b, a % b);
        let away = if rest.unsigned_abs() * 2 >= b.unsigned_abs() { (a.signum()) * b.signum() } else { 0 };
        Some(Decimal { digits: quotient + away, exponent: -DIVISION_PRECISION })
    }

    fn float(self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(0.0)
    }
}
