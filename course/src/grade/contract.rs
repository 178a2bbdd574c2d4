//! Whether the types that were handed out are still what they were.
//!
//! A test compares answers with `==`. Where a solution's own file says what its types are, it could make all answers the
//! same: by an `impl` under some alias, or by an enum with one variant and constants that have the names of the others. So
//! what derived `PartialEq` goes on deriving it, which leaves no room for another `impl`, and an enum keeps its variants.

use std::fmt::Write;

use syn::{Attribute, Fields, Ident, Item, ItemEnum};

/// The types of `stub` that are not in `own` as they were, with the line to look at (1 where there is none) and why.
pub(super) fn broken(own: &str, stub: &str) -> Vec<(usize, String)> {
    let (Ok(own), Ok(stub)) = (syn::parse_file(own), syn::parse_file(stub)) else {
        // Then the compiler says why.
        return Vec::new();
    };
    let mut broken = Vec::new();
    for (name, was) in stub.items.iter().filter_map(contract) {
        let declared = own.items.iter().filter_map(contract);
        let same: Vec<_> = declared.filter(|(other, _)| *other == name).collect();
        if !same.iter().any(|(_, is)| *is == was) {
            let line = same.first().map_or(1, |(name, _)| name.span().start().line);
            let why = "was handed out with derive(PartialEq), which tests rely on; leave its derive and variants as they were";
            broken.push((line, format!("{name}: {why}")));
        }
    }
    broken
}

/// A type that derives `PartialEq`, and what of it has to stay: what it is, its attributes, and an enum's variants.
fn contract(item: &Item) -> Option<(&Ident, String)> {
    let (name, attributes, mut text) = match item {
        Item::Struct(item) => (&item.ident, &item.attrs, "struct".to_owned()),
        Item::Enum(item) => (&item.ident, &item.attrs, variants(item)),
        _ => return None,
    };
    let derives = |attribute: &Attribute| attribute.path().is_ident("derive");
    let is_derived = |attribute: &Attribute| {
        let mut found = false;
        // Other forms of the attribute do not compile.
        let _ = attribute.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("PartialEq");
            Ok(())
        });
        found
    };
    if !attributes.iter().any(|one| derives(one) && is_derived(one)) {
        return None;
    }
    // `#[cfg(any())]` would make it a decoy.
    for attribute in attributes {
        if attribute.path().is_ident("cfg") {
            text += " cfg";
        }
    }
    Some((name, text))
}

fn variants(item: &ItemEnum) -> String {
    let mut text = "enum".to_owned();
    for variant in &item.variants {
        let _ = write!(text, " {}", variant.ident);
        let shape = match &variant.fields {
            Fields::Named(_) => "{}",
            Fields::Unnamed(_) => "()",
            Fields::Unit => "",
        };
        text += shape;
        for field in &variant.fields {
            let name = field.ident.as_ref().map(Ident::to_string);
            let _ = write!(text, " {}", name.unwrap_or_default());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const STUB: &str = "#[derive(Clone, PartialEq)] pub struct Diff { a: u8 }\n\
        #[derive(PartialEq, Eq)] enum Kind { A, B(u8) }\nstruct Free;";

    #[test]
    fn what_was_handed_out_may_grow_but_not_change() {
        let is_whole = |own: &str| broken(own, STUB).is_empty();
        assert!(is_whole(STUB));
        assert!(is_whole(
            "/// More. \n#[derive(PartialEq, Debug)] struct Diff { a: u8, b: u8 } struct Own;
             #[derive(PartialEq)] #[derive(Eq, Ord)] pub enum Kind { /** One. */ A, B(u8) }"
        ));
    }

    #[test]
    fn answers_that_are_all_the_same_are_noticed() {
        let first = |own: &str| {
            let broken = broken(own, STUB);
            broken.first().map(|(_, why)| why[..5].to_owned())
        };
        let kind = "#[derive(PartialEq, Eq)] enum Kind { A, B(u8) }\n";
        let diff = "#[derive(PartialEq)] struct Diff;\n";
        let by = |text: &str| first(&format!("{kind}{text}"));
        let alias = "struct Diff; use std::cmp::PartialEq as P; type D = Diff; impl P for D {}";
        assert_eq!(by(alias).unwrap(), "Diff:");
        assert_eq!(
            by("make! { #[derive(PartialEq)] struct Diff; }").unwrap(),
            "Diff:"
        );
        let decoy = "#[cfg(any())] #[derive(PartialEq)] struct Diff; type Diff = Yes;";
        assert_eq!(by(decoy).unwrap(), "Diff:");
        let of = |text: &str| first(&format!("{diff}{text}"));
        let constants =
            "#[derive(PartialEq)] enum Kind { Any } impl Kind { const A: Kind = Kind::Any; }";
        assert_eq!(of(constants).unwrap(), "Kind:");
        assert_eq!(of("#[derive(PartialEq)] struct Kind;").unwrap(), "Kind:");
    }
}
