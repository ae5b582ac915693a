//! `#[derive(Schema)]`: what a type's serde derives write, said to the schema. Reads serde's attributes by
//! serde's own parser, so the two cannot disagree. Never decides which attributes are allowed; `check` does.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use serde_derive_internals::ast::{Container, Data, Field, Style, Variant};
use serde_derive_internals::name::{MultiName, Name};
use serde_derive_internals::{Ctxt, Derive};
use syn::{DeriveInput, Generics, Ident, Type, parse_quote};

use crate::args::{self, SchemaArgs};
use crate::errors::Errors;
use crate::{attributes, check, names, recognise};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let errors = Errors::new();
    let context = Ctxt::new();
    // The name is that of serde's own private module, which nothing here makes use of.
    let container = Container::from_ast(&context, &input, Derive::Deserialize, &format_ident!("__private"));
    if let Err(refused_by_serde) = context.check() {
        refused_by_serde.into_iter().for_each(|error| errors.add(error));
    }
    let checked = container.map(|container| (check::wire_type::check(&container, &errors), container));
    match (errors.finish(), checked) {
        (Ok(()), Some((stated, container))) => implementation(&container, &stated),
        (Ok(()), None) => TokenStream::new(),
        (Err(refusals), _) => refusals,
    }
}

fn implementation(container: &Container<'_>, stated: &SchemaArgs) -> TokenStream {
    let SchemaArgs { krate, .. } = stated;
    let describe = Describe { p: format_ident!("__traitwire"), types: names::local("types"), container };
    let Describe { p, types, .. } = &describe;
    let body = match describe.stand_in(stated) {
        Some(ty) => describe.of(ty),
        None => describe.definition(),
    };
    let (name, generics) = (&container.ident, bounded(container.generics, p));
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[doc(hidden)]
        #[allow(deprecated, clippy::all, clippy::pedantic)]
        const _: () = {
            use #krate::__private as #p;

            #[automatically_derived]
            impl #impl_generics #p::Schema for #name #type_generics #where_clause {
                fn describe(#types: &mut #p::Types) -> #p::Type {
                    #body
                }
            }
        };
    }
}

/// The generics with every type parameter bound to have a schema itself.
fn bounded(generics: &Generics, p: &Ident) -> Generics {
    let mut generics = generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#p::Schema));
    }
    generics
}

struct Describe<'a> {
    /// What the façade keeps for generated code.
    p: Ident,
    /// The registry, as every closure calls it.
    types: Ident,
    container: &'a Container<'a>,
}

