//! The grammar of `#[ipc_service(…)]`, `#[ipc(…)]` and `#[ipc_type(…)]`. Never looks at the item beneath.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Path, Token, Type, parse_quote};

use crate::errors::Errors;
use crate::model::{ArgumentDefault, Priority, WireName};
use crate::{attributes, names};

/// What `#[ipc_service(…)]` says.
#[derive(Debug)]
pub(crate) struct ServiceArgs {
    pub(crate) name: Option<WireName>,
    pub(crate) krate: Path,
    pub(crate) transparent: bool,
}

/// What `#[ipc(…)]` says.
#[derive(Debug, Default)]
pub(crate) struct MethodArgs {
    pub(crate) idempotent: bool,
    pub(crate) oneway: bool,
    pub(crate) spawn: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) priority: Option<Priority>,
    pub(crate) name: Option<WireName>,
}

/// What `#[schema(…)]` says of a type or a field.
#[derive(Debug)]
pub(crate) struct SchemaArgs {
    pub(crate) krate: Path,
    /// `as = "Type"`: the type whose bytes these are.
    pub(crate) stands_for: Option<Type>,
}

const SERVICE_KEYS: &[&str] = &["name", "crate", "transparent"];
const METHOD_KEYS: &[&str] = &["idempotent", "oneway", "spawn", "timeout", "priority", "name"];
const ARGUMENT_KEYS: &[&str] = &["default"];
const TYPE_KEYS: &[&str] = &["crate"];
const SCHEMA_TYPE_KEYS: &[&str] = &["crate", "as"];
const SCHEMA_FIELD_KEYS: &[&str] = &["as"];

pub(crate) fn service(arguments: TokenStream, errors: &Errors) -> ServiceArgs {
    let mut parsed = ServiceArgs { name: None, krate: default_crate(), transparent: false };
    for meta in Keys::new("ipc_service", SERVICE_KEYS).read(arguments, errors) {
        if meta.path().is_ident("name") {
            parsed.name = wire_name(&meta, errors);
        } else if meta.path().is_ident("transparent") {
            parsed.transparent = flag(&meta, errors);
        } else if let Some(path) = crate_path(&meta, errors) {
            parsed.krate = path;
        }
    }
    parsed
}

/// The `crate = "…"` of `#[ipc_type(…)]`.
pub(crate) fn ipc_type(arguments: TokenStream, errors: &Errors) -> Path {
    let keys = Keys::new("ipc_type", TYPE_KEYS).read(arguments, errors);
    keys.iter().filter_map(|meta| crate_path(meta, errors)).next_back().unwrap_or_else(default_crate)
}

/// The `#[schema(…)]` of a type.
pub(crate) fn schema_of_type(attributes: &[Attribute], errors: &Errors) -> SchemaArgs {
    schema(attributes, SCHEMA_TYPE_KEYS, errors)
}

/// The type stated by the `#[schema(…)]` of a field.
pub(crate) fn schema_of_field(attributes: &[Attribute], errors: &Errors) -> Option<Type> {
    schema(attributes, SCHEMA_FIELD_KEYS, errors).stands_for
}

fn schema(attributes: &[Attribute], keys: &'static [&'static str], errors: &Errors) -> SchemaArgs {
    let mut parsed = SchemaArgs { krate: default_crate(), stands_for: None };
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("schema")) {
        let Meta::List(list) = &attribute.meta else {
            errors.refuse(
                attribute,
                "`#[schema]` says nothing by itself",
                format!("write `#[schema(…)]`; {}", names::advice("", keys)),
            );
            continue;
        };
        for meta in Keys::new("schema", keys).read(list.tokens.clone(), errors) {
            if meta.path().is_ident("r#as") {
                parsed.stands_for = stated_type(&meta, errors);
            } else if let Some(path) = crate_path(&meta, errors) {
                parsed.krate = path;
            }
        }
    }
    parsed
}

