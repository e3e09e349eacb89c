//! Day 7 · Task 3 · Sharing key prefixes: sorted keys resemble each other, and the block need not say everything twice.

/// How many bytes `a` and `b` have in common at their beginning.
pub fn common_prefix_len(a: &[u8], b: &[u8]) -> usize {
    unimplemented!("day 7, task 3: prefix::common_prefix_len")
}
