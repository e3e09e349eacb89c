//! Finds what no stub can stand for, wherever it hides in an item.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Attributes that make code depend on `cfg(test)`.
pub fn test_code(file: &syn::File) -> Vec<Span> {
    let mut finder = TestCode(Vec::new());
    finder.visit_file(file);
    finder.0
}

struct TestCode(Vec<Span>);

impl<'ast> Visit<'ast> for TestCode {
    fn visit_attribute(&mut self, attr: &'ast syn::Attribute) {
        let conditional = attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr");
        if conditional
            && let syn::Meta::List(list) = &attr.meta
            && mentions_test(list.tokens.clone())
        {
            self.0.push(attr.span());
        }
    }
}

fn mentions_test(tokens: proc_macro2::TokenStream) -> bool {
    tokens.into_iter().any(|tree| match tree {
        proc_macro2::TokenTree::Ident(ident) => ident == "test",
        proc_macro2::TokenTree::Group(group) => mentions_test(group.stream()),
        _ => false,
    })
}

/// `impl Trait` anywhere in a return type.
pub fn opaque_type(output: &syn::ReturnType) -> Option<Span> {
    struct Opaque(Option<Span>);
    impl<'ast> Visit<'ast> for Opaque {
        fn visit_type_impl_trait(&mut self, ty: &'ast syn::TypeImplTrait) {
            self.0.get_or_insert(ty.impl_token.span());
        }
    }
    let mut opaque = Opaque(None);
    visit::visit_return_type(&mut opaque, output);
    opaque.0
}
