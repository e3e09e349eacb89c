//! The options that the engine is run with: the defaults by their names, `level_base_size`; those that a function makes of the
//! defaults with the function before them, `for_test::level_base_size`.

use syn::visit::{self, Visit};
use syn::{Expr, ExprStruct, File, ImplItemFn, ItemFn, ItemImpl, Member};

const OPTIONS: &str = "LsmOptions";

/// Every option that a file sets, with its value.
pub fn read(file: &File) -> Vec<(String, &Expr)> {
    let mut options = Options {
        function: String::new(),
        is_default: false,
        found: Vec::new(),
    };
    options.visit_file(file);
    options.found
}

struct Options<'f> {
    /// In which we are.
    function: String,
    is_default: bool,
    found: Vec<(String, &'f Expr)>,
}

impl<'f> Visit<'f> for Options<'f> {
    fn visit_item_impl(&mut self, item: &'f ItemImpl) {
        let is_of = |path: &syn::Path, name: &str| path.is_ident(name);
        let of_default = item
            .trait_
            .as_ref()
            .is_some_and(|(path, _)| is_of(path, "Default"));
        let of_options = matches!(&*item.self_ty, syn::Type::Path(ty) if is_of(&ty.path, OPTIONS));
        self.is_default = of_default && of_options;
        visit::visit_item_impl(self, item);
        self.is_default = false;
    }

    fn visit_item_fn(&mut self, item: &'f ItemFn) {
        self.function = item.sig.ident.to_string();
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'f ImplItemFn) {
        self.function = item.sig.ident.to_string();
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_expr_struct(&mut self, made: &'f ExprStruct) {
        // `Self { fs, ..Self::default() }` in a function of the options is one, too.
        let is_options = made.path.is_ident(OPTIONS) || made.path.is_ident("Self");
        if is_options && (self.is_default || made.rest.is_some()) {
            for field in &made.fields {
                if let Member::Named(name) = &field.member {
                    let name = match self.is_default {
                        true => name.to_string(),
                        false => format!("{}::{name}", self.function),
                    };
                    self.found.push((name, &field.expr));
                }
            }
        }
        visit::visit_expr_struct(self, made);
    }
}
