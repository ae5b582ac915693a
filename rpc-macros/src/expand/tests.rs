//! What the macros make of an item, as a person would read it: each file in `tests/expansion` holds one item,
//! the file of the same name in `tests/expansion/expanded` what becomes of it. `EXPANSION=overwrite` writes
//! the latter anew.

use std::path::Path;
use std::{env, fs};

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{Attribute, Item, Meta};

#[test]
fn expansions_read_as_committed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expansion");
    let mut differing = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let source = entry.unwrap().path();
        if source.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let expanded = expand(&fs::read_to_string(&source).unwrap());
        let golden = folder.join("expanded").join(source.file_name().unwrap());
        if env::var_os("EXPANSION").is_some_and(|value| value == "overwrite") {
            fs::create_dir_all(golden.parent().unwrap()).unwrap();
            fs::write(&golden, &expanded).unwrap();
        }
        if fs::read_to_string(&golden).unwrap_or_default() != expanded {
            differing.push(format!("{}:\n{expanded}", source.display()));
        }
    }
    assert!(differing.is_empty(), "EXPANSION=overwrite accepts these:\n{}", differing.join("\n"));
}

fn expand(source: &str) -> String {
    let mut item: Item = syn::parse_str(source).unwrap();
    let attributes = match &mut item {
        Item::Trait(item) => &mut item.attrs,
        Item::Struct(item) => &mut item.attrs,
        Item::Enum(item) => &mut item.attrs,
        other => panic!("no macro for {}", other.to_token_stream()),
    };
    let ours = |attribute: &mut Attribute| {
        ["ipc_service", "ipc_type"].iter().any(|name| attribute.path().is_ident(name))
    };
    let attribute = attributes.extract_if(.., ours).next().expect("one of our attributes");
    let arguments = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let tokens = match attribute.path().is_ident("ipc_service") {
        true => super::service(arguments, item.into_token_stream()),
        false => crate::ipc_type::expand(arguments, item.into_token_stream()),
    };
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}
