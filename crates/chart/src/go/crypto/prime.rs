//! Large primes.

use super::Entropy;
use num_bigint::BigUint;
use std::sync::LazyLock;

/// Rounds of Miller-Rabin. For random candidates of these sizes far fewer are known to be enough.
const ROUNDS: usize = 20;

/// A random number of exactly so many bits, a multiple of 8; the two highest bits and the lowest are set.
fn candidate(bits: usize, entropy: &mut dyn FnMut(&mut [u8])) -> BigUint {
    let mut bytes = vec![0; bits / 8];
    entropy(&mut bytes);
    bytes[0] |= 0xc0;
    if let Some(last) = bytes.last_mut() {
        *last |= 1;
    }
    BigUint::from_bytes_be(&bytes)
}

/// A random prime of exactly so many bits. Two of them give a product of twice as many bits.
pub(super) fn prime(bits: usize, entropy: Entropy<'_>) -> BigUint {
    loop {
        let number = candidate(bits, entropy);
        if is_prime(&number, entropy) {
            return number;
        }
    }
}

fn small_primes() -> &'static [u32] {
    static PRIMES: LazyLock<Vec<u32>> = LazyLock::new(|| {
        let mut found: Vec<u32> = Vec::new();
        (2..4_000).for_each(|n: u32| {
            if !found.iter().any(|p| n.is_multiple_of(*p)) {
                found.push(n)
            }
        });
        found
    });
    &PRIMES
}

/// Miller-Rabin with random bases, after trial division.
pub(super) fn is_prime(number: &BigUint, entropy: Entropy<'_>) -> bool {
    for p in small_primes() {
        if (number % p) == BigUint::ZERO {
            return *number == BigUint::from(*p);
        }
    }
    let one = BigUint::from(1_u8);
    let minus_one = number - &one;
    let twos = minus_one.trailing_zeros().unwrap_or(0);
    let odd = &minus_one >> twos;
    let witness = |base: &BigUint| {
        let mut power = base.modpow(&odd, number);
        if power == one || power == minus_one {
            return false;
        }
        for _ in 1..twos {
            power = power.modpow(&BigUint::from(2_u8), number);
            if power == minus_one {
                return false;
            }
        }
        true
    };
    if witness(&BigUint::from(2_u8)) {
        return false;
    }
    let mut bytes = vec![0; number.bits().div_ceil(8) as usize];
    (0..ROUNDS).all(|_| {
        entropy(&mut bytes);
        let base = BigUint::from_bytes_be(&bytes) % (number - 3_u8) + 2_u8;
        !witness(&base)
    })
}
