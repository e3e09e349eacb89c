//! `borrow Type::function` brings the reference's body of one function, `repay` makes it a stub again.
//!
//! A borrowed function has a line above it that says so, which `status` and the board find. Helpers that it cannot do without
//! come along, each with a line of its own, and go again when nothing calls them any more.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use staging::marker::LAST_DAY;
use staging::names::PACKAGE;
use staging::outline::{Entry, Outline, Piece};
use staging::stage::Stage;
use xtask::stubs::{BORROWED, Loan as Line, borrowed_in_text};

use crate::changes::Changes;
use crate::compile::{self, Trouble, Verdict};
use crate::course::{self, Course, Function};
use crate::graft;
use crate::keep;
use crate::mine::Mine;
use crate::needs::{self, Needs, missing_imports};

/// Above a helper that came along.
const CAME_WITH: &str = "// borrowed with ";

/// New texts of files, and what came along.
#[derive(Debug)]
pub struct Loan {
    pub files: BTreeMap<String, String>,
    pub brought: Vec<String>,
}

pub fn borrow(course: &Course, name: &str) -> Result<()> {
    let function = course.function(name)?;
    let mine = Mine::read(&course.root)?;
    let stage = course.stage_for(function, &mine);
    let mut loan = lend(course, &mine, function, stage, false)?;
    let mut changes = changes(&mine, &loan);
    if changes.is_empty() {
        println!("{name} is borrowed already; `cargo x repay {name}` makes it a stub again");
        return Ok(());
    }
    let mut trouble = first_trouble(course, &mine, &loan)?;
    if trouble.is_some() {
        // A trait is used without being named: perhaps an import that was tidied away.
        let more = lend(course, &mine, function, stage, true)?;
        if more.files != loan.files && first_trouble(course, &mine, &more)?.is_none() {
            (changes, loan, trouble) = (self::changes(&mine, &more), more, None);
        }
    }
    changes.check(&mine)?;
    let kept = keep::keep(&course.root, &mine, &format!("borrow {name}"))?;
    changes.apply(&mine)?;
    println!(
        "{name} is the reference's now, as of {}, in {PACKAGE}/{}",
        course::moment(stage),
        function.path
    );
    for what in &loan.brought {
        println!("  brought along: {what}");
    }
    if let Some(trouble) = trouble {
        println!("  the crate does not compile with it: {trouble}");
    }
    println!("{kept}");
    println!("next: cargo x scheck        (and one day: cargo x repay {name})");
    Ok(())
}

fn changes(mine: &Mine, loan: &Loan) -> Changes {
    let mut changes = Changes::default();
    for (path, text) in &loan.files {
        changes.write(mine, path, text);
    }
    changes
}

/// The learner's files with the reference's `function` in them. With `all_imports`, every import of its file comes along.
pub fn lend(
    course: &Course,
    mine: &Mine,
    function: &Function,
    stage: Stage,
    all_imports: bool,
) -> Result<Loan> {
    let path = function.path.as_str();
    let theirs = course.outline(path, stage)?;
    let piece = theirs.piece(&function.key);
    let piece = piece.with_context(|| format!("{stage} has no {}", function.name))?;
    let mut outline = outline(mine, path)?;
    let Some(own) = outline.piece(&function.key).cloned() else {
        bail!(
            "{PACKAGE}/{path} has no {}; put its signature there first, as in the starter",
            function.name
        );
    };
    let code = piece.code().to_string();
    let line = Line::line(&function.name, function.task.day, function.task.task);
    graft::replace(&mut outline, &with_code(&own, &code, Some(&line)));
    let mut loan = Loan {
        files: BTreeMap::new(),
        brought: Vec::new(),
    };
    let mut needs = needs::needs(&[&code], &theirs, &outline);
    if all_imports {
        needs.imports = missing_imports(&theirs, &outline, |_| true);
    }
    let mut codes = vec![code];
    let named = theirs
        .pieces()
        .filter(|piece| needs.items.contains(&piece.key));
    codes.extend(named.map(|piece| piece.text.clone()));
    loan.bring(path, &mut outline, &theirs, &needs, &function.name);
    loan.files.insert(path.to_string(), outline.text());
    for above in modules_above(path) {
        loan.bring_from_above(course, mine, &above, stage, &codes, &function.name)?;
    }
    Ok(loan)
}