/// Takes `#[ipc(…)]` out of a method's attributes.
pub(crate) fn method(attributes: &mut Vec<Attribute>, errors: &Errors) -> MethodArgs {
    let mut parsed = MethodArgs::default();
    let mut seen = false;
    for attribute in take_ipc(attributes, errors) {
        if std::mem::replace(&mut seen, true) {
            errors.refuse(
                &attribute,
                "this method has more than one `#[ipc(…)]`",
                "write all its keys in one, separated by commas",
            );
        }
        let Meta::List(list) = &attribute.meta else {
            errors.refuse(
                &attribute,
                "`#[ipc]` says nothing by itself",
                format!("write `#[ipc(…)]`; {}", names::advice("", METHOD_KEYS)),
            );
            continue;
        };
        for meta in Keys::new("ipc", METHOD_KEYS).read(list.tokens.clone(), errors) {
            parsed.set(&meta, errors);
        }
    }
    parsed
}

/// The default among an argument's attributes.
pub(crate) fn argument(attributes: &[Attribute], errors: &Errors) -> Option<ArgumentDefault> {
    let mut default = None;
    for attribute in take_ipc(&mut attributes.to_vec(), errors) {
        let Meta::List(list) = &attribute.meta else {
            errors.refuse(
                &attribute,
                "`#[ipc]` says nothing by itself",
                "write `#[ipc(default)]` or `#[ipc(default = …)]`",
            );
            continue;
        };
        for meta in Keys::new("ipc", ARGUMENT_KEYS).read(list.tokens.clone(), errors) {
            let stated = match meta {
                Meta::Path(path) => ArgumentDefault::OfType(path.span()),
                Meta::NameValue(meta) => ArgumentDefault::Value(Box::new(meta.value)),
                Meta::List(list) => {
                    let help = "write `#[ipc(default)]` or `#[ipc(default = …)]`";
                    errors.refuse(list, "`default` takes a value behind `=`, or none", help);
                    continue;
                }
            };
            if default.replace(stated).is_some() {
                errors.refuse(&attribute, "this argument has two defaults", "keep one of the two");
            }
        }
    }
    default
}

/// Takes every `#[ipc]` out, and refuses those that hide in a `cfg_attr`.
pub(crate) fn take_ipc(attributes: &mut Vec<Attribute>, errors: &Errors) -> Vec<Attribute> {
    for attribute in attributes.iter() {
        let nested = attributes::conditional(attribute).map(|(_, nested)| nested).unwrap_or_default();
        for meta in nested.iter().filter(|meta| meta.path().is_ident("ipc")) {
            errors.refuse(
                meta,
                "`ipc` cannot depend on a condition: both sides must agree on it",
                "write the method twice, under `#[cfg(…)]` and `#[cfg(not(…))]`",
            );
        }
    }
    attributes.extract_if(.., |attribute| attribute.path().is_ident("ipc")).collect()
}

impl MethodArgs {
    fn set(&mut self, meta: &Meta, errors: &Errors) {
        match names::unraw(&meta.path().segments[0].ident).as_str() {
            "idempotent" => self.idempotent = flag(meta, errors),
            "oneway" => self.oneway = flag(meta, errors),
            "spawn" => self.spawn = flag(meta, errors),
            "timeout" => self.timeout = timeout(meta, errors),
            "priority" => self.priority = priority(meta, errors),
            _ => self.name = wire_name(meta, errors),
        }
    }
}

pub(crate) fn default_crate() -> Path {
    parse_quote!(::traitwire)
}

/// The keys one attribute knows.
struct Keys {
    attribute: &'static str,
    known: &'static [&'static str],
}

impl Keys {
    fn new(attribute: &'static str, known: &'static [&'static str]) -> Self {
        Self { attribute, known }
    }

    /// The entries with known keys; each other one is refused by name.
    fn read(&self, tokens: TokenStream, errors: &Errors) -> Vec<Meta> {
        let tokens = tokens.into_iter().map(raw_if_as).collect();
        let metas = match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(metas) => metas,
            Err(error) => {
                errors.refuse_span(
                    error.span(),
                    format!("`{}` takes keys and values: {error}", self.attribute),
                    names::advice("", self.known),
                );
                return Vec::new();
            }
        };
        let mut taken: Vec<Meta> = Vec::new();
        for meta in metas {
            let key = meta.path().get_ident().map(names::unraw).unwrap_or_default();
            if !self.known.contains(&key.as_str()) {
                errors.refuse(
                    meta.path(),
                    format!("`{}` has no key of this name", self.attribute),
                    names::advice(&key, self.known),
                );
            } else if taken.iter().any(|other| other.path() == meta.path()) {
                errors.refuse(meta.path(), format!("`{key}` is given twice"), "keep one of the two");
            } else {
                taken.push(meta);
            }
        }
        taken
    }
}

