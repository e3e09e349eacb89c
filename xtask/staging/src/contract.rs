//! The public contract of the learners' files, as Rust that compiles only where it is kept.
//!
//! A test compares what a function gives with what it expects. If a submission may give back a type of its own, that type may call
//! itself equal to anything. So every public function, constant, field and alias of the starter's files is written down here with its
//! type, in the names of the starter: a line for each, so that an error of the compiler says whose contract is broken.
//!
//! What cannot be written so (functions over any type, `impl Trait`) is left out; what does not compile with the starter itself, since
//! it cannot be reached from outside, is taken out by the caller ([`Contract::without`]).

mod types;

use std::collections::BTreeSet;

use syn::spanned::Spanned;
use syn::{FnArg, ImplItem, Item, ReceiverKind, ReturnType, Signature, Visibility};

use self::types::{angled, has_word, lifetimes, named_lifetime, with_self};
use crate::marker;
use crate::problem::Problem;
use crate::source::Source;
use crate::tree::Tree;

/// The crate that the contract is written about.
const CRATE: &str = "mini_lsm_starter";

/// Lines of Rust; line 1 is the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contract {
    pub lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    /// The file whose contract it is, and what in it; empty for what only holds the lines together.
    pub file: String,
    pub what: String,
}

const HEAD: &str = "#![allow(unused, non_snake_case)] fn takes<T>(_: T) {} fn kind<T>(_: &T) -> std::marker::PhantomData<T> { std::marker::PhantomData }";

impl Contract {
    /// The contract of a starter.
    pub fn of(starter: &Tree) -> Result<Contract, Problem> {
        let mut contract = Contract::default();
        contract.add("", "", HEAD.to_string());
        let files = starter.iter().filter(|(path, _)| path.starts_with("src/"));
        for (number, (path, bytes)) in files.enumerate() {
            let text = String::from_utf8_lossy(bytes);
            if let Ok(Some(_)) = marker::headline(&text) {
                contract.file(number, path, &text)?;
            }
        }
        Ok(contract)
    }

    pub fn text(&self) -> String {
        let lines = self.lines.iter().map(|line| format!("{}\n", line.text));
        lines.collect()
    }

    /// The same without these lines, counted from 1.
    pub fn without(&self, lines: &BTreeSet<usize>) -> Contract {
        let kept = (1..).zip(&self.lines).filter(|(number, line)| {
            // Braces hold a module together.
            !lines.contains(number) || line.file.is_empty()
        });
        Contract {
            lines: kept.map(|(_, line)| line.clone()).collect(),
        }
    }

    fn add(&mut self, file: &str, what: &str, text: String) {
        let line = Line {
            // One line each, whatever the source's layout.
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            file: file.to_string(),
            what: what.to_string(),
        };
        self.lines.push(line);
    }

    fn file(&mut self, number: usize, path: &str, text: &str) -> Result<(), Problem> {
        let source = Source::parse(path, text)?;
        let module = module_of(path);
        self.add(
            "",
            "",
            format!("mod file_{number} {{ use super::{{kind, takes}};"),
        );
        let mut file = File {
            contract: self,
            source: &source,
            path,
            module: &module,
        };
        for item in &source.file.items {
            file.import(item);
        }
        for item in &source.file.items {
            file.item(item);
        }
        self.add("", "", "}".to_string());
        Ok(())
    }
}

/// `mini_lsm_starter::block::builder` of `src/block/builder.rs`.
fn module_of(path: &str) -> Vec<String> {
    let stem = path.trim_start_matches("src/").trim_end_matches(".rs");
    let parts = stem
        .split('/')
        .filter(|part| *part != "mod" && *part != "lib");
    [CRATE].into_iter().chain(parts).map(String::from).collect()
}

/// One file of the starter.
struct File<'a> {
    contract: &'a mut Contract,
    source: &'a Source<'a>,
    path: &'a str,
    module: &'a [String],
}

