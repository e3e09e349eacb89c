//! Day 7 · Task 1 · Bloom filters.

use super::*;
use common::rng::Rng;

/// The hash of a key is the low half of farmhash's 64-bit fingerprint of its bytes.
///
/// Filters lie on disk for years: a hash that differs from machine to machine, or from release to release, makes every old filter deny what is there.
///
/// # Hints
/// - The crate `farmhash` has several functions; only those called fingerprints promise never to change.
/// - It is `fingerprint64`, of the key and nothing else; `as u32` keeps the low half.
#[test]
fn the_hash_is_half_of_farmhash_fingerprint64() {
    let known = [
        ("a", 0xb6df_75e3),
        ("apple", 0x198a_df19),
        ("plum", 0x6b37_1ada),
        ("quince", 0x2235_936f),
        ("key000000", 0x9d2a_fd2b),
    ];
    for (key, expected) in known {
        let got = key_hash(key.as_bytes());
        assert!(
            got == expected,
            "the hash of {key} is {got:08x}, expected {expected:08x}"
        );
    }
}

/// Two keys at ten bits a key give one block with exactly the bits that the format says, and the probe count behind it.
///
/// The format is fixed to the bit: whoever reads the table tomorrow asks for these bits and no others.
///
/// # Hints
/// - Print the bits that you set for apple alone, in order: 234, 317, 464, 228, 309, 200, 99 is right.
/// - The product with 0x9E3779B9 is taken modulo 2^32 before each bit, before the first one too, and the bit is its *top* nine bits.
/// - Bit b of a block is bit b mod 8 of its byte b / 8, counted from the lowest.
#[test]
fn golden_bits_of_apple_and_plum() {
    let filter = filter_over(&[b"apple".to_vec(), b"plum".to_vec()], 10).encode();
    let mut expected = [0_u8; 65];
    let bytes = [
        (1, 0x08),
        (12, 0x08),
        (25, 0x03),
        (28, 0x10),
        (29, 0x24),
        (35, 0x01),
        (37, 0x02),
        (38, 0x20),
        (39, 0x20),
        (53, 0x40),
        (58, 0x01),
        (60, 0x01),
        (64, 7),
    ];
    for (at, byte) in bytes {
        expected[at] = byte;
    }
    assert!(
        filter.len() == 65,
        "a filter of two keys has one block of 64 bytes and a probe count, but yours has {} bytes",
        filter.len()
    );
    assert!(
        filter == expected[..],
        "the filter over apple and plum at 10 bits a key has the bits {:?} and {} probes, expected {:?} and 7",
        set_bits(&filter),
        filter[64],
        set_bits(&expected)
    );
}

/// The bits are rounded up to whole blocks of 512.
///
/// Rounded down, 100 keys would share the room of 51 and pass far more absent keys than was paid for.
///
/// # Hints
/// - `div_ceil`.
/// - 51 keys at 10 bits want 510 bits: one block. 52 want 520: two.
#[test]
fn the_bits_are_rounded_up_to_whole_blocks() {
    let known = [
        (1, 1, 1),
        (51, 10, 1),
        (52, 10, 2),
        (102, 10, 2),
        (103, 10, 3),
        (512, 1, 1),
        (513, 1, 2),
        (1, 512, 1),
        (1, 513, 2),
    ];
    for (key_count, bits_per_key, block_count) in known {
        let hashes: Vec<u32> = (0..key_count)
            .map(|i: u32| i.wrapping_mul(0x0123_4567))
            .collect();
        let len = BloomFilter::build(&hashes, bits_per_key).encode().len();
        assert!(
            len == 64 * block_count + 1,
            "{key_count} keys at {bits_per_key} bits need {block_count} blocks of 64 bytes and a probe count, but the filter has {len} bytes"
        );
    }
}

