//! Items of a learners' file: which stay, which become stubs, which vanish, and what cannot be staged at all.

use std::collections::BTreeSet;
use std::ops::Range;

use syn::spanned::Spanned;

use crate::body::{self, Outcome};
use crate::edit::Edit;
use crate::marker::{Marker, Task};
use crate::refuse;
use crate::source::Source;
use crate::stage::Stage;

/// What the file at `source`, work of task `home`, asks for at a stage.
pub fn read(source: &Source, home: Task, stage: Stage) -> Outcome {
    let mut items = Items {
        source,
        stage,
        claimed: BTreeSet::new(),
        out: Outcome::default(),
    };
    items.out.tasks.push(home);
    items.list(
        &source.file.items,
        Owner::Learner(home),
        &module_name(source.path),
    );
    items.refuse_test_code();
    items.unclaimed();
    items.out
}

/// Whose work an item is.
#[derive(Clone, Copy)]
enum Owner {
    Given,
    Learner(Task),
}

impl Owner {
    fn since(self) -> Option<Task> {
        match self {
            Owner::Given => None,
            Owner::Learner(task) => Some(task),
        }
    }
}

/// The four kinds of function, seen alike.
struct Function<'a> {
    sig: &'a syn::Signature,
    body: &'a syn::Block,
    range: Range<usize>,
    /// Others can call it, so it is stubbed; what nobody else can call vanishes.
    callable: bool,
    is_drop: bool,
    name: String,
}

struct Items<'s, 'a> {
    source: &'s Source<'a>,
    stage: Stage,
    /// Starts of the comments that stand above an item or in a body.
    claimed: BTreeSet<usize>,
    out: Outcome,
}

impl Items<'_, '_> {
    fn list(&mut self, items: &[syn::Item], owner: Owner, module: &str) {
        for item in items {
            let range = self.source.range(item);
            match item {
                syn::Item::Fn(f) => {
                    let owner = self.owner(&range, &f.attrs, owner);
                    let name = within(module, &f.sig.ident);
                    let function = Function {
                        sig: &f.sig,
                        body: &f.block,
                        range,
                        callable: is_visible(&f.vis),
                        is_drop: false,
                        name,
                    };
                    self.function(function, owner);
                }
                syn::Item::Impl(imp) => self.implementation(imp, range, owner),
                syn::Item::Trait(tr) => self.default_methods(tr, &range, owner),
                syn::Item::Mod(m) => {
                    let owner = self.owner(&range, &m.attrs, owner);
                    if let Some((_, items)) = &m.content {
                        self.list(items, owner, &m.ident.to_string());
                    }
                }
                syn::Item::Macro(mac) => {
                    let owner = self.owner(&range, &mac.attrs, owner);
                    if mac.mac.path.is_ident("macro_rules") && matches!(owner, Owner::Learner(_)) {
                        self.problem(mac.mac.span(), "`macro_rules!` cannot be stubbed; write `// given` above it, or move it to a given file");
                    }
                }
                other => {
                    self.owner(&range, attributes(other), owner);
                }
            }
        }
    }

    fn implementation(&mut self, imp: &syn::ItemImpl, range: Range<usize>, owner: Owner) {
        let owner = self.owner(&range, &imp.attrs, owner);
        let of_trait = imp
            .trait_
            .as_ref()
            .and_then(|(path, _)| path.segments.last());
        let type_name = type_name(&imp.self_ty);
        let mut left = imp.items.len();
        for item in &imp.items {
            let range = self.source.range(item);
            let syn::ImplItem::Fn(f) = item else {
                self.owner(&range, impl_item_attributes(item), owner);
                continue;
            };
            let owner = self.owner(&range, &f.attrs, owner);
            let callable = of_trait.is_some() || is_visible(&f.vis);
            let is_drop = of_trait.is_some_and(|segment| segment.ident == "Drop");
            let name = format!("{type_name}::{}", f.sig.ident);
            let vanished = self.function(
                Function {
                    sig: &f.sig,
                    body: &f.block,
                    range,
                    callable,
                    is_drop,
                    name,
                },
                owner,
            );
            left -= usize::from(vanished);
        }
        if left == 0 && !imp.items.is_empty() && of_trait.is_none() {
            self.out.edits.push(Edit::remove(self.source.cut(&range)));
        }
    }