impl Describe<'_> {
    /// The type that travels in this one's place: stated, converted to, or the only field of a transparent
    /// one. A transparent type that contains itself keeps a definition, or describing it would never end.
    fn stand_in<'a>(&'a self, stated: &'a SchemaArgs) -> Option<&'a Type> {
        let attributes = &self.container.attrs;
        let transparent = self.container.data.all_fields().find(|field| field.attrs.transparent());
        let transparent =
            transparent.map(|field| field.ty).filter(|ty| !names_type(ty, &self.container.ident));
        stated.stands_for.as_ref().or(attributes.type_into()).or(transparent)
    }

    /// The description of a type.
    fn of(&self, ty: &Type) -> TokenStream {
        let Self { p, types, .. } = self;
        quote!(<#ty as #p::Schema>::describe(#types))
    }

    /// The type's entry into the registry.
    fn definition(&self) -> TokenStream {
        let Self { p, types, container } = self;
        let name = container.attrs.name().serialize_name();
        let docs = attributes::documentation(&container.original.attrs);
        let parameters = container.generics.type_params().map(|parameter| {
            let parameter = &parameter.ident;
            quote!(<#parameter as #p::Schema>::describe(#types))
        });
        let parameters = self.list(parameters);
        let shape = match &container.data {
            Data::Struct(style, fields) => self.shape(*style, fields),
            Data::Enum(variants) => {
                let variants = variants.iter().filter(|variant| !variant.attrs.skip_serializing());
                let variants = self.list(variants.map(|variant| self.variant(variant)));
                quote!(#p::Shape::Enum(#variants))
            }
        };
        let (arguments_given, shape_given) = (self.given(&parameters), self.given(&shape));
        let defined = quote! {
            #p::Types::define::<Self>(
                #types,
                #name,
                |#arguments_given| #parameters,
                #docs,
                |#shape_given| #shape,
            )
        };
        if !container.attrs.deny_unknown_fields() {
            return defined;
        }
        let defined_type = names::local("defined");
        quote! {
            let #defined_type = #defined;
            #p::Types::refuse_unknown_fields::<Self>(#types);
            #defined_type
        }
    }

    /// The closure's parameter: named if the tokens make use of it.
    fn given(&self, tokens: &TokenStream) -> TokenStream {
        let types = &self.types;
        if mentions(tokens.clone(), types) { quote!(#types) } else { quote!(_) }
    }

    fn list(&self, items: impl Iterator<Item = TokenStream>) -> TokenStream {
        let p = &self.p;
        let mut items = items.peekable();
        if items.peek().is_none() {
            return quote!(#p::Vec::new());
        }
        quote!(<#p::Vec<_> as ::core::convert::From<_>>::from([#(#items),*]))
    }

    fn shape(&self, style: Style, fields: &[Field<'_>]) -> TokenStream {
        let p = &self.p;
        let mut sent = fields.iter().filter(|field| !field.attrs.skip_serializing());
        match style {
            Style::Struct => {
                let fields = self.list(sent.map(|field| self.field(field)));
                quote!(#p::Shape::Struct(#fields))
            }
            Style::Tuple => {
                let fields = self.list(sent.map(|field| self.of(&wire_type(field))));
                quote!(#p::Shape::Tuple(#fields))
            }
            Style::Newtype => match sent.next() {
                Some(field) => {
                    let ty = self.of(&wire_type(field));
                    quote!(#p::Shape::Newtype(#ty))
                }
                None => quote!(#p::Shape::Unit),
            },
            Style::Unit => quote!(#p::Shape::Unit),
        }
    }

    fn field(&self, field: &Field<'_>) -> TokenStream {
        let p = &self.p;
        let name = field.attrs.name().serialize_name();
        let ty = self.of(&wire_type(field));
        let docs = docs(&field.original.attrs);
        let missing = self.missing(field);
        let aliases = aliases(field.attrs.name(), field.attrs.aliases());
        quote!(#p::Field::new(#name, #ty) #docs #missing #aliases)
    }

    /// Can a reader do without the field? serde says so by `default`, and for an `Option` of its own accord.
    fn missing(&self, field: &Field<'_>) -> Option<TokenStream> {
        if !field.attrs.default().is_none() || !self.container.attrs.default().is_none() {
            return Some(quote!(.with_default()));
        }
        let is_option = recognise::is_named(field.ty, "Option") && field.attrs.deserialize_with().is_none();
        is_option.then(|| quote!(.optional()))
    }

    fn variant(&self, variant: &Variant<'_>) -> TokenStream {
        let p = &self.p;
        let name = variant.attrs.name().serialize_name();
        let shape = self.shape(variant.style, &variant.fields);
        let docs = docs(&variant.original.attrs);
        let other = variant.attrs.other().then(|| quote!(.other()));
        let aliases = aliases(variant.attrs.name(), variant.attrs.aliases());
        quote!(#p::Variant::new(#name, #shape) #docs #other #aliases)
    }
}

/// The names beside the first one under which a reader finds a field or a variant.
fn aliases(name: &MultiName, all: &BTreeSet<Name>) -> TokenStream {
    let aliases = all.iter().filter(|alias| alias.value != name.deserialize_name().value);
    aliases.map(|alias| quote!(.alias(#alias))).collect()
}

fn docs(attributes: &[syn::Attribute]) -> Option<TokenStream> {
    let docs = attributes::documentation(attributes);
    (!docs.is_empty()).then(|| quote!(.docs(#docs)))
}

/// The type whose bytes the field has. What could be wrong with its statement was reported by `check`.
fn wire_type(field: &Field<'_>) -> Type {
    let errors = Errors::new();
    let stated = args::schema_of_field(&field.original.attrs, &errors);
    let _ = errors.finish();
    stated.unwrap_or_else(|| field.ty.clone())
}

/// Does the type name itself?
fn names_type(ty: &Type, name: &Ident) -> bool {
    mentions(quote!(#ty), name) || mentions(quote!(#ty), &format_ident!("Self"))
}

fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        proc_macro2::TokenTree::Ident(ident) => ident == *name,
        proc_macro2::TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}
