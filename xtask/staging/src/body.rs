//! Markers inside a body: a marked statement, field or match arm exists from its task on, an `until` line before it.
//!
//! All markers are checked at every stage, also in a body that is a stub there: a slip shows at once, not on day 6.

use std::ops::Range;

use syn::parse::Parser;
use syn::punctuated::Pair;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::edit::Edit;
use crate::marker::{Marker, Task};
use crate::problem::Problem;
use crate::source::{Comment, Source};
use crate::stage::Stage;

/// What a body's markers ask for at a stage, and what is wrong with them.
#[derive(Default)]
pub struct Outcome {
    pub edits: Vec<Edit>,
    pub problems: Vec<Problem>,
    pub tasks: Vec<Task>,
}

/// Reads the markers of one body. `since` is the task of the function itself, `None` for a given one.
pub fn read(source: &Source, block: &syn::Block, since: Option<Task>, stage: Stage) -> Outcome {
    let range = source.range(block);
    let mut units = Units {
        source,
        found: Vec::new(),
        lists: Vec::new(),
    };
    units.visit_block(block);
    let mut reader = Reader {
        source,
        stage,
        since,
        units: units.found,
        lists: units.lists,
        open: Vec::new(),
        out: Outcome::default(),
    };
    for comment in source
        .comments
        .iter()
        .filter(|c| range.contains(&c.range.start))
    {
        match &comment.marker {
            Some(Ok(marker)) => reader.marker(comment, marker),
            Some(Err(what)) => reader.problem(comment, what.clone()),
            None => {}
        }
    }
    for (task, at) in std::mem::take(&mut reader.open) {
        let what = format!(
            "the block of {task} is never closed; end it with `// }} {task}` in the same body"
        );
        reader.out.problems.push(source.problem(at.start, what));
    }
    reader.out
}

/// A whole statement, field or match arm, with its comma or semicolon.
struct Unit {
    range: Range<usize>,
    /// The number of its list; siblings share it.
    list: usize,
}

/// What stands between two braces.
struct List {
    braces: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Statements,
    Fields,
    FieldPatterns,
    Arms,
}

impl Kind {
    /// Is `code` one or more whole members of such a list?
    fn holds(self, code: &str) -> bool {
        if code.parse::<proc_macro2::TokenStream>().is_err() {
            return false; // Its brackets do not close.
        }
        let comma = code.ends_with(',');
        let (whole, around) = match self {
            Kind::Statements => (true, code.to_string()),
            Kind::Fields => (comma, format!("S {{ {code} }};")),
            Kind::FieldPatterns => (comma, format!("let S {{ {code} }} = s;")),
            Kind::Arms => (
                comma || code.ends_with('}'),
                format!("match s {{ {code} }}"),
            ),
        };
        whole && syn::Block::parse_within.parse_str(&around).is_ok()
    }
}

struct Units<'s, 'a> {
    source: &'s Source<'a>,
    found: Vec<Unit>,
    lists: Vec<List>,
}

impl Units<'_, '_> {
    fn list<'n>(
        &mut self,
        braces: syn::token::Brace,
        kind: Kind,
        nodes: impl Iterator<Item = &'n (impl Spanned + 'n)>,
    ) {
        let number = self.lists.len();
        self.lists.push(List {
            braces: braces.span.join().byte_range(),
            kind,
        });
        for node in nodes {
            let mut range = self.source.range(node);
            let next = self.source.token_start_from(range.end);
            if self.source.text[next..].starts_with(',') {
                range.end = next + 1;
            }
            self.found.push(Unit {
                range,
                list: number,
            });
        }
    }
}

impl<'ast> Visit<'ast> for Units<'_, '_> {
    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.list(block.brace_token, Kind::Statements, block.stmts.iter());
        visit::visit_block(self, block);
    }

    fn visit_expr_struct(&mut self, expr: &'ast syn::ExprStruct) {
        self.list(
            expr.brace_token,
            Kind::Fields,
            expr.fields.pairs().map(Pair::into_value),
        );
        visit::visit_expr_struct(self, expr);
    }

    fn visit_pat_struct(&mut self, pat: &'ast syn::PatStruct) {
        self.list(
            pat.brace_token,
            Kind::FieldPatterns,
            pat.fields.pairs().map(Pair::into_value),
        );
        visit::visit_pat_struct(self, pat);
    }

    fn visit_expr_match(&mut self, expr: &'ast syn::ExprMatch) {
        self.list(expr.brace_token, Kind::Arms, expr.arms.iter());
        visit::visit_expr_match(self, expr);
    }
}

struct Reader<'s, 'a> {
    source: &'s Source<'a>,
    stage: Stage,
    since: Option<Task>,
    units: Vec<Unit>,
    lists: Vec<List>,
    /// Blocks that are open, with the place of the comment that opens each.
    open: Vec<(Task, Range<usize>)>,
    out: Outcome,
}