/// The high bits of the hash pick the block: with three blocks, a third of all hashes each, in order.
///
/// Multiplying and shifting gives every block the same share without a division. A remainder would do so too, but it is not the format.
///
/// # Hints
/// - (hash × block count) >> 32: the product needs 64 bits.
/// - The largest hash must land in the last block, not behind it.
#[test]
fn the_high_bits_pick_the_block() {
    let cases = [
        (0x5555_5555_u32, 0, vec![19, 93, 135, 167, 192, 406, 476]),
        (0x5555_5556, 1, vec![71, 126, 176, 210, 240, 324, 473]),
        (0xaaaa_aaaa, 1, vec![38, 187, 271, 301, 335, 385, 440]),
        (0xaaaa_aaab, 2, vec![35, 105, 319, 344, 376, 418, 492]),
        (0xffff_ffff, 2, vec![57, 66, 195, 281, 404, 407, 503]),
        (0, 0, vec![0]),
    ];
    for (hash, block, bits) in cases {
        // 150 keys with one hash: 1,500 bits, three blocks, one of them used.
        let encoded = BloomFilter::build(&[hash; 150], 10).encode();
        assert!(
            encoded.len() == 3 * 64 + 1,
            "150 keys at 10 bits need 3 blocks and a probe count, but the filter has {} bytes",
            encoded.len()
        );
        let expected: Vec<usize> = bits.iter().map(|bit| 512 * block + bit).collect();
        let got = set_bits(&encoded);
        assert!(
            got == expected,
            "of 3 blocks, hash {hash:08x} belongs into block {block}, expected the bits {expected:?} to be set, got {got:?}"
        );
    }
}

/// The probe count is the bits a key times ln 2, rounded, from 1 to 30.
///
/// At that number half of the bits are set, and a bit tells most. Cut instead of rounded, 10 bits a key would get 6 probes, not 7.
///
/// # Hints
/// - 10 × 0.693 = 6.93.
/// - One bit a key still needs a probe; the format ends at 30, however many bits there are.
#[test]
fn the_probe_count_is_bits_times_ln_2_rounded() {
    let known = [
        (1, 1),
        (2, 1),
        (3, 2),
        (4, 3),
        (5, 3),
        (10, 7),
        (15, 10),
        (20, 14),
        (30, 21),
        (43, 30),
        (44, 30),
        (45, 30),
        (100, 30),
        (400, 30),
    ];
    for (bits_per_key, expected) in known {
        let encoded = BloomFilter::build(&[0x1234_5678], bits_per_key).encode();
        let got = encoded.last().copied();
        assert!(
            got == Some(expected),
            "with {bits_per_key} bits a key the last byte, the probe count, must be {expected}, got {got:?}"
        );
    }
}

/// A filter never denies a key that it was built over, whatever the number of keys and of bits.
///
/// Everything rests on this: an engine believes a "no" without looking, so one false "no" is a lost key.
///
/// # Hints
/// - Build and question must walk the very same bits: let one function give them to both.
/// - Take care that the block count is worked out from the same length on both sides: the probe count's byte is not part of a block.
#[test]
fn a_key_of_the_set_is_never_denied() {
    let mut rng = Rng::new(701);
    for bits_per_key in 1..=20 {
        for size in [1, 2, 3, 10, 52, 1_000, 10_000] {
            let size = if size == 10_000 && bits_per_key % 5 != 0 {
                1 + rng.below(3_000)
            } else {
                size
            };
            let keys: Vec<Vec<u8>> = (0..size)
                .map(|_| {
                    let len = 1 + rng.below(20);
                    rng.bytes(len)
                })
                .collect();
            let filter = filter_over(&keys, bits_per_key);
            for key in &keys {
                assert!(
                    filter.may_contain(key_hash(key)),
                    "a filter over {size} keys at {bits_per_key} bits denies {}, which is one of them",
                    show(key)
                );
            }
        }
    }
}

