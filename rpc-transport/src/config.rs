//! Addresses and policy from a file, `traitwire.toml`, and the environment. Never opens a connection, and
//! never changes the environment.
//!
//! ```toml
//! [services.calculator]
//! endpoint = "unix:/run/calc.sock"
//! timeout = "2s"
//! max_message = "1MiB"
//! ```
//!
//! What stands beside `endpoint` is any option that an address may have, and becomes one; an option that
//! the address has already stays as it is there. `TRAITWIRE_CALCULATOR=…` in the environment replaces the
//! address and keeps the policy, except for options that belong to another scheme than the new address has,
//! which are dropped. A service that only the environment knows is known, without policy.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use traitwire_core::{Code, Endpoint, RpcError};

use crate::address::known;

/// The services a program talks to, by name.
pub struct Config {
    /// The file, as it is named in errors.
    source: String,
    text: String,
    services: BTreeMap<String, BTreeMap<String, Spanned<Setting>>>,
    environment: Box<Environment>,
}

/// Looks up a variable.
type Environment = dyn Fn(&str) -> Option<String> + Send + Sync;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    services: BTreeMap<String, BTreeMap<String, Spanned<Setting>>>,
}

/// The value of an option, which is text in an address.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a string, an integer or a boolean is expected")]
enum Setting {
    Text(String),
    Number(i64),
    Switch(bool),
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Switch(switch) => switch.fmt(f),
        }
    }
}

/// The key that is the address; every other one is an option.
const ENDPOINT: &str = "endpoint";

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// `InvalidArgument`, with file, line and column, for what is no configuration; so, too, for a file that
    /// cannot be read.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, RpcError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|cause| {
            let message = format!("cannot read the configuration {}: {cause}", path.display());
            RpcError::new(Code::InvalidArgument, message).with_source(&cause)
        })?;
        Self::read(PathBuf::from(path).display().to_string(), text)
    }

    /// Reads text.
    ///
    /// # Errors
    /// `InvalidArgument`, with line and column, for what is no configuration.
    pub fn parse(text: &str) -> Result<Self, RpcError> {
        Self::read("the configuration".to_owned(), text.to_owned())
    }

    /// The same with another environment than the process's, for tests.
    pub fn with_environment(
        mut self,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.environment = Box::new(environment);
        self
    }

    /// The names of the services in the file.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.services.keys().map(String::as_str)
    }

    /// The address of a service, its policy folded in as options.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown service, which lists those that are known, and for an address or an
    /// option that is wrong, with its place.
    pub fn endpoint(&self, service: &str) -> Result<Endpoint, RpcError> {
        let variable = variable(service);
        let replacement = (self.environment)(&variable).filter(|address| !address.is_empty());
        let policy = self.services.get(service);
        let setting = policy.and_then(|policy| policy.get(ENDPOINT));
        let mut endpoint: Endpoint = match (&replacement, setting) {
            (Some(address), _) => address.parse().map_err(|error| prefixed(&variable, &error))?,
            (None, Some(setting)) => {
                let address = setting.as_ref().to_string();
                address.parse().map_err(|error| self.at(setting.span(), &error))?
            }
            (None, None) => return Err(self.unknown(service, &variable)),
        };
        known::check(&endpoint).map_err(|error| match setting {
            Some(setting) if replacement.is_none() => self.at(setting.span(), &error),
            _ => prefixed(&variable, &error),
        })?;
        for (option, value) in policy.into_iter().flatten().filter(|(name, _)| *name != ENDPOINT) {
            let elsewhere = !known::takes(endpoint.scheme(), option) && known::exists(option);
            if endpoint.option(option).is_some() || elsewhere && replacement.is_some() {
                continue;
            }
            let folded = endpoint.clone().with_option(option, &value.as_ref().to_string());
            let checked = folded.and_then(|folded| known::check(&folded).map(|()| folded));
            endpoint = checked.map_err(|error| self.at(value.span(), &error))?;
        }
        Ok(endpoint)
    }

    fn read(source: String, text: String) -> Result<Self, RpcError> {
        match toml::from_str::<Document>(&text) {
            Ok(Document { services }) => {
                let environment = Box::new(|name: &str| std::env::var(name).ok());
                Ok(Self { source, text, services, environment })
            }
            Err(error) => {
                let place = place(&source, &text, error.span());
                Err(RpcError::new(Code::InvalidArgument, format!("{place}: {}", error.message())))
            }
        }
    }

    fn at(&self, span: Range<usize>, error: &RpcError) -> RpcError {
        prefixed(&place(&self.source, &self.text, Some(span)), error)
    }

    fn unknown(&self, service: &str, variable: &str) -> RpcError {
        let settings = self.services.get(service);
        let odd = settings.into_iter().flatten().find(|(name, _)| !known::exists(name));
        let message = if let Some((odd, value)) = odd {
            let place = place(&self.source, &self.text, Some(value.span()));
            format!("{place}: {odd:?} is neither `{ENDPOINT}` nor an option; the service has no `{ENDPOINT}`")
        } else if settings.is_some() {
            format!("{} has no `{ENDPOINT}` for the service {service:?}", self.source)
        } else {
            let known: Vec<&str> = self.services().collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            format!("{} knows no service {service:?}; it knows {known}", self.source)
        };
        RpcError::new(Code::InvalidArgument, format!("{message}, and {variable} is not set"))
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services: Vec<&str> = self.services().collect();
        f.debug_struct("Config").field("source", &self.source).field("services", &services).finish()
    }
}

