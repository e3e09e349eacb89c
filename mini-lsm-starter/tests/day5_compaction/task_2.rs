//! Day 5 · Task 2 · picking a compaction.

use super::*;
use mini_lsm_starter::compact::pick::score;
use mini_lsm_starter::compact::pick_everything;

/// Ranges that share a single key overlap.
///
/// A table that ends at `c` and one that begins at `c` hold two versions of the same key. If a compaction took only the upper one of them, the level below would have the key twice.
///
/// # Hints
/// - Both ends of both ranges belong to them.
/// - Two ranges overlap unless one ends before the other begins: is it `<` or `<=`?
#[test]
fn ranges_that_touch_at_one_key_overlap() {
    let table = &tree("L0: c-f").levels[0][0];
    for (first, last, expected) in [
        ("a", "b", false),
        ("a", "c", true),
        ("a", "z", true),
        ("d", "e", true),
        ("d", "d", true),
        ("f", "z", true),
        ("g", "z", false),
        ("c", "c", true),
        ("a", "bzz", false),
        ("f\0", "z", false),
    ] {
        assert_eq!(
            table.overlaps(first.as_bytes(), last.as_bytes()),
            expected,
            "whether the table c-f and the range {first}-{last} have a key in common"
        );
    }
}

/// L0 counts tables, the levels below count bytes, and the last level needs nothing.
///
/// In L0 every table costs a read, however small it is. Below, a level costs one read at most; what counts there is how much a compaction from above has to rewrite.
///
/// # Hints
/// - `LsmOptions` has the two figures to divide by: `l0_compaction_trigger` and `level_target(level)`.
/// - Divide as floating-point numbers: 50 of 100 bytes are 0.5, not 0.
#[test]
fn a_score_counts_tables_in_l0_and_bytes_below() {
    let levels = tree("L0: a-b*900 a-c*900 | L1: a-b*20 c-d*30 | L2: a-z*2500 | L3: a-z*99999");
    for (level, expected) in [(0, 0.5), (1, 0.5), (2, 2.5), (3, 0.0)] {
        let got = score(&levels, level, &picker_options(&levels));
        assert!(
            (got - expected).abs() < 1e-9,
            "L{level} should have the score {expected}, but has {got} (4 tables in L0, 100 bytes in L1, 1000 in L2 are 1.0)"
        );
    }
}

/// All tables of L0 go together, newest first, with all tables of L1 that their range overlaps, and no others.
///
/// L0's tables overlap. If a newer one went down and an older one stayed, the older version of a key would lie above the newer one, and readers would find it first.
///
/// # Hints
/// - The range goes from the smallest first key of all tables of L0 to the greatest last key, and these may belong to any of them.
/// - A table of L1 inside a gap of L0 is within the range, too.
/// - The order of inputs says who is newer: L0 as it stands in the level, then L1 by key.
#[test]
fn l0_goes_down_as_a_whole_with_what_it_overlaps() {
    assert_picks(
        "L0: h-j e-f k-m d-e e-e | L1: a-b c-d f-g h-h m-n o-p | L2: a-z",
        &[],
        "L0: h-j e-f k-m d-e e-e | L1: c-d f-g h-h m-n => L1",
    );
    assert_picks(
        "L0: b-y a-c w-z c-d d-d | L1: a-a z-z | L2:",
        &[],
        "L0: b-y a-c w-z c-d d-d | L1: a-a z-z => L1",
    );
    assert_picks(
        "L0: h-j e-f a-b h-m b-b | L1: c-d | L2:",
        &[],
        "L0: h-j e-f a-b h-m b-b | L1: c-d => L1",
    );
}

/// Tables are moved as they are only if none overlaps another, neither among themselves nor on the target level.
///
/// A move costs no byte of writing. But two tables of L0 that overlap would break the order of L1 if they were moved.
///
/// # Hints
/// - Is there an input from the target level? Then there is something to merge.
/// - L0 is ordered by age: sort its tables by key before you compare neighbours.
/// - Tables that touch at one key overlap.
#[test]
fn a_move_is_trivial_only_where_nothing_overlaps() {
    assert_picks(
        "L0: g-h a-b e-f c-d dd-de | L1: i-j | L2:",
        &[],
        "L0: g-h a-b e-f c-d dd-de => L1, moved",
    );
    assert_picks(
        "L0: g-h a-b e-f b-d dd-de | L1: i-j | L2:",
        &[],
        "L0: g-h a-b e-f b-d dd-de => L1",
    );
    assert_picks(
        "L0: a-z c-d e-f g-h dd-de | L1: | L2:",
        &[],
        "L0: a-z c-d e-f g-h dd-de => L1",
    );
    assert_picks(
        "L0: g-h a-b e-f c-d dd-de | L1: h-j | L2:",
        &[],
        "L0: g-h a-b e-f c-d dd-de | L1: h-j => L1",
    );
    assert_picks(
        "L0: | L1: c-d*101 | L2: a-b e-f",
        &[],
        "L1: c-d => L2, moved",
    );
    assert_picks(
        "L0: | L1: c-d*101 | L2: a-c",
        &[],
        "L1: c-d | L2: a-c => L2",
    );
}

