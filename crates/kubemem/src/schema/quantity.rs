//! Resource quantities in their canonical spelling: `0.5` is `500m`, `1024Mi` is `1Gi`.

use std::fmt;

/// A quantity: a number of billionths, and the family of suffixes it is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantity {
    nano: i128,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Decimal,
    Binary,
    Exponent,
}

const NANO: i128 = 1_000_000_000;
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

impl Quantity {
    /// The quantity of a text, or what the server says of a text that is none.
    pub(crate) fn read(text: &str) -> Result<Quantity, &'static str> {
        const FORMAT: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        let number = text.trim_start_matches(['+', '-']).trim_start_matches(|c: char| c.is_ascii_digit());
        let fraction = number.strip_prefix('.').unwrap_or(number).trim_start_matches(|c: char| c.is_ascii_digit());
        let exponent = fraction.trim_start_matches(|c: char| "eEinumkKMGTP".contains(c));
        let shaped = exponent.strip_prefix(['+', '-']).unwrap_or(exponent).chars().all(|c| c.is_ascii_digit());
        let problem = if text.is_empty() || !shaped { FORMAT } else { "unable to parse quantity's suffix" };
        Quantity::parse(text).ok_or(problem)
    }

    pub(crate) fn parse(text: &str) -> Option<Quantity> {
        let text = text.trim();
        let digits = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
        let (number, suffix) = text.split_at(digits);
        if !number.contains(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (format, binary, exponent) = match suffix {
            "n" => (Format::Decimal, 0, -9),
            "u" => (Format::Decimal, 0, -6),
            "m" => (Format::Decimal, 0, -3),
            "" => (Format::Decimal, 0, 0),
            "k" => (Format::Decimal, 0, 3),
            "M" => (Format::Decimal, 0, 6),
            "G" => (Format::Decimal, 0, 9),
            "T" => (Format::Decimal, 0, 12),
            "P" => (Format::Decimal, 0, 15),
            "E" => (Format::Decimal, 0, 18),
            _ if suffix.starts_with(['e', 'E']) => (Format::Exponent, 0, suffix[1..].parse::<i32>().ok()?),
            _ => (Format::Binary, u32::try_from(BINARY.iter().position(|s| *s == suffix)?).ok()?, 0),
        };
        let negative = number.starts_with('-');
        let (whole, fraction) =
            number.trim_start_matches(['+', '-']).split_once('.').unwrap_or((number.trim_start_matches(['+', '-']), ""));
        let mut mantissa: i128 = format!("0{whole}{fraction}").parse().ok()?;
        let mut scale = exponent + 9 - i32::try_from(fraction.len()).ok()?;
        mantissa = mantissa.checked_mul(1024i128.checked_pow(binary)?)?;
        while scale > 0 {
            mantissa = mantissa.checked_mul(10)?;
            scale -= 1;
        }
        while scale < 0 {
            mantissa = mantissa / 10 + i128::from(mantissa % 10 != 0);
            scale += 1;
        }
        Some(Quantity { nano: if negative { -mantissa } else { mantissa }, format })
    }

    pub(crate) const ZERO: Quantity = Quantity { nano: 0, format: Format::Decimal };

    /// A number of things.
    pub(crate) fn whole(number: usize) -> Quantity {
        Quantity { nano: i128::try_from(number).unwrap_or(i128::MAX / NANO) * NANO, format: Format::Decimal }
    }

    /// The sum, spelled as the first that is not zero.
    pub(crate) fn plus(&self, other: &Quantity) -> Quantity {
        let format = if self.is_zero() { other.format } else { self.format };
        Quantity { nano: self.nano.saturating_add(other.nano), format }
    }

    pub(crate) fn minus(&self, other: &Quantity) -> Quantity {
        Quantity { nano: self.nano.saturating_sub(other.nano), format: self.format }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.nano == 0
    }

    pub(crate) fn is_positive(&self) -> bool {
        self.nano > 0
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.nano % NANO == 0
    }

    /// For ratios, which are shown rounded.
    pub(crate) fn as_f64(&self) -> f64 {
        self.nano as f64 / NANO as f64
    }

    /// The order of two quantities, whatever their spelling.
    pub(crate) fn cmp_value(&self, other: &Quantity) -> std::cmp::Ordering {
        self.nano.cmp(&other.nano)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nano == 0 {
            return f.write_str("0");
        }
        if self.format == Format::Binary && self.nano % NANO == 0 && (self.nano / NANO).abs() >= 1024 {
            let (mut value, mut step) = (self.nano / NANO, 0);
            while value % 1024 == 0 && step + 1 < BINARY.len() {
                value /= 1024;
                step += 1;
            }
            return write!(f, "{value}{}", BINARY[step]);
        }
        let (mut value, mut exponent) = (self.nano, -9);
        while value % 1000 == 0 && exponent < 18 {
            value /= 1000;
            exponent += 3;
        }
        if self.format == Format::Exponent {
            return if exponent == 0 { write!(f, "{value}") } else { write!(f, "{value}e{exponent}") };
        }
        let suffix = match exponent {
            -9 => "n",
            -6 => "u",
            -3 => "m",
            3 => "k",
            6 => "M",
            9 => "G",
            12 => "T",
            15 => "P",
            18 => "E",
            _ => "",
        };
        write!(f, "{value}{suffix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_spelling() {
        for (given, expect) in [
            ("0.5", "500m"),
            ("1000m", "1"),
            ("100m", "100m"),
            ("1024Mi", "1Gi"),
            ("1500Mi", "1500Mi"),
            ("512", "512"),
            ("1000", "1k"),
            ("0.5Gi", "512Mi"),
            ("1e3", "1e3"),
            ("128974848", "128974848"),
            ("0", "0"),
            ("1Ki", "1Ki"),
            ("0.5Ki", "512"),
            ("-5", "-5"),
            (".5", "500m"),
        ] {
            assert_eq!(Quantity::parse(given).map(|q| q.to_string()).as_deref(), Some(expect), "{given}");
        }
        for wrong in ["", "x", "1x", "Mi", "1.2.3"] {
            assert_eq!(Quantity::parse(wrong), None, "{wrong}");
        }
    }
}
