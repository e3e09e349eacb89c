//! The hash behind filters: the 64-bit fingerprint of FarmHash (Geoff Pike, Google, 2014), written
//! down once more.
//!
//! As the crate `farmhash` computes it, which is what the format says. The two differ for keys of
//! 128 bytes, 192, and so on: there Google's code leaves the last 64 bytes out of its loop.

/// Primes between 2^63 and 2^64.
const K0: u64 = 0xC3A5_C85C_97CB_3127;
const K1: u64 = 0xB492_B66F_BE98_F273;
const K2: u64 = 0x9AE1_6A3B_2F90_404F;
const SEED: u64 = 81;
/// What the loop over long keys takes at a time.
const STEP: usize = 64;

/// The fingerprint of `key`.
pub fn fingerprint64(key: &[u8]) -> u64 {
    match key.len() {
        0 => K2,
        1..=3 => up_to_3(key),
        4..=7 => up_to_7(key),
        8..=16 => up_to_16(key),
        17..=32 => up_to_32(key),
        33..=STEP => up_to_64(key),
        _ => longer(key),
    }
}

fn up_to_3(key: &[u8]) -> u64 {
    let len = key.len();
    let [first, middle, last] = [0, len / 2, len - 1].map(|at| u64::from(key[at]));
    let low = (first + (middle << 8)).wrapping_mul(K2);
    let high = (len as u64 + (last << 2)).wrapping_mul(K0);
    shift_mix(low ^ high).wrapping_mul(K2)
}

fn up_to_7(key: &[u8]) -> u64 {
    let len = key.len();
    let [first, last] = [0, len - 4].map(|at| half_word(key, at));
    join(len as u64 + (first << 3), last, factor(key))
}

fn up_to_16(key: &[u8]) -> u64 {
    let factor = factor(key);
    let a = word(key, 0).wrapping_add(K2);
    let b = word(key, key.len() - 8);
    let c = b.rotate_right(37).wrapping_mul(factor).wrapping_add(a);
    let d = a.rotate_right(25).wrapping_add(b).wrapping_mul(factor);
    join(c, d, factor)
}

fn up_to_32(key: &[u8]) -> u64 {
    let (low, high) = ends(key, K1);
    join(low, high, factor(key))
}

fn up_to_64(key: &[u8]) -> u64 {
    let (len, factor) = (key.len(), factor(key));
    let (y, high) = ends(key, K2);
    let z = join(y, high, factor);
    let a = word(key, 0).wrapping_mul(K2);
    let e = word(key, 16).wrapping_mul(factor);
    let f = word(key, 24);
    let g = word(key, len - 32).wrapping_add(y).wrapping_mul(factor);
    let h = word(key, len - 24).wrapping_add(z).wrapping_mul(factor);
    let low = e.wrapping_add(f).rotate_right(43);
    let low = low.wrapping_add(g.rotate_right(30)).wrapping_add(h);
    let high = f.wrapping_add(a).rotate_right(18);
    join(low, high.wrapping_add(e).wrapping_add(g), factor)
}

/// What the first and the last 16 bytes come to.
fn ends(key: &[u8], factor_of_first: u64) -> (u64, u64) {
    let len = key.len();
    let a = word(key, 0).wrapping_mul(factor_of_first);
    let b = word(key, 8);
    let c = word(key, len - 8).wrapping_mul(factor(key));
    let d = word(key, len - 16).wrapping_mul(K2);
    let low = a.wrapping_add(b).rotate_right(43);
    let low = low.wrapping_add(c.rotate_right(30)).wrapping_add(d);
    let high = b.wrapping_add(K2).rotate_right(18);
    (low, high.wrapping_add(a).wrapping_add(c))
}

/// The state of the loop over a long key.
struct State {
    x: u64,
    y: u64,
    z: u64,
    v: (u64, u64),
    w: (u64, u64),
}