/// A level needs a compaction when its score is exactly 1.0; below that it does not.
///
/// Triggers are promises: with a trigger of 4 the fourth table calls for a compaction, not the fifth.
///
/// # Hints
/// - `>=` or `>`?
#[test]
fn a_level_needs_a_compaction_from_a_score_of_one_on() {
    assert_picks("L0: a-b a-b a-b | L1: | L2:", &[], "nothing");
    assert_picks(
        "L0: a-b a-b a-b a-b | L1: | L2:",
        &[],
        "L0: a-b a-b a-b a-b => L1",
    );
    assert_picks("L0: | L1: a-b*99 | L2: a-b", &[], "nothing");
    assert_picks(
        "L0: | L1: a-b*100 | L2: a-b",
        &[],
        "L1: a-b | L2: a-b => L2",
    );
    assert_picks("L0: | L1: | L2:", &[], "nothing");
}

/// The level with the greatest score goes first; of equal ones the smaller.
///
/// Levels above are read more often, so theirs is the first turn when both need it as much.
///
/// # Hints
/// - Look at the score of every level, not only at the first that has reached 1.0.
/// - `Iterator::max_by` gives the *last* of several equal ones.
#[test]
fn the_level_in_greatest_need_goes_first() {
    assert_picks(
        "L0: | L1: a-b*150 | L2: a-c*2500 | L3: a-a",
        &[],
        "L2: a-c | L3: a-a => L3",
    );
    assert_picks(
        "L0: | L1: a-b*350 | L2: a-c*2500 | L3: a-a",
        &[],
        "L1: a-b | L2: a-c => L2",
    );
    assert_picks(
        "L0: | L1: a-b*250 | L2: a-c*2500 | L3: a-a",
        &[],
        "L1: a-b | L2: a-c => L2",
    );
    assert_picks(
        "L0: b-c b-c b-c b-c | L1: a-b*100 | L2: a-c*1000 | L3:",
        &[],
        "L0: b-c b-c b-c b-c | L1: a-b => L1",
    );
}

/// Enough tables in L0 call for a compaction, whatever the levels below look like.
///
/// L0 is what slows every read down. A rule that compares L0 with the level below first (its size, say) may never let it have its turn.
///
/// # Hints
/// - Nothing but the number of its tables decides about L0.
/// - An empty L1 is no reason to leave L0 alone, and a huge last level is none either.
#[test]
fn the_trigger_of_l0_is_not_hidden_by_other_levels() {
    let four = "L0: a-b*1 a-b*1 a-b*1 a-b*1";
    for below in [
        "L1: | L2:",
        "L1: | L2: c-d*900 | L3:",
        "L1: c-d*99 | L2: c-d*999 | L3:",
        "L1: | L2: | L3: c-d*99999",
        "L1: c-d*99999",
    ] {
        assert_picks(
            &format!("{four} | {below}"),
            &[],
            "L0: a-b a-b a-b a-b => L1",
        );
    }
}

/// From another level one table goes, with the tables of the next level that it overlaps, be it at one key only.
///
/// A small step costs little, and the writers never have to wait for a whole level to be rewritten.
///
/// # Hints
/// - Without a cursor, the first table of the level is the one.
/// - `TableDesc::overlaps` says which tables of the next level belong to it.
#[test]
fn one_table_of_a_deeper_level_goes_with_what_it_overlaps() {
    assert_picks(
        "L0: a-z | L1: d-f*60 g-k*60 | L2: a-c b-d e-e f-g h-i | L3: a-z",
        &[],
        "L1: d-f | L2: b-d e-e f-g => L2",
    );
    assert_picks(
        "L0: | L1: a-z*10 | L2: d-f*600 g-k*600 | L3: a-b f-g i-j | L4:",
        &[],
        "L2: d-f | L3: f-g => L3",
    );
}

/// Compactions of a level go round: each begins behind the greatest key that the last one took, and after the last table comes the first.
///
/// If the first table always went, the tables below the beginning of the key space would be rewritten again and again, and the rest of the level would only grow.
///
/// # Hints
/// - `cursors` is indexed by the level that gives the table, not by the one that takes it. It may be too short, or hold an empty key: then start at the first table.
/// - The table behind the cursor is the first whose *first* key is greater than it.
/// - If no table is behind the cursor, begin anew.
#[test]
fn a_level_gives_its_tables_in_turn() {
    let level = "L0: | L1: a-c*40 d-f*40 g-i*40 | L2:";
    for (cursor, expected) in [
        ("", "a-c"),
        ("a", "d-f"),
        ("c", "d-f"),
        ("cc", "d-f"),
        ("d", "g-i"),
        ("f", "g-i"),
        ("g", "a-c"),
        ("i", "a-c"),
        ("zz", "a-c"),
    ] {
        assert_picks(
            level,
            &["z", cursor],
            &format!("L1: {expected} => L2, moved"),
        );
    }
    assert_picks(level, &[], "L1: a-c => L2, moved");
    assert_picks(level, &["e"], "L1: a-c => L2, moved");
    assert_picks(
        "L0: | L1: | L2: a-c*600 d-f*600 | L3:",
        &["", "", "c"],
        "L2: d-f => L3, moved",
    );
    assert_picks(
        "L0: | L1: | L2: a-c*600 d-f*600 | L3:",
        &["c", "c", "", "c"],
        "L2: a-c => L3, moved",
    );
}

