//! Which function of the learner's belongs beside which of the reference.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use similar::TextDiff;
use staging::edit::{self, Edit};
use staging::names::PACKAGE;
use staging::outline::{Outline, Piece};
use staging::source::Source;
use staging::stage::Stage;

use crate::course::{self, Course, Function};
use crate::mine::Mine;
use crate::needs::{self, words};

/// Helpers that are less alike than this are two different ones.
const ALIKE: f32 = 0.5;

/// One file.
#[derive(Debug, Default)]
pub struct Compared {
    pub path: String,
    /// `the evening of day 3`
    pub moment: String,
    /// Functions that are the same but for remarks and layout.
    pub same: Vec<String>,
    pub pairs: Vec<Pair>,
    /// Why there is nothing to compare.
    pub remark: Option<String>,
}

/// A function that differs. One side is empty where the other has no counterpart.
#[derive(Debug)]
pub struct Pair {
    pub title: String,
    pub mine: String,
    pub theirs: String,
}

pub fn compare(
    course: &Course,
    mine: &Mine,
    path: &str,
    stage: Stage,
    functions: &[&Function],
) -> Result<Compared> {
    let mut compared = Compared {
        path: format!("{PACKAGE}/{path}"),
        moment: course::moment(stage),
        ..Compared::default()
    };
    let Some(text) = mine.text(path) else {
        compared.remark = Some("this file is not there, or is no text".to_string());
        return Ok(compared);
    };
    let mine = match bare(course, path, &text) {
        Ok(outline) => outline,
        Err(why) => {
            compared.remark = Some(format!("{PACKAGE}/{why}"));
            return Ok(compared);
        }
    };
    let theirs = course.file(path, stage)?;
    let theirs = bare(course, path, &theirs).map_err(anyhow::Error::msg)?;
    let given = course.outline(path, Stage::day(0))?;
    let keys: BTreeSet<&str> = functions.iter().map(|f| f.key.as_str()).collect();
    let my_helpers = helpers(&mine, &given, &keys);
    let their_helpers = helpers(&theirs, &given, &keys);
    let couples = couples(&my_helpers, &their_helpers);
    let renamed = renamed(&couples);
    for function in functions {
        let (own, reference) = (mine.piece(&function.key), theirs.piece(&function.key));
        compared.add(&function.name, own, reference, &renamed);
    }
    for (own, reference) in couples {
        let name = |piece: Option<&Piece>| piece.and_then(Piece::function).map(|f| f.name.clone());
        let title = match (name(own), name(reference)) {
            (Some(own), Some(theirs)) if own != theirs => {
                format!("{own}, which is like the reference's {theirs}")
            }
            (own, theirs) => own.or(theirs).unwrap_or_default(),
        };
        compared.add(&title, own, reference, &renamed);
    }
    Ok(compared)
}

impl Compared {
    fn add(
        &mut self,
        title: &str,
        mine: Option<&Piece>,
        theirs: Option<&Piece>,
        renamed: &BTreeMap<String, String>,
    ) {
        let code = |piece: Option<&Piece>| piece.map_or_else(String::new, unindented);
        let (mine, theirs) = (code(mine), code(theirs));
        if rename(&mine, renamed) == theirs {
            return self.same.push(title.to_string());
        }
        let title = match (mine.is_empty(), theirs.is_empty()) {
            (false, true) => format!("{title}: only in yours"),
            (true, false) => format!("{title}: only in the reference"),
            _ => title.to_string(),
        };
        self.pairs.push(Pair {
            title,
            mine,
            theirs,
        });
    }
}

/// The file formatted and without remarks. `Err`: why it has no outline.
fn bare(course: &Course, path: &str, text: &str) -> Result<Outline, String> {
    let source = Source::parse(path, text).map_err(|problem| problem.to_string())?;
    let remarks = source.comments.iter().map(|comment| {
        let start = comment.range.start;
        Edit::remove(match comment.own_line {
            true => source.line_start(start)..source.line_end(comment.range.end),
            false => source.token_end_before(start)..comment.range.end,
        })
    });
    let text = edit::apply(text, remarks.collect());
    let text = course
        .reference
        .format(path, &text)
        .map_err(|error| format!("{error:#}"))?;
    Outline::parse(path, &text).map_err(|problem| problem.to_string())
}

