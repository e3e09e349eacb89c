//! The hash behind filters: FarmHash's 32-bit fingerprint (Geoff Pike, Google, 2014), written down once more.
//!
//! All sums wrap, whatever the build: a key may be any bytes.

const C1: u32 = 0xCC9E_2D51;
const C2: u32 = 0x1B87_3593;
/// Keys up to this length are hashed without a loop.
const SHORT: usize = 24;
/// What the loop takes at a time.
const STEP: usize = 20;

/// The fingerprint of `key`.
pub fn fingerprint32(key: &[u8]) -> u32 {
    match key.len() {
        0..=4 => up_to_4(key),
        5..=12 => up_to_12(key),
        13..=SHORT => up_to_24(key),
        _ => longer(key),
    }
}

fn up_to_4(key: &[u8]) -> u32 {
    let (mut b, mut c) = (0u32, 9);
    for &byte in key {
        // As Google's code for machines whose `char` has a sign does not: the crates agree on this.
        b = b.wrapping_mul(C1).wrapping_add(u32::from(byte));
        c ^= b;
    }
    finish(mix(b, mix(key.len() as u32, c)))
}

fn up_to_12(key: &[u8]) -> u32 {
    let len = key.len() as u32;
    let a = len.wrapping_add(word(key, 0));
    let b = (5 * len).wrapping_add(word(key, key.len() - 4));
    let c = word(key, key.len() >> 1 & 4).wrapping_add(9);
    finish(mix(c, mix(b, mix(a, 5 * len))))
}

fn up_to_24(key: &[u8]) -> u32 {
    let len = key.len();
    let [a, b, c] = [len / 2 - 4, 4, len - 8].map(|at| word(key, at));
    let [d, e, f] = [len / 2, 0, len - 4].map(|at| word(key, at));
    let mut sum = a.rotate_right(12).wrapping_add(f);
    let mut hash = d.wrapping_mul(C1).wrapping_add(len as u32);
    hash = mix(c, hash).wrapping_add(sum);
    sum = sum.rotate_right(3).wrapping_add(c);
    hash = mix(e, hash).wrapping_add(sum);
    sum = sum.wrapping_add(f).rotate_right(12).wrapping_add(d);
    finish(mix(b, hash).wrapping_add(sum))
}

fn longer(key: &[u8]) -> u32 {
    let len = key.len();
    let seed = C1.wrapping_mul(len as u32);
    let last = |at: usize| scatter(word(key, len - at));
    let mut h = turn(turn(len as u32 ^ last(4)) ^ last(16));
    let mut g = turn(turn(seed ^ last(8)) ^ last(12));
    let mut f = seed.wrapping_add(last(20)).rotate_right(19).wrapping_add(113);
    for step in key.chunks(STEP).take((len - 1) / STEP) {
        let [a, b, c, d, e] = [0, 4, 8, 12, 16].map(|at| word(step, at));
        h = mix(d, h.wrapping_add(a)).wrapping_add(e);
        g = mix(c, g.wrapping_add(b)).wrapping_add(a);
        f = mix(b.wrapping_add(e.wrapping_mul(C1)), f.wrapping_add(c)).wrapping_add(d);
        f = f.wrapping_add(g);
        g = g.wrapping_add(f);
    }
    let spread = |value: u32| {
        let value = value.rotate_right(11).wrapping_mul(C1);
        value.rotate_right(17).wrapping_mul(C1)
    };
    for part in [spread(g), spread(f)] {
        h = turn(h.wrapping_add(part)).rotate_right(17).wrapping_mul(C1);
    }
    h
}

/// Murmur3's step: `value` into `hash`.
fn mix(value: u32, hash: u32) -> u32 {
    turn(hash ^ scatter(value))
}

fn scatter(value: u32) -> u32 {
    value.wrapping_mul(C1).rotate_right(17).wrapping_mul(C2)
}

fn turn(hash: u32) -> u32 {
    let hash = hash.rotate_right(19);
    hash.wrapping_mul(5).wrapping_add(0xE654_6B64)
}

/// Murmur3's end.
fn finish(mut hash: u32) -> u32 {
    hash = (hash ^ hash >> 16).wrapping_mul(0x85EB_CA6B);
    hash = (hash ^ hash >> 13).wrapping_mul(0xC2B2_AE35);
    hash ^ hash >> 16
}

/// The 4 bytes at `at`, which the caller knows to be there.
fn word(bytes: &[u8], at: usize) -> u32 {
    let [a, b, c, d] = [0, 1, 2, 3].map(|index| bytes[at + index]);
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_of_a_known_text_is_the_published_one() {
        assert_eq!(fingerprint32(b"hello world"), 430_397_466);
    }

    #[test]
    fn no_key_overflows() {
        for len in 0..100 {
            fingerprint32(&vec![0xff; len]);
        }
    }
}