    fn default_methods(&mut self, tr: &syn::ItemTrait, range: &Range<usize>, owner: Owner) {
        let owner = self.owner(range, &tr.attrs, owner);
        for item in &tr.items {
            let range = self.source.range(item);
            let owner = self.owner(&range, trait_item_attributes(item), owner);
            if let syn::TraitItem::Fn(f) = item
                && let Some(body) = &f.default
            {
                let name = format!("{}::{}", tr.ident, f.sig.ident);
                self.function(
                    Function {
                        sig: &f.sig,
                        body,
                        range,
                        callable: true,
                        is_drop: false,
                        name,
                    },
                    owner,
                );
            }
        }
    }

    /// Gives back whether the function vanishes at this stage.
    fn function(&mut self, f: Function, owner: Owner) -> bool {
        let body_range = self.source.range(f.body);
        self.claim_body(&body_range);
        let inside = body::read(self.source, f.body, owner.since(), self.stage);
        self.out.problems.extend(inside.problems);
        self.out.tasks.extend(inside.tasks);
        let Owner::Learner(task) = owner else {
            self.out.edits.extend(inside.edits);
            return false;
        };
        self.refuse_function(&f);
        if self.stage.reaches(task) {
            self.out.edits.extend(inside.edits);
            return false;
        }
        if !f.callable {
            self.out.edits.push(Edit::remove(self.source.cut(&f.range)));
            return true;
        }
        let stub = if f.is_drop {
            // A drop that panics while another panic unwinds would abort the whole test binary.
            "{}".to_string()
        } else {
            format!(
                "{{\n    unimplemented!(\"day {}, task {}: {}\")\n}}",
                task.day, task.task, f.name
            )
        };
        self.out.edits.push(Edit {
            range: body_range,
            with: stub,
        });
        false
    }

    fn refuse_function(&mut self, f: &Function) {
        if let Some(token) = &f.sig.constness {
            self.problem(
                token.span(),
                &format!("`const fn {}` cannot be stubbed: a constant would evaluate it; drop the `const`, or write `// given` above it", f.sig.ident),
            );
        }
        if f.callable
            && let Some(span) = refuse::opaque_type(&f.sig.output)
        {
            self.problem(
                span,
                &format!("`{}` returns `impl Trait`, which no stub can; name the type, or write `// given` above the function", f.sig.ident),
            );
        }
    }

    /// The owner of the item at `range`, whose attributes are `attrs`: a marker directly above it decides, else the item
    /// around it. The marker's line goes at every stage.
    fn owner(&mut self, range: &Range<usize>, attrs: &[syn::Attribute], around: Owner) -> Owner {
        let outer = attrs
            .iter()
            .filter(|attr| matches!(attr.style, syn::AttrStyle::Outer));
        let attrs_end = outer.map(|attr| self.source.range(attr).end).max();
        let keyword = attrs_end.map_or(range.start, |end| self.source.token_start_from(end));
        let above = self.source.token_end_before(range.start)..keyword;
        let mut found: Option<(Owner, usize)> = None;
        for comment in self
            .source
            .comments
            .iter()
            .filter(|c| c.own_line && above.contains(&c.range.start))
        {
            let (owner, task) = match &comment.marker {
                Some(Ok(Marker::Given)) => (Owner::Given, None),
                Some(Ok(Marker::Day(task))) => (Owner::Learner(*task), Some(*task)),
                _ => continue,
            };
            if self.blank_line_between(comment.range.end, keyword) {
                continue; // It stands above nothing, which `unclaimed` tells.
            }
            self.claimed.insert(comment.range.start);
            self.out.tasks.extend(task);
            let lines = self.source.line_start(comment.range.start)
                ..self.source.line_end(comment.range.end);
            self.out.edits.push(Edit::remove(lines));
            if let Some((_, line)) = found {
                let what = format!(
                    "line {line} already says whose work this item is; keep one of the two"
                );
                self.out
                    .problems
                    .push(self.source.problem(comment.range.start, what));
            }
            found = Some((owner, self.source.line(comment.range.start)));
        }
        found.map_or(around, |(owner, _)| owner)
    }