/// A compaction names the level that called for it, and as the place where that level goes on, the greatest key of that level's inputs.
///
/// The next compaction of the level begins there. A key of the *target* level would skip tables, or take one twice.
///
/// # Hints
/// - In L0 the greatest key may be that of any table.
/// - The inputs of the target level have no say in it.
#[test]
fn a_compaction_says_where_its_level_goes_on() {
    for (text, source, cursor) in [
        ("L0: a-c b-x e-f c-d | L1: w-z | L2:", 0, "x"),
        ("L0: | L1: d-f*60 g-k*60 | L2: a-c e-z", 1, "f"),
        ("L0: | L1: | L2: d-f*1000 | L3: a-c f-z", 2, "f"),
    ] {
        let levels = tree(text);
        let picked = pick(&levels, &[], &picker_options(&levels))
            .unwrap_or_else(|| panic!("{text} needs a compaction"));
        assert_eq!(
            picked.source_level, source,
            "which level called for the compaction of {text}"
        );
        assert_eq!(
            picked.target_level,
            source + 1,
            "where the compaction of {text} puts its output"
        );
        assert!(
            picked.cursor == cursor.as_bytes(),
            "after the compaction of {text} L{source} should go on behind {cursor:?}, but it is {}",
            show(&picked.cursor)
        );
    }
}

/// The last level is never picked, however large it is.
///
/// There is no level below it: it is the one that may grow.
///
/// # Hints
/// - How many levels are there? `levels.levels.len()` counts L0, too.
/// - What would be `levels[target_level]` for the last one?
#[test]
fn the_last_level_is_never_picked() {
    assert_picks("L0: a-b | L1: a-b*99999", &[], "nothing");
    assert_picks("L0: | L1: | L2: a-b*99999 c-d*99999", &[], "nothing");
    assert_picks(
        "L0: | L1: a-a*100 | L2: a-b*99999",
        &[],
        "L1: a-a | L2: a-b => L2",
    );
}

#[track_caller]
fn assert_everything(text: &str, expected: &str) {
    let levels = tree(text);
    let picked = pick_everything(&levels, &picker_options(&levels));
    let got = tell(&levels, picked.as_ref());
    assert!(
        got == expected,
        "the compaction of everything in {text} should be {expected}, but it is {got}"
    );
}

/// Everything goes to the first level whose target has room for it, but to none above the deepest that is used.
///
/// A level that is too small would call for the next compaction at once. And a table must not rise: the levels below its new place are supposed to be older.
///
/// # Hints
/// - Add up the sizes of all tables of all levels.
/// - A target that is reached exactly is room enough.
/// - If no target has room, the last level takes it: it has none.
#[test]
fn everything_goes_to_the_first_level_with_room_for_it() {
    assert_everything(
        "L0: a-b*50 | L1: c-d*50 | L2: | L3:",
        "L0: a-b | L1: c-d => L1",
    );
    assert_everything(
        "L0: a-b*50 | L1: c-d*51 | L2: | L3:",
        "L0: a-b | L1: c-d => L2",
    );
    assert_everything(
        "L0: a-b*1000 a-c*1 | L1: | L2: | L3: | L4:",
        "L0: a-b a-c => L3",
    );
    assert_everything("L0: a-b*99999 | L1: | L2: | L3:", "L0: a-b => L3");
    assert_everything("L0: a-b*99999 | L1:", "L0: a-b => L1");
    assert_everything(
        "L0: a-b*1 | L1: | L2: c-d*1 | L3:",
        "L0: a-b | L2: c-d => L2",
    );
    assert_everything(
        "L0: | L1: a-b*1 | L2: | L3: c-d*1",
        "L1: a-b | L3: c-d => L3",
    );
}

/// The compaction of everything takes every table, newest first, and never just moves them.
///
/// Whoever asks for it wants what is deleted and overwritten to be gone: also from a single table, which a move would leave as it is.
///
/// # Hints
/// - Level by level is newest first, and each level stands in the right order already.
/// - Without any table there is nothing to do.
#[test]
fn everything_is_every_table_newest_first() {
    assert_everything(
        "L0: e-f a-z | L1: c-d f-g | L2: | L3: b-c | L4:",
        "L0: e-f a-z | L1: c-d f-g | L3: b-c => L3",
    );
    assert_everything("L0: a-b | L1: | L2:", "L0: a-b => L1");
    assert_everything("L0: | L1: a-b c-d | L2:", "L1: a-b c-d => L1");
    assert_everything("L0: | L1: | L2:", "nothing");
}