/// Functions that are neither the course's nor given, and that the chosen ones call.
fn helpers<'a>(outline: &'a Outline, given: &Outline, chosen: &BTreeSet<&str>) -> Vec<&'a Piece> {
    let of_the_course = |piece: &&Piece| given.piece(&piece.key).is_some();
    let helpers: Vec<&Piece> = outline
        .pieces()
        .filter(|piece| piece.function().is_some() && !of_the_course(piece))
        .collect();
    let codes = outline
        .pieces()
        .filter(|piece| chosen.contains(piece.key.as_str()));
    let mut used: BTreeSet<String> = codes.flat_map(|piece| words(piece.code())).collect();
    let mut called: BTreeSet<&str> = BTreeSet::new();
    loop {
        let next = helpers.iter().find(|piece| {
            let named = needs::name(piece).is_some_and(|name| used.contains(&name));
            named && !called.contains(piece.key.as_str())
        });
        let Some(next) = next else { break };
        called.insert(&next.key);
        used.extend(words(next.code()));
    }
    helpers
        .into_iter()
        .filter(|piece| called.contains(piece.key.as_str()))
        .collect()
}

type Couple<'a> = (Option<&'a Piece>, Option<&'a Piece>);

/// By name, then by likeness, then alone.
fn couples<'a>(mine: &[&'a Piece], theirs: &[&'a Piece]) -> Vec<Couple<'a>> {
    let mut couples = Vec::new();
    let (mut mine, mut theirs) = (mine.to_vec(), theirs.to_vec());
    mine.retain(
        |own| match theirs.iter().position(|other| other.key == own.key) {
            Some(at) => {
                couples.push((Some(*own), Some(theirs.remove(at))));
                false
            }
            None => true,
        },
    );
    loop {
        let all = mine.iter().enumerate().flat_map(|(i, own)| {
            theirs
                .iter()
                .enumerate()
                .map(move |(k, other)| (likeness(own, other), i, k))
        });
        let best = all.max_by(|(a, ..), (b, ..)| a.total_cmp(b));
        let Some((_, i, k)) = best.filter(|(likeness, ..)| *likeness >= ALIKE) else {
            break;
        };
        couples.push((Some(mine.remove(i)), Some(theirs.remove(k))));
    }
    couples.extend(mine.into_iter().map(|own| (Some(own), None)));
    couples.extend(theirs.into_iter().map(|other| (None, Some(other))));
    couples
}

fn likeness(mine: &Piece, theirs: &Piece) -> f32 {
    TextDiff::from_words(mine.code(), theirs.code()).ratio()
}

fn renamed(couples: &[Couple]) -> BTreeMap<String, String> {
    let both = couples.iter().filter_map(|(mine, theirs)| {
        let (mine, theirs) = (needs::name((*mine)?)?, needs::name((*theirs)?)?);
        (mine != theirs).then_some((mine, theirs))
    });
    both.collect()
}

/// The code with the reference's names of helpers.
fn rename(code: &str, renamed: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(code.len());
    let mut word = String::new();
    for c in code.chars().chain(['\0']) {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        out.push_str(renamed.get(&word).unwrap_or(&word));
        word.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

fn unindented(piece: &Piece) -> String {
    let code = piece.code();
    let start = piece.function().map_or(0, |function| function.code.start);
    let indent = piece.text[..start]
        .chars()
        .rev()
        .take_while(|c| *c == ' ')
        .count();
    let lines = code.lines().map(|line| {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        &line[blanks.min(indent)..]
    });
    lines.map(|line| format!("{line}\n")).collect()
}
