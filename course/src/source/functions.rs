//! Where a text's functions are, as a Rust parser sees them.

use std::ops::Range;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// A function with a body.
#[derive(Clone, Debug)]
pub(super) struct Function {
    /// `f`, or `Type::f`.
    pub(super) name: String,
    /// The bytes between its braces.
    pub(super) inner: Range<usize>,
    /// The bytes from its visibility to its last brace, attributes left out.
    pub(super) whole: Range<usize>,
    /// The names that its parameters bind, `self` left out.
    pub(super) params: Vec<String>,
    /// Why its body cannot be left to a student, as the end of a sentence.
    pub(super) unfit: Option<&'static str>,
}

/// What the parser found.
pub(super) struct Parsed {
    pub(super) functions: Vec<Function>,
    literals: Vec<Range<usize>>,
}

impl Parsed {
    /// Whether this byte stands inside of a literal, where a comment is none.
    pub(super) fn is_in_literal(&self, offset: usize) -> bool {
        self.literals.iter().any(|range| range.contains(&offset))
    }
}

/// Parses a file. The error has its line.
pub(super) fn parse(text: &str) -> Result<Parsed, (usize, syn::Error)> {
    let located = |error: syn::Error| (error.span().start().line, error);
    let tokens: TokenStream = text.parse().map_err(|error: proc_macro2::LexError| {
        located(syn::Error::new(error.span(), error.to_string()))
    })?;
    let mut literals = Vec::new();
    collect_literals(tokens.clone(), &mut literals);
    let file: syn::File = syn::parse2(tokens).map_err(located)?;
    let mut finder = Finder::default();
    finder.visit_file(&file);
    Ok(Parsed {
        functions: finder.functions,
        literals,
    })
}

fn collect_literals(tokens: TokenStream, literals: &mut Vec<Range<usize>>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => collect_literals(group.stream(), literals),
            TokenTree::Literal(literal) => literals.push(literal.span().byte_range()),
            _ => {}
        }
    }
}

#[derive(Default)]
struct Finder {
    functions: Vec<Function>,
    /// The type of the `impl`, or the trait, that is being visited.
    owner: Option<String>,
}

impl Finder {
    fn add(
        &mut self,
        before: Option<&syn::Visibility>,
        signature: &syn::Signature,
        block: &syn::Block,
    ) {
        let braces = block.brace_token.span;
        let start = match before {
            None | Some(syn::Visibility::Inherited) => signature.span(),
            Some(visibility) => visibility.span(),
        };
        let name = match &self.owner {
            Some(owner) => format!("{owner}::{}", signature.ident),
            None => signature.ident.to_string(),
        };
        self.functions.push(Function {
            name,
            inner: end(braces.open())..braces.close().byte_range().start,
            whole: start.byte_range().start..end(braces.close()),
            params: params(signature),
            unfit: unfit(signature),
        });
    }

    fn inside(&mut self, owner: Option<String>, visit: impl FnOnce(&mut Finder)) {
        let outer = std::mem::replace(&mut self.owner, owner);
        visit(self);
        self.owner = outer;
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(Some(&item.vis), &item.sig, &item.block);
        self.inside(None, |finder| visit::visit_item_fn(finder, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.inside(type_name(&item.self_ty), |finder| {
            visit::visit_item_impl(finder, item);
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(Some(&item.vis), &item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.inside(Some(item.ident.to_string()), |finder| {
            visit::visit_item_trait(finder, item);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(None, &item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

fn end(span: Span) -> usize {
    span.byte_range().end
}

/// The last name of a type's path.
pub(crate) fn type_name(ty: &syn::Type) -> Option<String> {
    match ty {
        syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
}

/// The names that a function's parameters bind, `self` left out, and those that say that they are not used.
pub(crate) fn params(signature: &syn::Signature) -> Vec<String> {
    #[derive(Default)]
    struct Names(Vec<String>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
            self.0.push(pattern.ident.to_string());
            visit::visit_pat_ident(self, pattern);
        }
        fn visit_type(&mut self, _: &'ast syn::Type) {}
    }
    let mut names = Names::default();
    for input in &signature.inputs {
        names.visit_fn_arg(input);
    }
    names.0.retain(|name| !name.starts_with('_'));
    names.0
}

/// Why `todo!()`, behind `let _ = (its parameters);`, could not stand for the body without an error or a warning.
fn unfit(signature: &syn::Signature) -> Option<&'static str> {
    #[derive(Default)]
    struct Seen {
        mutable: bool,
        opaque: bool,
    }
    impl<'ast> Visit<'ast> for Seen {
        fn visit_receiver(&mut self, receiver: &'ast syn::Receiver) {
            self.mutable |= receiver.reference.is_none() && receiver.mutability.is_some();
        }
        fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
            self.mutable |= pattern.mutability.is_some();
        }
        fn visit_return_type(&mut self, output: &'ast syn::ReturnType) {
            let mut inside = Opaque(false);
            inside.visit_return_type(output);
            self.opaque |= inside.0;
        }
        fn visit_type(&mut self, _: &'ast syn::Type) {}
    }
    struct Opaque(bool);
    impl<'ast> Visit<'ast> for Opaque {
        fn visit_type_impl_trait(&mut self, _: &'ast syn::TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut seen = Seen::default();
    seen.visit_signature(signature);
    let reasons = [
        (
            seen.opaque,
            "it returns `impl Trait`, which `todo!()` is not; name a concrete type",
        ),
        (
            seen.mutable,
            "a parameter is `mut`, which its stub would not need; rebind it in the body",
        ),
        (
            signature.constness.is_some(),
            "it is `const`, and `todo!()` with a text is not",
        ),
        (
            signature.asyncness.is_some(),
            "it is `async`; what a core decides is not",
        ),
    ];
    reasons
        .into_iter()
        .find_map(|(is_so, reason)| is_so.then_some(reason))
}