/// Of absent keys about 9 %, 1 % and 0.1 % pass at 5, 10 and 15 bits a key: what the formula gives, and no more.
///
/// This is what the bits are paid for. A filter that sets the wrong bits still never denies a key of its own, so only counting shows it.
///
/// # Hints
/// - Does `may_contain` look at *all* probes, or is it content with one?
/// - Are the bits of one key spread over the whole block? The low bits of a product know little of the key; the top ones know all of it.
/// - Too few probes, too many, or too few blocks: compare with the golden bits first.
#[test]
fn absent_keys_pass_as_rarely_as_the_formula_says() {
    const SETS: usize = 8;
    const KEYS: usize = 10_000;
    const ABSENT: usize = 25_000;
    for bits_per_key in [5, 10, 15] {
        let mut passed = 0;
        for set in 0..SETS {
            let key = |i: usize| format!("set {set}, key {i}").into_bytes();
            let filter = filter_over(&(0..KEYS).map(key).collect::<Vec<_>>(), bits_per_key);
            passed += (KEYS..KEYS + ABSENT)
                .filter(|&i| filter.may_contain(key_hash(&key(i))))
                .count();
        }
        let trials = SETS * ABSENT;
        let allowed = allowed(false_positive_rate(KEYS, bits_per_key), trials);
        assert!(
            passed <= allowed,
            "at {bits_per_key} bits a key {passed} of {trials} absent keys passed the filter, expected at most {allowed}"
        );
    }
}

/// A small set in a roomy filter passes next to no absent key.
///
/// With 512 bits for one key, two keys that both pass by chance are a miracle: this catches a filter that says yes to everything.
///
/// # Hints
/// - When may the answer be "yes" at once? Only when there is no filter at all.
/// - One bit that is not set is enough for a "no".
#[test]
fn a_filter_over_one_key_denies_others() {
    let filter = filter_over(&[b"apple".to_vec()], 10);
    assert!(
        filter.may_contain(key_hash(b"apple")),
        "the filter over apple denies apple"
    );
    for key in ["plum", "pear", "quince", "applf", "appl", ""] {
        assert!(
            !filter.may_contain(key_hash(key.as_bytes())),
            "the filter over apple alone passes {}",
            show(key.as_bytes())
        );
    }
}

/// Without bits, or without keys, the filter has no bytes and denies nothing.
///
/// `filter_bits_per_key: 0` means "no filters": a filter that denied everything would empty the store.
///
/// # Hints
/// - What does your code do with zero blocks? A division, a remainder or an index would panic.
/// - "No filter" knows nothing, so it must say "maybe" to everything.
#[test]
fn no_bits_or_no_keys_deny_nothing() {
    let filters = [
        ("with 0 bits a key", BloomFilter::build(&[1, 2, 3], 0)),
        ("over no keys", BloomFilter::build(&[], 10)),
        ("over no keys with 0 bits", BloomFilter::build(&[], 0)),
    ];
    for (what, filter) in filters {
        let len = filter.encode().len();
        assert!(
            len == 0,
            "a filter {what} must have no bytes, but it has {len}"
        );
        for hash in [0, 1, 0x8000_0000, u32::MAX] {
            assert!(
                filter.may_contain(hash),
                "a filter {what} denies hash {hash:08x}"
            );
        }
    }
}

/// No bytes are no filter, and that is no error.
///
/// Tables from before day 7 have none, and they must go on being read.
///
/// # Hints
/// - The answer has three kinds: a filter, none, and an error.
/// - Look at this case first, before you ask for the last byte.
#[test]
fn no_bytes_are_no_filter() {
    let decoded = BloomFilter::decode(Bytes::new(), Origin::memory("nothing"));
    match decoded {
        Ok(None) => {}
        Ok(Some(_)) => panic!("no bytes were taken for a filter"),
        Err(error) => panic!("no bytes were taken for a damaged filter: {error}"),
    }
}