    fn blank_line_between(&self, from: usize, to: usize) -> bool {
        let lines: Vec<&str> = self.source.text[from..to].split('\n').collect();
        lines.len() > 2
            && lines[1..lines.len() - 1]
                .iter()
                .any(|line| line.trim().is_empty())
    }

    fn claim_body(&mut self, body: &Range<usize>) {
        let inside = self
            .source
            .comments
            .iter()
            .filter(|c| body.contains(&c.range.start));
        self.claimed.extend(inside.map(|c| c.range.start));
    }

    fn unclaimed(&mut self) {
        for comment in &self.source.comments {
            if self.claimed.contains(&comment.range.start) {
                continue;
            }
            let what = match &comment.marker {
                None => continue,
                Some(Err(what)) => what.clone(),
                Some(Ok(Marker::Given | Marker::Day(_))) if comment.own_line => {
                    "no item stands right below this marker; move it directly above one".to_string()
                }
                Some(Ok(Marker::Given)) => "`// given` stands on a line of its own, right above an item".to_string(),
                Some(Ok(_)) => "outside bodies everything is the same at every stage; only an item as a whole can be moved, \
                                by `// day N task K` above it"
                    .to_string(),
            };
            self.out
                .problems
                .push(self.source.problem(comment.range.start, what));
        }
    }

    fn refuse_test_code(&mut self) {
        for span in refuse::test_code(&self.source.file) {
            self.problem(span, "`#[cfg(test)]` has no place in a learners' file; its tests belong to the day's file in `tests`");
        }
    }

    fn problem(&mut self, span: proc_macro2::Span, what: &str) {
        self.out
            .problems
            .push(self.source.problem(span.byte_range().start, what));
    }
}

pub(crate) fn is_visible(vis: &syn::Visibility) -> bool {
    !matches!(vis, syn::Visibility::Inherited)
}

/// The name that a reader knows a type by: `Merge` for `Merge<T>` and for `&mut Merge`.
pub(crate) fn type_name(ty: &syn::Type) -> String {
    match ty {
        syn::Type::Path(path) => path
            .path
            .segments
            .last()
            .map_or_else(String::new, |segment| segment.ident.to_string()),
        syn::Type::Reference(reference) => type_name(&reference.elem),
        syn::Type::Slice(slice) => format!("[{}]", type_name(&slice.elem)),
        _ => "impl".to_string(),
    }
}

/// `module::function`; the function alone in the crate's root.
pub(crate) fn within(module: &str, function: &syn::Ident) -> String {
    match module {
        "" => function.to_string(),
        module => format!("{module}::{function}"),
    }
}

/// `block` for `src/block/mod.rs`, `iterator` for `src/block/iterator.rs`, nothing for the crate's root.
pub(crate) fn module_name(path: &str) -> String {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let name = path.rsplit('/').next().unwrap_or_default();
    if matches!(name, "lib" | "main" | "src") {
        String::new()
    } else {
        name.to_string()
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(i) => &i.attrs,
        syn::Item::Enum(i) => &i.attrs,
        syn::Item::ExternCrate(i) => &i.attrs,
        syn::Item::Static(i) => &i.attrs,
        syn::Item::Struct(i) => &i.attrs,
        syn::Item::TraitAlias(i) => &i.attrs,
        syn::Item::Type(i) => &i.attrs,
        syn::Item::Union(i) => &i.attrs,
        syn::Item::Use(i) => &i.attrs,
        _ => &[],
    }
}

fn impl_item_attributes(item: &syn::ImplItem) -> &[syn::Attribute] {
    match item {
        syn::ImplItem::Const(i) => &i.attrs,
        syn::ImplItem::Fn(i) => &i.attrs,
        syn::ImplItem::Type(i) => &i.attrs,
        syn::ImplItem::Macro(i) => &i.attrs,
        _ => &[],
    }
}

fn trait_item_attributes(item: &syn::TraitItem) -> &[syn::Attribute] {
    match item {
        syn::TraitItem::Const(i) => &i.attrs,
        syn::TraitItem::Fn(i) => &i.attrs,
        syn::TraitItem::Type(i) => &i.attrs,
        syn::TraitItem::Macro(i) => &i.attrs,
        _ => &[],
    }
}
