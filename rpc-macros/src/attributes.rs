//! The user's own attributes, as far as generated items repeat them: documentation, conditions, deprecation.
//! Never looks at ours; those are `args`'s.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token, parse_quote};

/// `#[cfg(…)]`, and `#[cfg_attr(…, cfg(…))]` reduced to its conditions: what every item generated for the
/// annotated one must carry.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    select(attributes, |meta| meta.path().is_ident("cfg"))
}

/// What the client's copy of a method carries: conditions, documentation and deprecation.
pub(crate) fn for_client(attributes: &[Attribute]) -> Vec<Attribute> {
    let kept = ["cfg", "doc", "deprecated"];
    select(attributes, |meta| kept.iter().any(|name| meta.path().is_ident(name)))
}

/// Has it a condition?
pub(crate) fn is_conditional(attributes: &[Attribute]) -> bool {
    !conditions(attributes).is_empty()
}

/// Is there documentation among them?
pub(crate) fn is_documented(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("doc"))
}

/// The documentation as text: one line for each `///`, without the space after it.
pub(crate) fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> =
        lines.flat_map(|text| text.split('\n').map(unindented).collect::<Vec<_>>()).collect();
    lines.join("\n").trim_matches('\n').trim_end().to_owned()
}

fn unindented(line: &str) -> String {
    line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()
}

/// The nested attributes of a `#[cfg_attr(condition, …)]`, with its condition.
pub(crate) fn conditional(attribute: &Attribute) -> Option<(Meta, Vec<Meta>)> {
    let Meta::List(list) = &attribute.meta else { return None };
    if !list.path.is_ident("cfg_attr") {
        return None;
    }
    let nested = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    let mut nested = nested.into_iter();
    Some((nested.next()?, nested.collect()))
}

fn select(attributes: &[Attribute], is_kept: impl Fn(&Meta) -> bool) -> Vec<Attribute> {
    let mut selected = Vec::new();
    for attribute in attributes {
        if is_kept(&attribute.meta) {
            selected.push(attribute.clone());
        } else if let Some((condition, nested)) = conditional(attribute) {
            let nested: Vec<Meta> = nested.into_iter().filter(&is_kept).collect();
            if !nested.is_empty() {
                selected.push(parse_quote!(#[cfg_attr(#condition, #(#nested),*)]));
            }
        }
    }
    selected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_is_text() {
        let item: syn::ItemStruct = parse_quote! {
            /// First.
            ///
            ///   indented
            #[doc = "last"]
            struct S;
        };
        assert_eq!(documentation(&item.attrs), "First.\n\n  indented\nlast");
    }

    #[test]
    fn conditions_are_taken_out_of_cfg_attr() {
        let item: syn::ItemStruct = parse_quote! {
            #[cfg(unix)]
            #[allow(dead_code)]
            #[cfg_attr(test, cfg(windows), doc = "x")]
            struct S;
        };
        let text = |attributes: Vec<Attribute>| quote::quote!(#(#attributes)*).to_string();
        assert_eq!(
            text(conditions(&item.attrs)),
            quote::quote!(#[cfg(unix)] #[cfg_attr(test, cfg(windows))]).to_string()
        );
    }
}