impl Loan {
    fn bring(&mut self, path: &str, into: &mut Outline, from: &Outline, needs: &Needs, name: &str) {
        let mut from = from.clone();
        let line = format!("{CAME_WITH}{name}");
        let mut mark = |piece: &mut Piece| {
            piece.text = with_line_above(piece, &line);
            let what = piece.key.rsplit(": ").next().unwrap_or_default();
            self.brought.push(format!("{what} in {PACKAGE}/{path}"));
        };
        for entry in &mut from.entries {
            match entry {
                Entry::Piece(piece) if needs.items.contains(&piece.key) => mark(piece),
                Entry::Piece(_) => {}
                Entry::Block(block) => {
                    let whole = needs.items.contains(&block.key);
                    let members = block.members.iter_mut();
                    members
                        .filter(|member| whole || needs.items.contains(&member.key))
                        .for_each(&mut mark);
                }
            }
        }
        let imports = needs.imports.iter();
        self.brought
            .extend(imports.map(|import| format!("use {} in {PACKAGE}/{path}", import.path)));
        graft::bring(into, &from, needs);
    }

    /// What is private in a module may be called from the modules below it.
    fn bring_from_above(
        &mut self,
        course: &Course,
        mine: &Mine,
        path: &str,
        stage: Stage,
        codes: &[String],
        name: &str,
    ) -> Result<()> {
        let (Ok(theirs), Ok(mut outline)) = (course.outline(path, stage), outline(mine, path))
        else {
            return Ok(());
        };
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        let needs = needs::needs(&codes, &theirs, &outline);
        if !needs.items.is_empty() {
            self.bring(path, &mut outline, &theirs, &needs, name);
            self.files.insert(path.to_string(), outline.text());
        }
        Ok(())
    }
}

/// `src/a/mod.rs` and `src/a.rs` for `src/a/b.rs`; `src/a/mod.rs` stands below the root only.
fn modules_above(path: &str) -> Vec<String> {
    let folder = path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
    let folders = folder.match_indices('/').map(|(at, _)| &folder[..at]);
    let mut above = Vec::new();
    for folder in folders.filter(|folder| *folder != "src") {
        above.extend([format!("{folder}/mod.rs"), format!("{folder}.rs")]);
    }
    above
}

fn outline(mine: &Mine, path: &str) -> Result<Outline> {
    let text = mine.text(path);
    let text = text.with_context(|| {
        format!(
            "{PACKAGE}/{path} is not there, or is no text; `cargo x reset --day N` brings it back"
        )
    })?;
    Outline::parse(path, &text)
        .map_err(|problem| anyhow::anyhow!("{PACKAGE}/{problem}; nothing was changed"))
}

fn first_trouble(course: &Course, mine: &Mine, loan: &Loan) -> Result<Option<Trouble>> {
    let mut files = mine.files.clone();
    let texts = loan.files.iter();
    files.extend(texts.map(|(path, text)| (path.clone(), text.clone().into_bytes())));
    Ok(match compile::check(course, &files)? {
        Verdict::Fails(troubles) => troubles.into_iter().next(),
        Verdict::Compiles | Verdict::Unknown(_) => None,
    })
}

/// A function with other code under its own docs, and with or without the line that says it is borrowed.
fn with_code(own: &Piece, code: &str, line: Option<&str>) -> Piece {
    let function = own.function().expect("only functions are borrowed");
    let above = &own.text[..function.code.start];
    let above: String = above
        .split_inclusive('\n')
        .filter(|line| !line.trim().starts_with(BORROWED))
        .collect();
    let indent: String = above.chars().rev().take_while(|c| *c == ' ').collect();
    let line = line.map_or_else(String::new, |line| format!("{line}\n{indent}"));
    Piece {
        text: format!("{above}{line}{code}{}", &own.text[function.code.end..]),
        ..own.clone()
    }
}

fn with_line_above(piece: &Piece, line: &str) -> String {
    match piece.function() {
        Some(function) => {
            let above = &piece.text[..function.code.start];
            let indent: String = above.chars().rev().take_while(|c| *c == ' ').collect();
            format!(
                "{above}{line}\n{indent}{}",
                &piece.text[function.code.start..]
            )
        }
        None => {
            let text = piece.text.trim_start_matches('\n');
            format!("\n{line}\n{text}")
        }
    }
}

