//! Keys and values, made from numbers and told apart again: nothing has to be remembered to check a read.
//!
//! A key is 16 decimal digits. Stores hold even numbers only, so that every odd number is a key that is missing,
//! and lies between two that are there.
//!
//! | value | 0..8                     | 8..96                                      | 96..100        |
//! |-------|--------------------------|--------------------------------------------|----------------|
//! |       | version, masked by key   | 11 words drawn from the key and the version | half of a 12th |
//!
//! The words come from SplitMix64, so a value has nothing that a compressor could take out.

use std::fmt;

pub const KEY_LEN: usize = 16;
pub const VALUE_LEN: usize = 100;
/// What one entry adds to the bytes that a user has put.
pub const ENTRY_LEN: u64 = (KEY_LEN + VALUE_LEN) as u64;

pub type Key = [u8; KEY_LEN];
pub type Value = [u8; VALUE_LEN];

const WORD: usize = size_of::<u64>();
const LAST_WORD: u64 = (VALUE_LEN / WORD - 1) as u64;

/// A read gave something that was never written there.
#[derive(Debug, PartialEq, Eq)]
pub struct WrongRead(String);

impl fmt::Display for WrongRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongRead {}

impl WrongRead {
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// The number of the `index`-th key that a store holds.
pub fn present(index: u64) -> u64 {
    2 * index
}

/// The number of a key that no store holds, next to the `index`-th.
pub fn missing(index: u64) -> u64 {
    2 * index + 1
}

pub fn key(number: u64) -> Key {
    let mut digits = [b'0'; KEY_LEN];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    digits
}

pub fn value(number: u64, version: u64) -> Value {
    let mut bytes = [0; VALUE_LEN];
    let seed = seed(number, version);
    let (first, rest) = bytes.split_at_mut(WORD);
    first.copy_from_slice(&(version ^ mask(number)).to_le_bytes());
    for (word, chunk) in (1..).zip(rest.chunks_mut(WORD)) {
        chunk.copy_from_slice(&stream(seed, word).to_le_bytes()[..chunk.len()]);
    }
    bytes
}

/// The version that `bytes` is for key `number`, if every byte of it is as it was written.
pub fn check(number: u64, bytes: &[u8]) -> Result<u64, WrongRead> {
    let version = version_of(number, bytes)?;
    if bytes == value(number, version) {
        Ok(version)
    } else {
        Err(WrongRead(format!(
            "the value of key {number} is damaged: {bytes:02x?}"
        )))
    }
}

/// The same by the first word and the last whole one: for scans, where the check must not be what is measured.
pub fn check_quickly(number: u64, bytes: &[u8]) -> Result<u64, WrongRead> {
    let version = version_of(number, bytes)?;
    let at = LAST_WORD as usize * WORD;
    let expected = stream(seed(number, version), LAST_WORD).to_le_bytes();
    if bytes[at..at + WORD] == expected {
        Ok(version)
    } else {
        Err(WrongRead(format!(
            "the value of key {number} is another key's: {bytes:02x?}"
        )))
    }
}

fn version_of(number: u64, bytes: &[u8]) -> Result<u64, WrongRead> {
    if bytes.len() != VALUE_LEN {
        return Err(WrongRead(format!(
            "the value of key {number} has {} bytes, expected {VALUE_LEN}",
            bytes.len()
        )));
    }
    let first = bytes[..WORD].try_into().expect("a word has eight bytes");
    Ok(u64::from_le_bytes(first) ^ mask(number))
}

/// Walks the keys of a store in order without computing each from its number.
pub struct KeyWalk {
    key: Key,
    number: u64,
}

impl KeyWalk {
    /// Stands on the `index`-th key.
    pub fn from(index: u64) -> Self {
        let number = present(index);
        Self {
            key: key(number),
            number,
        }
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    pub fn number(&self) -> u64 {
        self.number
    }

    /// To the next key that a store holds.
    pub fn step(&mut self) {
        self.number += 2;
        let mut carry = 2;
        for digit in self.key.iter_mut().rev() {
            *digit += carry;
            if *digit <= b'9' {
                return;
            }
            *digit -= 10;
            carry = 1;
        }
    }
}

/// The `turn`-th random number of a stream.
pub fn random(seed: u64, turn: u64) -> u64 {
    mix(mix(seed) ^ turn.wrapping_mul(GOLDEN))
}

/// `random` in `0..bound`; the bias of a 64-bit multiplication is too small to matter.
pub fn random_below(seed: u64, turn: u64, bound: u64) -> u64 {
    ((u128::from(random(seed, turn)) * u128::from(bound)) >> 64) as u64
}

/// A shuffle of `0..len` that needs no memory: a Feistel cipher over the next even number of bits, walked until it
/// lands inside.
pub struct Shuffle {
    len: u64,
    half_bits: u32,
    seed: u64,
}

impl Shuffle {
    pub fn new(len: u64, seed: u64) -> Self {
        let bits = u64::BITS - len.saturating_sub(1).leading_zeros();
        Self {
            len,
            half_bits: bits.div_ceil(2).max(1),
            seed,
        }
    }