/// A length that is not a whole number of blocks and one byte is corruption; one block and more are fine.
///
/// The blocks are indexed by what the hash says. A length that was not checked is a panic on the first question.
///
/// # Hints
/// - Take the probe count off the end first; the rest must be a multiple of 64.
/// - One byte alone is a probe count without blocks.
#[test]
fn a_length_that_is_not_made_of_blocks_is_corruption() {
    for len in 1..=400 {
        let mut bytes = vec![0xff; len];
        bytes[len - 1] = 7;
        let path = Path::new("/store/000042.sst");
        let decoded = BloomFilter::decode(bytes.into(), Origin::new(path, 1_000));
        let is_sound = len > 1 && len % 64 == 1;
        match decoded {
            Ok(Some(filter)) if is_sound => assert!(
                filter.may_contain(0xffff_ffff),
                "a filter of {len} bytes with all bits set denies the largest hash"
            ),
            Err(Error::Corruption { file, .. }) if !is_sound => {
                assert!(
                    file == path,
                    "the error about a filter in {} names {}",
                    path.display(),
                    file.display()
                );
            }
            Ok(_) => panic!("a filter of {len} bytes: expected {}", verdict(is_sound)),
            Err(error) => panic!(
                "a filter of {len} bytes: expected {}, got: {error}",
                verdict(is_sound)
            ),
        }
    }
}

fn verdict(is_sound: bool) -> &'static str {
    match is_sound {
        true => "that it is taken",
        false => "Error::Corruption",
    }
}

/// A probe count of 1 to 30 is taken; 0 and everything above are corruption.
///
/// Zero probes pass every key and hide the damage for ever; 255 of them deny keys that are there.
///
/// # Hints
/// - Both ends of the range need a check.
/// - The range is part of the format: [`MAX_PROBES`](mini_lsm_starter::bloom::MAX_PROBES).
#[test]
fn a_probe_count_of_0_or_above_30_is_corruption() {
    for probe_count in 0..=255_u8 {
        let mut bytes = vec![0xff; 65];
        bytes[64] = probe_count;
        let decoded = BloomFilter::decode(bytes.into(), Origin::memory("a filter"));
        let is_sound = (1..=30).contains(&probe_count);
        let as_expected = match &decoded {
            Ok(Some(_)) => is_sound,
            Ok(None) => false,
            Err(error) => !is_sound && error.is_corruption(),
        };
        assert!(
            as_expected,
            "a filter with {probe_count} probes: expected {}",
            verdict(is_sound)
        );
    }
}

/// A decoded filter gives the answers and the bytes of the one that was encoded.
///
/// The one in the file is asked far more often than the one that was built: if they differ, a restart loses keys.
///
/// # Hints
/// - Nothing but the bytes is in the file: block count and probe count come from them.
/// - Is the last byte counted as part of the last block somewhere?
#[test]
fn a_decoded_filter_answers_as_the_built_one() {
    let mut rng = Rng::new(702);
    for (size, bits_per_key) in [(1, 1), (60, 10), (1_000, 5), (1_000, 15), (300, 100)] {
        let hashes: Vec<u32> = (0..size).map(|_| rng.next() as u32).collect();
        let built = BloomFilter::build(&hashes, bits_per_key);
        let decoded = decode(&built.encode());
        assert!(
            decoded.encode() == built.encode(),
            "decoding and encoding a filter over {size} keys changed its bytes"
        );
        let others = (0..2_000).map(|_| rng.next() as u32);
        for hash in hashes.iter().copied().chain(others) {
            let answers = [built.may_contain(hash), decoded.may_contain(hash)];
            assert!(
                answers[0] == answers[1],
                "for hash {hash:08x} the filter said {}, and {} after it was encoded and decoded",
                answers[0],
                answers[1]
            );
        }
    }
}

/// The probe count that counts is the one in the bytes.
///
/// A table may come from a store with other options: whoever works the probes out from today's options asks the wrong bits.
///
/// # Hints
/// - For apple the first bits are 234, 317 and 464, in this order.
/// - Two probes look at two bits and at no third.
#[test]
fn the_probe_count_in_the_bytes_is_the_one_used() {
    let mut bytes = [0_u8; 65];
    for bit in [234, 317] {
        bytes[bit / 8] |= 1 << (bit % 8);
    }
    for (probe_count, expected) in [(1, true), (2, true), (3, false), (30, false)] {
        bytes[64] = probe_count;
        let got = decode(&bytes).may_contain(key_hash(b"apple"));
        assert!(
            got == expected,
            "only the first two bits of apple are set; asked for {probe_count} bits the filter must say {expected}"
        );
    }
}