/// One function, or all that were borrowed.
pub fn repay(course: &Course, name: Option<&str>) -> Result<()> {
    let mine = Mine::read(&course.root)?;
    let borrowed = borrowed(&mine);
    let names: Vec<String> = match name {
        None => borrowed.into_iter().map(|(name, _)| name).collect(),
        Some(name) if borrowed.iter().any(|(known, _)| known == name) => vec![name.to_string()],
        Some(name) => {
            course.function(name)?;
            let known: Vec<&str> = borrowed.iter().map(|(name, _)| name.as_str()).collect();
            match known.is_empty() {
                true => println!("{name} is not borrowed: nothing is"),
                false => println!("{name} is not borrowed; these are: {}", known.join(", ")),
            }
            return Ok(());
        }
    };
    if names.is_empty() {
        println!("nothing is borrowed");
        return Ok(());
    }
    let mut changes = Changes::default();
    for (path, text) in take_back(course, &mine, &names)? {
        changes.write(&mine, &path, &text);
    }
    changes.check(&mine)?;
    let kept = keep::keep(&course.root, &mine, "repay")?;
    changes.apply(&mine)?;
    for name in &names {
        println!("{name} is a stub again");
    }
    println!("{kept}");
    println!("next: cargo x scheck");
    Ok(())
}

/// The learner's files with these functions as stubs again, and without helpers that nothing calls any more.
pub fn take_back(
    course: &Course,
    mine: &Mine,
    names: &[String],
) -> Result<BTreeMap<String, String>> {
    let mut outlines = BTreeMap::new();
    for name in names {
        give_back(course, mine, name, &mut outlines)?;
    }
    for (path, outline) in &mut outlines {
        sweep(course, path, outline)?;
    }
    let texts = outlines
        .into_iter()
        .map(|(path, outline)| (path, outline.text()));
    Ok(texts.collect())
}

/// Name and file.
fn borrowed(mine: &Mine) -> Vec<(String, String)> {
    let files = mine
        .sources()
        .map(|path| (path, mine.text(path).unwrap_or_default()));
    let names = files.flat_map(|(path, text)| {
        let lines = borrowed_in_text(&text).into_iter();
        lines
            .map(|line| (line.item, path.to_string()))
            .collect::<Vec<_>>()
    });
    names.collect()
}

fn give_back(
    course: &Course,
    mine: &Mine,
    name: &str,
    outlines: &mut BTreeMap<String, Outline>,
) -> Result<()> {
    let function = course.function(name)?;
    let path = function.path.as_str();
    // Helpers may have come into the modules above.
    for path in [vec![path.to_string()], modules_above(path)].concat() {
        if mine.files.contains_key(&path) && !outlines.contains_key(&path) {
            outlines.insert(path.clone(), outline(mine, &path)?);
        }
    }
    let stubs = course.outline(path, Stage::day(0))?;
    let stub = stubs
        .piece(&function.key)
        .context("the starter has a stub of every function")?;
    let outline = outlines
        .get_mut(path)
        .with_context(|| format!("{PACKAGE}/{path} is not there"))?;
    let own = outline.piece(&function.key).cloned();
    let own = own.with_context(|| {
        format!("{PACKAGE}/{path} has no {name} under the line that says it is borrowed")
    })?;
    graft::replace(outline, &with_code(&own, stub.code(), None));
    Ok(())
}

/// Takes out helpers that came along, are as they came, and that nothing else leads to any more.
fn sweep(course: &Course, path: &str, outline: &mut Outline) -> Result<()> {
    let days = (1..=LAST_DAY).map(|day| course.outline(path, Stage::day(day)));
    let days = days.collect::<Result<Vec<_>>>()?;
    // Ranges and keys of the new text.
    let now = Outline::parse(path, &outline.text())?;
    let as_it_came = |piece: &Piece| {
        let same = |day: &Outline| {
            day.piece(&piece.key)
                .is_some_and(|there| there.code() == piece.code())
        };
        let came = piece
            .text
            .lines()
            .any(|line| line.trim().starts_with(CAME_WITH));
        came && days.iter().any(same)
    };
    let (mut idle, stays): (Vec<&Piece>, Vec<&Piece>) =
        now.pieces().partition(|piece| as_it_came(piece));
    let mut used: BTreeSet<String> = stays
        .iter()
        .flat_map(|piece| needs::words(&piece.text))
        .collect();
    while let Some(at) = idle
        .iter()
        .position(|piece| needs::name(piece).is_some_and(|name| used.contains(&name)))
    {
        used.extend(needs::words(&idle.swap_remove(at).text));
    }
    idle.iter()
        .for_each(|piece| graft::remove(outline, &piece.key));
    Ok(())
}
