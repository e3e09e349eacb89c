//! Items of the engine by name: signatures, docs, and whole texts at a stage.

use anyhow::Result;
use staging::marker::LAST_DAY;
use staging::names;
use staging::outline::{Entry, Piece};
use staging::stage::Stage;

use super::{Source, unknown};

/// An item as the annotated source has it.
pub struct Item<'a> {
    /// Relative to the crate.
    pub path: &'a str,
    /// `BlockBuilder::add`, `Block`, `OFFSET_LEN`.
    pub name: String,
    key: String,
    text: String,
    is_block: bool,
    /// `StorageIterator` of its implementation.
    of_trait: Option<String>,
    /// A body that learners write, or that a private helper of theirs would give away.
    pub is_work: bool,
}

/// A function that learners write.
pub struct Function<'a> {
    pub path: &'a str,
    pub task: u32,
    pub name: &'a str,
}

impl Source {
    /// The item called `name`. Where several files have one, `module::name` tells them apart.
    pub fn item(&self, name: &str) -> Result<Item<'_>, String> {
        let mut found: Vec<Item> = self.items().filter(|item| item.is_called(name)).collect();
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(unknown("item", name, self.items().map(|item| item.name))),
            _ => {
                let places: Vec<&str> = found.iter().map(|item| item.path).collect();
                Err(format!(
                    "`{name}` stands in {}; write the module before it",
                    places.join(" and ")
                ))
            }
        }
    }

    /// The functions that are written on a day, in the order of tasks and then of files.
    pub fn functions(&self, day: u32) -> Vec<Function<'_>> {
        let mut functions: Vec<Function> = Vec::new();
        for file in &self.files {
            for stub in file.stubs.iter().filter(|stub| stub.day == day) {
                functions.push(Function {
                    path: &file.path,
                    task: stub.task,
                    name: &stub.item,
                });
            }
        }
        functions.sort_by_key(|function| function.task);
        functions
    }

    /// The item's text at the evening of `day`, docs included; without the markers.
    pub fn at_stage(&self, item: &Item, day: u32) -> Result<String, String> {
        let stage = Stage::day(day.min(LAST_DAY));
        let text = self.reference.file(item.path, stage);
        let text = text.map_err(|error| format!("{error:#}"))?;
        let text = text.unwrap_or_default();
        let outline = staging::outline::Outline::parse(item.path, &text);
        let outline = outline.map_err(|problem| problem.to_string())?;
        let found = outline.entries.iter().find_map(|entry| match entry {
            Entry::Block(block) if block.key == item.key => Some(whole(block)),
            _ => None,
        });
        let found = found.or_else(|| Some(outline.piece(&item.key)?.text.clone()));
        let text = found.ok_or_else(|| format!("`{}` is not there on day {day}", item.name))?;
        Ok(dedent(text.trim_matches('\n')))
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.files.iter().flat_map(|file| {
            let stubs = move |name: &str| file.stubs.iter().any(|stub| stub.item == name);
            let is_learners = !file.stubs.is_empty();
            let of_piece = move |piece: &Piece| {
                let function = piece.function();
                let name = function.map_or_else(|| name_of_key(&piece.key), |f| f.name.clone());
                Item {
                    path: &file.path,
                    is_work: function
                        .is_some_and(|f| stubs(&f.name) || (is_learners && !f.callable)),
                    name,
                    key: piece.key.clone(),
                    text: piece.text.clone(),
                    is_block: false,
                    of_trait: function.and_then(|f| f.of_trait.clone()),
                }
            };
            file.outline
                .entries
                .iter()
                .flat_map(move |entry| match entry {
                    Entry::Piece(piece) => vec![of_piece(piece)],
                    Entry::Block(block) => {
                        let is_trait = block.scope.starts_with("trait ");
                        let own = is_trait.then(|| Item {
                            path: &file.path,
                            name: name_of_key(&block.key),
                            key: block.key.clone(),
                            text: whole(block),
                            is_block: true,
                            of_trait: None,
                            is_work: false,
                        });
                        let members = block.members.iter().map(of_piece);
                        own.into_iter().chain(members).collect()
                    }
                })
        })
    }
}