fn longer(key: &[u8]) -> u64 {
    let y = SEED.wrapping_mul(K1).wrapping_add(113);
    let mut state = State {
        x: SEED.wrapping_mul(K2).wrapping_add(word(key, 0)),
        y,
        z: shift_mix(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2),
        v: (0, 0),
        w: (0, 0),
    };
    for step in key.chunks_exact(STEP) {
        state.absorb(step, K1, 1);
    }
    let factor = K1 + ((state.z & 0xff) << 1);
    let State { v, w, .. } = &mut state;
    w.0 = w.0.wrapping_add((key.len() as u64 - 1) & 63);
    v.0 = v.0.wrapping_add(w.0);
    w.0 = w.0.wrapping_add(v.0);
    state.absorb(&key[key.len() - STEP..], factor, 9);
    let State { x, y, z, v, w } = state;
    let low = join(v.0, w.0, factor).wrapping_add(shift_mix(y).wrapping_mul(K0));
    let high = join(v.1, w.1, factor).wrapping_add(x);
    join(low.wrapping_add(z), high, factor)
}

impl State {
    /// Takes 64 bytes. `weight` is 9 for the last ones, and 1 for all before.
    fn absorb(&mut self, step: &[u8], factor: u64, weight: u64) {
        let State { x, y, z, v, w } = self;
        let sum = x.wrapping_add(*y).wrapping_add(v.0);
        *x = sum.wrapping_add(word(step, 8)).rotate_right(37);
        *x = x.wrapping_mul(factor) ^ w.1.wrapping_mul(weight);
        let sum = y.wrapping_add(v.1).wrapping_add(word(step, 48));
        *y = sum.rotate_right(42).wrapping_mul(factor);
        *y = y.wrapping_add(v.0.wrapping_mul(weight));
        *y = y.wrapping_add(word(step, 40));
        *z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(factor);
        *v = half_step(&step[..32], v.1.wrapping_mul(factor), x.wrapping_add(w.0));
        let seed = y.wrapping_add(word(step, 16));
        *w = half_step(&step[32..], z.wrapping_add(w.1), seed);
        std::mem::swap(x, z);
    }
}

/// Takes 32 bytes.
fn half_step(bytes: &[u8], a: u64, b: u64) -> (u64, u64) {
    let a = a.wrapping_add(word(bytes, 0));
    let last = word(bytes, 24);
    let b = b.wrapping_add(a).wrapping_add(last).rotate_right(21);
    let sum = a.wrapping_add(word(bytes, 8));
    let sum = sum.wrapping_add(word(bytes, 16));
    let b = b.wrapping_add(sum.rotate_right(44));
    (sum.wrapping_add(last), b.wrapping_add(a))
}

/// What lengths up to 64 multiply with.
fn factor(key: &[u8]) -> u64 {
    K2 + 2 * key.len() as u64
}

/// Two numbers into one, as Murmur does.
fn join(low: u64, high: u64, factor: u64) -> u64 {
    let mixed = shift_mix((low ^ high).wrapping_mul(factor));
    shift_mix((high ^ mixed).wrapping_mul(factor)).wrapping_mul(factor)
}

fn shift_mix(value: u64) -> u64 {
    value ^ value >> 47
}

/// The 8 bytes at `at`, which the caller knows to be there.
fn word(bytes: &[u8], at: usize) -> u64 {
    half_word(bytes, at) | half_word(bytes, at + 4) << 32
}

/// The 4 bytes at `at`, likewise.
fn half_word(bytes: &[u8], at: usize) -> u64 {
    let [a, b, c, d] = [0, 1, 2, 3].map(|index| bytes[at + index]);
    u64::from(u32::from_le_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_of_a_known_text_is_the_published_one() {
        assert_eq!(fingerprint64(b"hello world"), 6_381_520_714_923_946_011);
    }

    #[test]
    fn no_key_overflows() {
        for len in 0..400 {
            fingerprint64(&vec![0xff; len]);
        }
    }
}
