//! Changes inputs at random, in the ways in which decoders tend to be wrong.

use fastrand::Rng;

/// Numbers at which something ends.
const INTERESTING: [u64; 14] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0xffff_ffff,
    (1 << 56) - 1,
    1 << 56,
    u64::MAX,
];

/// One of `seeds`, or nothing, changed in one to eight ways.
pub fn mutate(rng: &mut Rng, seeds: &[Vec<u8>], max_len: usize) -> Vec<u8> {
    let mut input = match rng.u8(..50) {
        0 => (0..rng.usize(..200)).map(|_| rng.u8(..)).collect(),
        _ => rng.choice(seeds).cloned().unwrap_or_default(),
    };
    for _ in 0..1 + rng.u8(..8).min(rng.u8(..8)) {
        let other = rng.choice(seeds).map_or(&[][..], Vec::as_slice);
        change(rng, &mut input, other);
    }
    input.truncate(max_len);
    input
}

fn change(rng: &mut Rng, input: &mut Vec<u8>, other: &[u8]) {
    if input.is_empty() {
        input.push(rng.u8(..));
        return;
    }
    let at = rng.usize(..input.len());
    // Short runs mostly: what is changed is a field or two.
    let len = 1 + rng.usize(..40).min(rng.usize(..40));
    let end = (at + len).min(input.len());
    match rng.u8(..11) {
        0 | 1 => input[at] ^= 1 << rng.u8(..8),
        2 => input[at] = rng.u8(..),
        3 | 4 => {
            let width = 1 << rng.u8(..4);
            overwrite(input, at, &interesting(rng)[..width]);
        }
        5 => input.truncate(at),
        6 => drop(input.drain(at..end)),
        7 => {
            let run = input[at..end].to_vec();
            let to = rng.usize(..=input.len());
            input.splice(to..to, run);
        }
        8 => {
            let run: Vec<u8> = (0..len).map(|_| rng.u8(..)).collect();
            match rng.bool() {
                true => overwrite(input, at, &run),
                false => drop(input.splice(at..at, run)),
            }
        }
        9 => {
            // As text, in the place of the digits that are there, if there are.
            let is_no_digit = |byte: &u8| !byte.is_ascii_digit();
            let from = input[at..].iter().position(u8::is_ascii_digit);
            let from = at + from.unwrap_or_default();
            let rest = &input[from..];
            let len = rest.iter().position(is_no_digit).unwrap_or(rest.len());
            let number = u64::from_le_bytes(interesting(rng)).to_string();
            drop(input.splice(from..from + len, number.into_bytes()));
        }
        _ => {
            // The end of another, or a piece from the middle of it.
            let from = rng.usize(..=other.len());
            let rest = &other[from..];
            match rng.bool() {
                true => drop(input.splice(at.., rest.iter().copied())),
                false => overwrite(input, at, &rest[..rest.len().min(len)]),
            }
        }
    }
}

/// A number as its bytes, sometimes one more or one less.
fn interesting(rng: &mut Rng) -> [u8; 8] {
    let number = rng.choice(INTERESTING).unwrap_or_default();
    let number = match rng.u8(..4) {
        0 => number.wrapping_add(1),
        1 => number.wrapping_sub(1),
        2 => rng.u64(..256),
        _ => number,
    };
    number.to_le_bytes()
}

fn overwrite(input: &mut [u8], at: usize, bytes: &[u8]) {
    let len = bytes.len().min(input.len() - at);
    input[at..at + len].copy_from_slice(&bytes[..len]);
}