impl File<'_> {
    fn text(&self, node: &impl Spanned) -> &str {
        &self.source.text[self.source.range(node)]
    }

    fn add(&mut self, what: &str, text: String) {
        self.contract.add(self.path, what, text);
    }

    /// What the file imports, and what it defines, under the same names as in it.
    fn import(&mut self, item: &Item) {
        let defined = match item {
            Item::Use(import) => {
                let mut paths = Vec::new();
                self.leaves(&import.tree, Vec::new(), &mut paths);
                for path in paths {
                    self.add("an import", format!("use {path};"));
                }
                return;
            }
            Item::Struct(item) => (&item.vis, &item.ident),
            Item::Enum(item) => (&item.vis, &item.ident),
            Item::Trait(item) => (&item.vis, &item.ident),
            Item::Type(item) => (&item.vis, &item.ident),
            _ => return,
        };
        if is_public(defined.0) {
            let module = self.module.join("::");
            self.add("a type", format!("use {module}::{};", defined.1));
        }
    }

    /// The single paths of an import, from the root.
    fn leaves(&self, tree: &syn::UseTree, mut at: Vec<String>, paths: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                let name = path.ident.to_string();
                match name.as_str() {
                    "crate" => at = vec![CRATE.to_string()],
                    "self" => at = self.module.to_vec(),
                    "super" => {
                        let from = if at.is_empty() { self.module } else { &at };
                        at = from[..from.len() - 1].to_vec();
                    }
                    _ => at.push(name),
                }
                self.leaves(&path.tree, at, paths);
            }
            syn::UseTree::Group(group) => {
                let trees = group.items.iter();
                trees.for_each(|tree| self.leaves(tree, at.clone(), paths));
            }
            syn::UseTree::Name(name) if name.ident == "self" => paths.push(at.join("::")),
            syn::UseTree::Name(name) => {
                at.push(name.ident.to_string());
                paths.push(at.join("::"));
            }
            syn::UseTree::Rename(rename) => {
                at.push(rename.ident.to_string());
                paths.push(format!("{} as {}", at.join("::"), rename.rename));
            }
            // Names that a file does not name could be anything in a submission.
            syn::UseTree::Glob(_) => {}
        }
    }

    fn item(&mut self, item: &Item) {
        let module = self.module.join("::");
        match item {
            Item::Fn(function) if is_public(&function.vis) => {
                let path = format!("{module}::{}", function.sig.ident);
                self.function(&path, &function.sig, None);
            }
            Item::Const(item) if is_public(&item.vis) => {
                let kind = self.text(&*item.ty).to_string();
                let text = format!("const _: {kind} = {module}::{};", item.ident);
                self.add(&item.ident.to_string(), text);
            }
            Item::Type(item) if is_public(&item.vis) && item.generics.params.is_empty() => {
                let kind = self.text(&*item.ty).to_string();
                let text = format!("const _: fn({}) = takes::<{kind}>;", item.ident);
                self.add(&item.ident.to_string(), text);
            }
            Item::Struct(item) if is_public(&item.vis) => self.fields(item),
            Item::Impl(item) => self.methods(item),
            _ => {}
        }
    }

    fn fields(&mut self, item: &syn::ItemStruct) {
        let Some(lifetimes) = lifetimes(&item.generics) else {
            return;
        };
        let generics = angled(&lifetimes);
        for field in item.fields.iter().filter(|field| is_public(&field.vis)) {
            let Some(name) = &field.ident else {
                continue;
            };
            let kind = self.text(&field.ty).to_string();
            let owner = &item.ident;
            // In two steps: in one, the compiler would look through a type that dereferences to the right one.
            let text = format!(
                "fn {owner}_{name}{generics}(it: &{owner}{generics}) {{ let kind = kind(&it.{name}); let _: std::marker::PhantomData<{kind}> = kind; }}"
            );
            self.add(&format!("{owner}.{name}"), text);
        }
    }

    fn methods(&mut self, item: &syn::ItemImpl) {
        let Some(lifetimes) = lifetimes(&item.generics) else {
            return;
        };
        let owner = self.text(&*item.self_ty).to_string();
        for part in &item.items {
            match part {
                ImplItem::Fn(function) if item.trait_.is_some() || is_public(&function.vis) => {
                    let path = format!("<{owner}>::{}", function.sig.ident);
                    self.function(&path, &function.sig, Some((&owner, &lifetimes)));
                }
                ImplItem::Const(part) if is_public(&part.vis) && lifetimes.is_empty() => {
                    let kind = with_self(self.text(&part.ty), &owner);
                    let text = format!("const _: {kind} = <{owner}>::{};", part.ident);
                    self.add(&format!("{owner}::{}", part.ident), text);
                }
                ImplItem::Type(part) if lifetimes.is_empty() => {
                    let Some((of, _)) = &item.trait_ else {
                        continue;
                    };
                    let (of, kind) = (self.text(of).to_string(), self.text(&part.ty));
                    let kind = with_self(kind, &owner);
                    let name = &part.ident;
                    let text = format!("const _: fn(<{owner} as {of}>::{name}) = takes::<{kind}>;");
                    self.add(&format!("{owner}::{name}"), text);
                }
                _ => {}
            }
        }
    }

    fn function(&mut self, path: &str, sig: &Signature, owner: Option<(&str, &[String])>) {
        let Some(mut names) = lifetimes(&sig.generics) else {
            return;
        };
        let (owner, of_owner) = owner.unwrap_or_default();
        names.extend(of_owner.iter().cloned());
        let output = match &sig.output {
            ReturnType::Default => "()".to_string(),
            ReturnType::Type(_, kind) => with_self(self.text(&**kind), owner),
        };
        let by_self = sig.receiver().is_some();
        let mut inputs = Vec::new();
        for input in &sig.inputs {
            let input = match input {
                FnArg::Receiver(receiver) => match &receiver.kind {
                    ReceiverKind::Reference(_, _, Some(_)) => format!("&'s mut {owner}"),
                    ReceiverKind::Reference(..) => format!("&'s {owner}"),
                    ReceiverKind::Typed(_, kind) => {
                        named_lifetime(&with_self(self.text(&**kind), owner))
                    }
                    _ => owner.to_string(),
                },
                FnArg::Typed(input) => {
                    let kind = with_self(self.text(&*input.ty), owner);
                    // Without a receiver, what is borrowed from is the only reference there is.
                    if by_self { kind } else { named_lifetime(&kind) }
                }
            };
            inputs.push(input);
        }
        if inputs
            .iter()
            .chain([&output])
            .any(|kind| has_word(kind, "impl"))
        {
            return;
        }
        names.push("'s".to_string());
        let text = format!(
            "const _: for{} fn({}) -> {} = {path};",
            angled(&names),
            inputs.join(", "),
            named_lifetime(&output)
        );
        let what = path.trim_start_matches('<').replace(">::", "::");
        let what = what.rsplit("::").take(2).collect::<Vec<_>>();
        let what = what.into_iter().rev().collect::<Vec<_>>().join("::");
        self.add(&what, text);
    }
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<String> {
        let tree = Tree([(path.to_string(), text.as_bytes().to_vec())].into());
        let contract = Contract::of(&tree).unwrap();
        let of_file = contract.lines.iter().filter(|line| !line.file.is_empty());
        of_file.map(|line| spaceless(&line.text)).collect()
    }

    /// Where tokens are spaced apart is nothing to promise.
    fn spaceless(text: &str) -> String {
        text.split_whitespace().collect()
    }

    #[test]
    fn what_is_public_is_written_down_with_its_type() {
        let lines = lines(
            "src/a/mod.rs",
            "\
//! Day 1 · Task 1 · A.

use super::b::{C, D as E};

pub const N: usize = 1;
pub type Seq = u64;
pub struct A { pub field: Vec<u8>, hidden: u8 }
impl A {
    pub fn new(c: C) -> Self { todo!() }
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> { todo!() }
    pub fn any<T>(&self, t: T) {}
    pub fn scan(&self, r: impl Sized) {}
    fn hidden(&self) {}
}
impl Iterator for A {
    type Item = u8;
    fn next(&mut self) -> Option<u8> { todo!() }
}
pub fn free(text: &str) -> &str { text }
",
        );
        assert_eq!(
            lines,
            [
                "use mini_lsm_starter::b::C;",
                "use mini_lsm_starter::b::D as E;",
                "use mini_lsm_starter::a::Seq;",
                "use mini_lsm_starter::a::A;",
                "const _: usize = mini_lsm_starter::a::N;",
                "const _: fn(Seq) = takes::<u64>;",
                "fn A_field(it: &A) { let kind = kind(&it.field); let _: std::marker::PhantomData<Vec<u8>> = kind; }",
                "const _: for<'s> fn(C) -> A = <A>::new;",
                "const _: for<'s> fn(&'s A, &[u8]) -> Option<&'s [u8]> = <A>::get;",
                "const _: fn(<A as Iterator>::Item) = takes::<u8>;",
                "const _: for<'s> fn(&'s mut A) -> Option<u8> = <A>::next;",
                "const _: for<'s> fn(&'s str) -> &'s str = mini_lsm_starter::a::free;",
            ]
            .map(spaceless)
        );
    }

    #[test]
    fn a_given_file_has_no_contract_and_lines_can_be_taken_out() {
        assert!(lines("src/a.rs", "//! Given.\npub fn f() {}\n").is_empty());
        let tree = Tree(
            [(
                "src/a.rs".to_string(),
                b"//! Day 1 \xc2\xb7 Task 1 \xc2\xb7 A.\npub fn f() {}\n".to_vec(),
            )]
            .into(),
        );
        let contract = Contract::of(&tree).unwrap();
        assert_eq!(contract.lines.len(), 4);
        assert_eq!(contract.lines[2].what, "a::f");
        let fewer = contract.without(&BTreeSet::from([1, 2, 3, 4]));
        assert_eq!(fewer.lines.len(), 3);
    }
}