impl Item<'_> {
    fn is_called(&self, name: &str) -> bool {
        if self.name == name {
            return true;
        }
        let module = super::module_path(self.path);
        let with_module =
            |module: &str| name.strip_prefix(module).and_then(|n| n.strip_prefix("::"));
        let last = module.rsplit("::").next().unwrap_or_default();
        [with_module(&module), with_module(last)]
            .into_iter()
            .flatten()
            .any(|rest| rest == self.name)
    }

    /// From the visibility to what stands before the body; of a type or a constant, all of it.
    pub fn signature(&self) -> String {
        let code = self.code();
        let end = match self.is_block {
            true => code.find(" {"),
            false if self.key.contains("fn ") => body_start(&code),
            false => None,
        };
        let code = end.map_or(code.as_str(), |end| &code[..end]);
        code.trim_end_matches([' ', '\n', ';']).to_string()
    }

    /// The doc comment as Markdown, links between items turned into plain code.
    pub fn docs(&self) -> String {
        let lines = self.text.lines().take_while(|line| !is_code(line));
        let lines = lines.filter_map(|line| line.trim().strip_prefix("///"));
        let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line));
        super::prose(&names::change(&lines.collect::<Vec<_>>().join("\n")))
    }

    /// Its docs; where an implementation has none, those of the trait it implements.
    pub fn contract(&self, source: &Source) -> String {
        let docs = self.docs();
        let function = self.name.rsplit("::").next().unwrap_or_default();
        let of_trait = self.of_trait.iter().filter(|_| docs.is_empty());
        let promised = of_trait.filter_map(|name| source.item(&format!("{name}::{function}")).ok());
        promised.map(|item| item.docs()).next().unwrap_or(docs)
    }

    fn code(&self) -> String {
        let lines = self.text.lines().skip_while(|line| !is_code(line));
        // An attribute may take several lines.
        let mut is_open = false;
        let lines = lines.skip_while(|line| {
            let is_attribute = is_open || line.trim().starts_with("#[");
            is_open = is_attribute && !line.trim().ends_with(']');
            is_attribute
        });
        dedent(&lines.collect::<Vec<_>>().join("\n"))
    }
}

/// The first brace at the end of a line opens the body; one within a signature is followed by more.
fn body_start(code: &str) -> Option<usize> {
    let at = code.find(" {\n").or_else(|| code.find(" {}"));
    at.or_else(|| code.find("\n{\n"))
}

fn is_code(line: &str) -> bool {
    !line.trim().is_empty() && !line.trim().starts_with("//")
}

fn whole(block: &staging::outline::Block) -> String {
    let members = block.members.iter().map(|member| member.text.as_str());
    [block.open.as_str()]
        .into_iter()
        .chain(members)
        .chain([block.close.as_str()])
        .collect()
}

/// `seek` with its trait for `trait StorageIterator: fn seek(&mut self, …`, `Block` for `struct Block`.
fn name_of_key(key: &str) -> String {
    let word = |text: &str| -> String {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    if let Some((scope, member)) = key.split_once(": fn ") {
        let scope = scope.rsplit(' ').next().unwrap_or_default();
        return format!("{}::{}", word(scope), word(member));
    }
    key.split_once(' ')
        .map_or_else(|| key.to_string(), |(_, name)| word(name))
}

/// Takes from every line what all of them are indented by.
pub fn dedent(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let least = lines.map(indent).min().unwrap_or(0);
    let cut = text.lines().map(|line| line.get(least..).unwrap_or(""));
    cut.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::of_this_repository;

    #[test]
    fn signatures_come_without_bodies() {
        let source = of_this_repository();
        let signature = |name| source.item(name).unwrap().signature();
        assert_eq!(
            signature("BlockBuilder::add"),
            "pub fn add(&mut self, key: &[u8], value: Option<&[u8]>)"
        );
        assert_eq!(
            signature("StorageIterator::seek"),
            "fn seek(&mut self, target: &[u8]) -> Result<()>"
        );
        assert_eq!(signature("StorageIterator"), "pub trait StorageIterator");
        assert!(signature("Block").starts_with("pub struct Block {\n    /// The entries"));
        assert_eq!(
            signature("OFFSET_LEN"),
            "pub const OFFSET_LEN: usize = size_of::<u16>()"
        );
        assert_eq!(
            signature("LsmIterator::next"),
            "pub fn next(&mut self) -> Result<()>",
            "its attributes take several lines"
        );
    }

    #[test]
    fn an_ambiguous_name_asks_for_its_module() {
        let source = of_this_repository();
        let error = source.item("FORMAT_VERSION").err().unwrap();
        assert!(error.contains("src/table/footer.rs"), "{error}");
        assert!(source.item("footer::FORMAT_VERSION").is_ok());
        assert!(source.item("table::footer::FORMAT_VERSION").is_ok());
    }

    #[test]
    fn docs_are_prose() {
        let docs = of_this_repository()
            .item("BlockBuilder::add")
            .unwrap()
            .docs();
        assert!(
            docs.starts_with("Adds an entry; `None` is a tombstone"),
            "{docs}"
        );
        assert!(
            docs.contains("`has_room`") && !docs.contains("Self::"),
            "{docs}"
        );
    }

    #[test]
    fn what_learners_write_is_known_and_staged() {
        let source = of_this_repository();
        let item = source.item("Block::entry").unwrap();
        assert!(item.is_work);
        assert!(
            source
                .at_stage(&item, 0)
                .unwrap()
                .contains("unimplemented!")
        );
        assert!(
            !source
                .at_stage(&item, 1)
                .unwrap()
                .contains("unimplemented!")
        );
        assert!(
            !source.item("Block::entry_count").unwrap().is_work,
            "it is given"
        );
        let tasks: Vec<u32> = source.functions(1).iter().map(|f| f.task).collect();
        assert!(tasks.is_sorted() && tasks.first() == Some(&1) && tasks.last() == Some(&4));
    }
}