    pub fn at(&self, index: u64) -> u64 {
        debug_assert!(index < self.len);
        let mut at = index;
        loop {
            at = self.encrypt(at);
            if at < self.len {
                return at;
            }
        }
    }

    fn encrypt(&self, at: u64) -> u64 {
        let low = (1 << self.half_bits) - 1;
        let (mut left, mut right) = (at >> self.half_bits, at & low);
        for round in 0..4 {
            let turned = left ^ (random(self.seed ^ round, right) & low);
            (left, right) = (right, turned);
        }
        left << self.half_bits | right
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finish of SplitMix64 (Steele, Lea, Flood).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn mask(number: u64) -> u64 {
    mix(number.wrapping_add(GOLDEN))
}

fn seed(number: u64, version: u64) -> u64 {
    mask(number) ^ version.wrapping_mul(0xd6e8_feb8_6659_fd93)
}

fn stream(seed: u64, word: u64) -> u64 {
    mix(seed.wrapping_add(word.wrapping_mul(GOLDEN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sixteen_digits_in_the_order_of_their_numbers() {
        assert_eq!(&key(0), b"0000000000000000");
        assert_eq!(&key(1234), b"0000000000001234");
        assert!(key(999) < key(1000));
    }

    #[test]
    fn a_walk_gives_the_keys_that_the_numbers_give() {
        let mut walk = KeyWalk::from(0);
        for index in 0..5_100 {
            assert_eq!(walk.key(), &key(present(index)));
            assert_eq!(walk.number(), present(index));
            walk.step();
        }
    }

    #[test]
    fn a_value_tells_its_version_and_only_for_its_own_key() {
        let bytes = value(42, 7);
        assert_eq!(check(42, &bytes), Ok(7));
        assert_eq!(check_quickly(42, &bytes), Ok(7));
        assert!(check(44, &bytes).is_err(), "another key's value");
        assert!(check_quickly(44, &bytes).is_err(), "another key's value");
    }

    #[test]
    fn a_changed_byte_anywhere_and_a_wrong_length_are_noticed() {
        let good = value(42, 7);
        for at in 0..VALUE_LEN {
            let mut bad = good;
            bad[at] ^= 1;
            assert!(check(42, &bad).is_err(), "byte {at}");
        }
        assert!(check(42, &good[..99]).is_err());
        assert!(check_quickly(42, &good[..99]).is_err());
        assert!(check_quickly(42, b"").is_err());
    }

    #[test]
    fn a_shuffle_visits_every_place_once() {
        for len in [1, 2, 3, 10, 1_000, 4_097] {
            let shuffle = Shuffle::new(len, 3);
            let mut places: Vec<u64> = (0..len).map(|index| shuffle.at(index)).collect();
            assert!(
                len < 10 || !places.is_sorted(),
                "{len} places, not shuffled"
            );
            places.sort_unstable();
            assert_eq!(places, (0..len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn random_numbers_stay_below_their_bound_and_reach_it() {
        let drawn: Vec<u64> = (0..1_000).map(|turn| random_below(1, turn, 10)).collect();
        assert_eq!(drawn.iter().max(), Some(&9));
        assert_eq!(drawn.iter().min(), Some(&0));
    }

    #[test]
    fn values_do_not_repeat_what_others_say() {
        let mut words: Vec<[u8; 8]> = (0..1_000)
            .flat_map(|number| {
                let bytes = value(number, 1);
                let words = bytes.chunks_exact(8).map(|word| word.try_into().unwrap());
                words.collect::<Vec<_>>()
            })
            .collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
    }
}