impl Reader<'_, '_> {
    fn marker(&mut self, comment: &Comment, marker: &Marker) {
        if !matches!(marker, Marker::Day(_)) && !comment.own_line {
            return self.problem(
                comment,
                "this marker stands alone on its line; move it to one of its own".to_string(),
            );
        }
        match marker {
            Marker::Given => {
                self.problem(comment, "`// given` stands above an item, not in a body; move it above the function".to_string());
            }
            Marker::Day(task) if comment.own_line => self.problem(
                comment,
                format!("in a body `// {task}` stands at the end of the last line of a statement, field or match arm; move it there"),
            ),
            Marker::Day(task) => self.line(comment, *task),
            Marker::Open(task) => {
                self.used(comment, *task);
                self.open.push((*task, comment.range.clone()));
            }
            Marker::Close(task) => self.close(comment, *task),
            Marker::Until(task, code) => self.until(comment, *task, code),
        }
    }

    fn line(&mut self, comment: &Comment, task: Task) {
        self.used(comment, task);
        let end = self.source.token_end_before(comment.range.start);
        let last_line = self.source.line(comment.range.start);
        let ends_here =
            |unit: &&Unit| unit.range.end == end && self.source.line(end - 1) == last_line;
        let marked = self
            .units
            .iter()
            .filter(ends_here)
            .find(|unit| self.source.begins_line(unit.range.start));
        let Some(unit) = marked else {
            return self.problem(
                comment,
                "this line is no whole statement, field or match arm; mark the last line of one that begins a line of its own, or use a block".to_string(),
            );
        };
        self.out.edits.push(if self.stage.reaches(task) {
            Edit::remove(end..comment.range.end)
        } else {
            Edit::remove(self.source.cut(&unit.range))
        });
    }

    fn close(&mut self, comment: &Comment, task: Task) {
        match self.open.pop() {
            Some((opened, at)) if opened == task => self.block(task, &at, &comment.range),
            Some((opened, at)) => {
                let line = self.source.line(at.start);
                self.problem(
                    comment,
                    format!(
                        "this closes {task}, but line {line} opened {opened}; the two must agree"
                    ),
                );
            }
            None => self.problem(
                comment,
                format!("nothing is open here; begin the block with `// {task} {{`"),
            ),
        }
    }

    fn block(&mut self, task: Task, open: &Range<usize>, close: &Range<usize>) {
        let within = open.end..close.start;
        let mut inside = self
            .units
            .iter()
            .filter(|u| within.start <= u.range.start && u.range.end <= within.end);
        // The first one found from outside in is of the outermost list: lists are pushed before what they contain.
        let list = inside.next().map(|unit| unit.list);
        let siblings: Vec<_> = self
            .units
            .iter()
            .filter(|unit| Some(unit.list) == list)
            .collect();
        let whole = |token: &Range<usize>| {
            siblings
                .iter()
                .any(|u| contains(&within, &u.range) && contains(&u.range, token))
        };
        if list.is_none() || !self.source.tokens_within(&within).iter().all(whole) {
            let what = format!(
                "the block of {task} holds no whole statements, fields or match arms; move its two markers around such"
            );
            self.out
                .problems
                .push(self.source.problem(open.start, what));
        } else if self.stage.reaches(task) {
            self.out
                .edits
                .extend([open, close].map(|at| Edit::remove(self.lines(at))));
        } else {
            self.out
                .edits
                .push(Edit::remove(self.lines(&(open.start..close.end))));
        }
    }

    fn until(&mut self, comment: &Comment, task: Task, code: &str) {
        self.used(comment, task);
        if !self.fits(comment.range.start, code) {
            return self.problem(
                comment,
                format!(
                    "`{code}` is no whole statement, field or match arm here; write one, as it would stand on this line"
                ),
            );
        }
        self.out.edits.push(if self.stage.reaches(task) {
            Edit::remove(self.lines(&comment.range))
        } else {
            Edit {
                range: comment.range.clone(),
                with: code.to_string(),
            }
        });
    }

    /// Does the code of an `until` line fit where it stands: between the members of the innermost list around it?
    fn fits(&self, at: usize, code: &str) -> bool {
        let around = self
            .lists
            .iter()
            .enumerate()
            .filter(|(_, list)| list.braces.contains(&at));
        let Some((number, list)) = around.min_by_key(|(_, list)| list.braces.len()) else {
            return false;
        };
        let in_the_middle = self
            .units
            .iter()
            .any(|unit| unit.list == number && unit.range.contains(&at));
        !in_the_middle && list.kind.holds(code)
    }

    /// A marker that is never seen at work is a mistake: the function, or the block around, comes later than it.
    fn used(&mut self, comment: &Comment, task: Task) {
        self.out.tasks.push(task);
        if let Some((outer, _)) = self.open.last().filter(|(outer, _)| *outer >= task) {
            self.problem(
                comment,
                format!("{task} has no effect within a block of {outer}; remove the marker"),
            );
        } else if let Some(since) = self.since.filter(|since| *since >= task) {
            self.problem(
                comment,
                format!("{task} has no effect in a function of {since}; remove the marker"),
            );
        }
    }

    fn lines(&self, range: &Range<usize>) -> Range<usize> {
        self.source.line_start(range.start)..self.source.line_end(range.end)
    }

    fn problem(&mut self, comment: &Comment, what: String) {
        self.out
            .problems
            .push(self.source.problem(comment.range.start, what));
    }
}

fn contains(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}
