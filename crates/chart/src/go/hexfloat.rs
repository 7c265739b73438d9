//! Floats by the bits of their mantissa: `strconv.FormatFloat` with the verbs `b`, `x` and `X`.

/// The digits after the point that a mantissa has in base 16.
const DIGITS: usize = 13;
const FRACTION: u32 = 52;

/// Mantissa and binary exponent of a finite float, which is the one times two to the power of the other.
fn parts(v: f64) -> (u64, i32) {
    let bits = v.to_bits();
    let fraction = bits & ((1 << FRACTION) - 1);
    match (bits >> FRACTION & 0x7ff) as i32 {
        0 => (fraction, 1 - 1023 - FRACTION as i32),
        exponent => (fraction | 1 << FRACTION, exponent - 1023 - FRACTION as i32),
    }
}

/// `%b`: `6755399441055744p-52`, for a finite float.
pub(super) fn binary(v: f64) -> String {
    let (mantissa, exponent) = parts(v);
    format!("{}{mantissa}p{exponent:+}", if v.is_sign_negative() { "-" } else { "" })
}

/// `%x`: `0x1.8p+00`, for a finite float; without a precision as many digits as it takes.
pub(super) fn hexadecimal(v: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = parts(v);
    if mantissa == 0 {
        exponent = 0;
    } else {
        let shift = FRACTION - mantissa.ilog2();
        mantissa <<= shift;
        exponent += FRACTION as i32 - shift as i32;
    }
    if let Some(kept) = precision.filter(|kept| *kept < DIGITS) {
        // To the nearest, and from the middle to the even one.
        let unit = 1 << (FRACTION - 4 * kept as u32);
        let rest = mantissa % unit;
        mantissa -= rest;
        if rest > unit / 2 || rest == unit / 2 && mantissa / unit % 2 == 1 {
            mantissa += unit;
        }
        if mantissa >> (FRACTION + 1) > 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let whole = mantissa >> FRACTION;
    let mut digits = format!("{:013x}", mantissa & ((1 << FRACTION) - 1));
    match precision {
        Some(precision) if precision < DIGITS => digits.truncate(precision),
        Some(precision) => digits.extend(std::iter::repeat_n('0', precision - DIGITS)),
        None => digits.truncate(digits.trim_end_matches('0').len()),
    }
    let sign = if v.is_sign_negative() { "-" } else { "" };
    let point = if digits.is_empty() { "" } else { "." };
    let way = if exponent < 0 { '-' } else { '+' };
    format!("{sign}0x{whole}{point}{digits}p{way}{:02}", exponent.abs())
}