/// The environment variable that replaces a service's address.
fn variable(service: &str) -> String {
    let word = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_uppercase() } else { '_' };
    format!("TRAITWIRE_{}", service.chars().map(word).collect::<String>())
}

fn place(source: &str, text: &str, span: Option<Range<usize>>) -> String {
    let Some(before) = span.and_then(|span| text.get(..span.start)) else { return source.to_owned() };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{source}, line {line}, column {column}")
}

fn prefixed(place: &str, error: &RpcError) -> RpcError {
    let moved = RpcError::new(error.code(), format!("{place}: {}", error.message()));
    match error.address() {
        Some(address) => moved.with_address(address),
        None => moved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
[services.calculator]
endpoint = "tcp://127.0.0.1:7000?timeout=9s"
timeout = "2s"
max_calls = 12
keepalive = "off"

[services.my-store]
endpoint = "unix:/run/my store.sock"
peer = "any"
max_message = "1MiB"

[services.elsewhere]
timeout = "1s"
"#;

    fn config(environment: &'static [(&str, &str)]) -> Config {
        Config::parse(TEXT).unwrap().with_environment(move |wanted| {
            environment.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn policy_becomes_options_and_the_address_has_the_last_word() {
        let config = config(&[]);
        let endpoint = config.endpoint("calculator").unwrap();
        assert_eq!(endpoint.to_string(), "tcp://127.0.0.1:7000?timeout=9s&keepalive=off&max_calls=12");
        let endpoint = config.endpoint("my-store").unwrap();
        assert_eq!(endpoint.to_string(), "unix:/run/my%20store.sock?max_message=1MiB&peer=any");
    }

    #[test]
    fn the_environment_replaces_the_address_alone() {
        let config = config(&[
            ("TRAITWIRE_MY_STORE", "mem:store"),
            ("TRAITWIRE_CALCULATOR", ""),
            ("TRAITWIRE_ELSEWHERE", "mem:x"),
            ("TRAITWIRE_STRAY", "mem:y"),
        ]);
        assert_eq!(config.endpoint("my-store").unwrap().to_string(), "mem:store?max_message=1MiB");
        assert_eq!(config.endpoint("calculator").unwrap().scheme(), "tcp");
        assert_eq!(config.endpoint("elsewhere").unwrap().to_string(), "mem:x?timeout=1s");
        assert_eq!(config.endpoint("stray").unwrap().to_string(), "mem:y");
    }

    #[test]
    fn errors_name_their_place() {
        let error = |text: &str, service: &str| {
            let config = Config::parse(text).map(|config| config.with_environment(|_| None));
            config.and_then(|config| config.endpoint(service)).unwrap_err().to_string()
        };
        for (text, what) in [
            ("[services.a]\nendpoint = 'nothing'", "line 2, column 12: "),
            ("[services.a]\nendpoint = 'pigeon:x'", "line 2, column 12: unknown scheme"),
            ("[services.a]\nendpoint = 'mem:x'\nvolume = 11", "line 3, column 10: unknown option"),
            ("[services.a]\nendpoint = 'mem:x'\npeer = 'any'", "line 3, column 8: unknown option"),
            ("[services.a]\nendpoint = 'mem:x'\ntimeout = 'soon'", "line 3, column 11: option timeout=soon"),
            ("[services.a]\nendpoint = 'mem:x'\ntimeout = 1.5", "line 3"),
            ("[services.a]\nendpoint = ", "line 2"),
            ("[service.a]\n", "line 1"),
            ("[services.b]\n[services.c]\n", "it knows b, c"),
            ("", "it knows none"),
            ("[services.a]\n", "no `endpoint`"),
            ("[services.a]\nendpont = 'mem:x'", "line 2, column 11: \"endpont\" is neither"),
        ] {
            let error = error(text, "a");
            assert!(error.contains(what), "{text}: {error}");
        }
    }

    #[test]
    fn files_are_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "[services.a]\nendpoint = 3\n[").unwrap();
        let error = Config::load(file.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("{}, line 3", file.path().display())), "{error}");
        let error = Config::load("/nowhere/traitwire.toml").unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.to_string().contains("/nowhere/traitwire.toml"));
    }
}