/// `as` is not a word that an attribute's path may have; `r#as` is.
fn raw_if_as(token: TokenTree) -> TokenTree {
    match token {
        TokenTree::Ident(ident) if ident == "as" => Ident::new_raw("as", ident.span()).into(),
        other => other,
    }
}

fn flag(meta: &Meta, errors: &Errors) -> bool {
    if !matches!(meta, Meta::Path(_)) {
        let key = names::unraw(&meta.path().segments[0].ident);
        errors.refuse(meta, format!("`{key}` takes no value"), format!("write `{key}` alone"));
    }
    true
}

fn timeout(meta: &Meta, errors: &Errors) -> Option<Duration> {
    let help = "write a number and a unit, such as `timeout = \"500ms\"` or `timeout = \"2s\"`";
    let text = string(meta, help, errors)?;
    let problem = match humantime::parse_duration(&text.value()) {
        Ok(time) if time.is_zero() => "a timeout of zero would fail every call".to_owned(),
        Ok(time) if time.as_millis() == 0 => "a timeout is counted in whole milliseconds".to_owned(),
        Ok(time) if u64::try_from(time.as_millis()).is_err() => {
            "this is longer than can be counted".to_owned()
        }
        Ok(time) => return Some(time),
        Err(_) => format!("`{}` is not a time", text.value()),
    };
    errors.refuse(&text, problem, help);
    None
}

fn priority(meta: &Meta, errors: &Errors) -> Option<Priority> {
    let help = "write `priority = \"low\"`, `priority = \"normal\"` or `priority = \"high\"`";
    let text = string(meta, help, errors)?;
    match text.value().as_str() {
        "low" => Some(Priority::Low),
        "normal" => Some(Priority::Normal),
        "high" => Some(Priority::High),
        other => {
            errors.refuse(&text, format!("`{other}` is not a priority"), help);
            None
        }
    }
}

fn wire_name(meta: &Meta, errors: &Errors) -> Option<WireName> {
    let help = "write `name = \"…\"` with letters, digits, `_` or `-`";
    let text = string(meta, help, errors)?;
    let name = WireName { text: text.value(), span: text.span() };
    if name.text.is_empty() {
        errors.refuse(&text, "a name on the wire cannot be empty", help);
        return None;
    }
    if let Some(odd) = name.text.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '_' | '-'))) {
        errors.refuse(&text, format!("a name on the wire cannot contain {odd:?}"), help);
        return None;
    }
    Some(name)
}

fn crate_path(meta: &Meta, errors: &Errors) -> Option<Path> {
    let help = "write the path under which `traitwire` is found, such as `crate = \"::other::traitwire\"`";
    let text = string(meta, help, errors)?;
    match text.parse_with(Path::parse_mod_style) {
        Ok(path) => Some(path),
        Err(_) => {
            errors.refuse(&text, format!("`{}` is not a path", text.value()), help);
            None
        }
    }
}

fn stated_type(meta: &Meta, errors: &Errors) -> Option<Type> {
    let help = "write the type whose bytes these are, such as `as = \"String\"`";
    let text = string(meta, help, errors)?;
    match text.parse() {
        Ok(ty) => Some(ty),
        Err(_) => {
            errors.refuse(&text, format!("`{}` is not a type", text.value()), help);
            None
        }
    }
}

/// The text of `key = "text"`.
fn string(meta: &Meta, help: &str, errors: &Errors) -> Option<LitStr> {
    if let Meta::NameValue(meta) = meta
        && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &meta.value
    {
        return Some(text.clone());
    }
    let key = names::unraw(&meta.path().segments[0].ident);
    let at: Span = match meta {
        Meta::NameValue(meta) => meta.value.span(),
        other => other.span(),
    };
    errors.refuse_span(at, format!("`{key}` takes a text in quotes"), help);
    None
}
