//! The table of schemes, and addresses as something to dial and bind. Never moves a byte itself.

use std::future::Future;
use std::pin::Pin;

use traitwire_core::transport::{Bind, Connector, Dial, Listener};
use traitwire_core::{Code, Endpoint, Options, RpcError};

use crate::parts::Parts;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
use crate::shm;
#[cfg(unix)]
use crate::{exec, fifo, local, stdio};
use crate::{memory, tcp};

/// Marks [`Dial`] and [`Bind`] of addresses: text, or an [`Endpoint`].
#[derive(Debug)]
pub enum Address {}

type Dialling = fn(Parts) -> Result<Box<dyn Connector>, RpcError>;
type Opening = Pin<Box<dyn Future<Output = Result<Box<dyn Listener>, RpcError>> + Send>>;

/// One row of the table.
struct Scheme {
    name: &'static str,
    /// Options of this scheme alone.
    options: &'static [&'static str],
    connector: Option<Dialling>,
    listener: Option<fn(Parts) -> Opening>,
}

const SCHEMES: &[Scheme] = &[
    Scheme {
        name: "mem",
        options: &[],
        connector: Some(memory::connector),
        listener: Some(|parts| Box::pin(async move { memory::listener(parts) })),
    },
    #[cfg(unix)]
    Scheme { name: "exec", options: &[], connector: Some(exec::connector), listener: None },
    #[cfg(unix)]
    Scheme {
        name: "stdio",
        options: &[],
        connector: None,
        listener: Some(|parts| Box::pin(async move { stdio::listener(parts) })),
    },
    #[cfg(unix)]
    Scheme {
        name: "fifo",
        options: &["insecure_dir"],
        connector: Some(fifo::connector),
        listener: Some(|parts| Box::pin(async move { fifo::listener(parts) })),
    },
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    Scheme {
        name: "unix",
        options: &["insecure_dir", "peer", "ring", "shm"],
        connector: Some(shm::unix_connector),
        listener: Some(|parts| Box::pin(shm::unix_listener(parts))),
    },
    // Where memory cannot be shared, both sides stay on the socket.
    #[cfg(all(unix, not(all(target_os = "linux", target_pointer_width = "64"))))]
    Scheme {
        name: "unix",
        options: &["insecure_dir", "peer", "ring", "shm"],
        connector: Some(local::file_connector),
        listener: Some(|parts| Box::pin(local::file_listener(parts))),
    },
    #[cfg(unix)]
    Scheme {
        name: "local",
        options: &["peer"],
        connector: Some(local::name_connector),
        listener: Some(|parts| Box::pin(async move { local::name_listener(parts) })),
    },
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    Scheme {
        name: "shm",
        options: &["insecure_dir", "peer", "ring"],
        connector: Some(shm::connector),
        listener: Some(|parts| Box::pin(shm::listener(parts))),
    },
    Scheme {
        name: "tcp",
        options: &[],
        connector: Some(tcp::connector),
        listener: Some(|parts| Box::pin(tcp::listener(parts))),
    },
];

fn scheme(endpoint: &Endpoint) -> Result<&'static Scheme, RpcError> {
    SCHEMES.iter().find(|scheme| scheme.name == endpoint.scheme()).ok_or_else(|| {
        let names: Vec<&str> = SCHEMES.iter().map(|scheme| scheme.name).collect();
        let message = format!("unknown scheme {:?}; there are {}", endpoint.scheme(), names.join(", "));
        RpcError::new(Code::InvalidArgument, message).with_address(endpoint)
    })
}

fn dissect(endpoint: Endpoint) -> Result<(&'static Scheme, Parts), RpcError> {
    let scheme = scheme(&endpoint)?;
    let mut options = Options::default();
    for (name, value) in endpoint.options() {
        let known = options.set(name, value).map_err(|error| error.with_address(&endpoint))?;
        if !known && !scheme.options.contains(&name) {
            let message = format!(
                "unknown option {name:?}; {}: has {}",
                scheme.name,
                [scheme.options, Options::NAMES].concat().join(", ")
            );
            return Err(RpcError::new(Code::InvalidArgument, message).with_address(&endpoint));
        }
    }
    Ok((scheme, Parts { endpoint, options }))
}

fn dial(endpoint: Endpoint) -> Result<Box<dyn Connector>, RpcError> {
    let (scheme, parts) = dissect(endpoint)?;
    match scheme.connector {
        Some(connector) => connector(parts),
        None => Err(RpcError::new(
            Code::InvalidArgument,
            "this address can only be served; the other side starts the program by exec:",
        )
        .with_address(parts.endpoint)),
    }
}

async fn bind(endpoint: Endpoint) -> Result<Box<dyn Listener>, RpcError> {
    let (scheme, parts) = dissect(endpoint)?;
    match scheme.listener {
        Some(listener) => listener(parts).await,
        None => Err(RpcError::new(
            Code::InvalidArgument,
            "this address can only be dialled; the program it starts serves at stdio:",
        )
        .with_address(parts.endpoint)),
    }
}

impl Dial<Address> for Endpoint {
    fn dial(self) -> Result<Box<dyn Connector>, RpcError> {
        dial(self)
    }
}

impl Bind<Address> for Endpoint {
    async fn bind(self) -> Result<Box<dyn Listener>, RpcError> {
        bind(self).await
    }
}

macro_rules! addresses {
    ($($type:ty: |$text:ident| $parsed:expr;)+) => {$(
        impl Dial<Address> for $type {
            fn dial(self) -> Result<Box<dyn Connector>, RpcError> {
                let $text = self;
                dial($parsed)
            }
        }

        impl Bind<Address> for $type {
            async fn bind(self) -> Result<Box<dyn Listener>, RpcError> {
                let $text = self;
                bind($parsed).await
            }
        }
    )+};
}

addresses! {
    &str: |text| text.parse()?;
    String: |text| text.parse()?;
    &String: |text| text.parse()?;
    &Endpoint: |endpoint| endpoint.clone();
}

/// What the configuration wants to know of a scheme.
#[cfg(feature = "config")]
pub(crate) mod known {
    use super::{Endpoint, Options, RpcError, SCHEMES};

    /// Checks scheme and options without opening anything.
    pub(crate) fn check(endpoint: &Endpoint) -> Result<(), RpcError> {
        super::dissect(endpoint.clone()).map(drop)
    }

    /// Whether an option of this name may stand in addresses of the scheme.
    pub(crate) fn takes(scheme: &str, option: &str) -> bool {
        let row = SCHEMES.iter().find(|row| row.name == scheme);
        Options::NAMES.contains(&option) || row.is_some_and(|row| row.options.contains(&option))
    }

    /// Whether any scheme has an option of this name.
    pub(crate) fn exists(option: &str) -> bool {
        Options::NAMES.contains(&option) || SCHEMES.iter().any(|row| row.options.contains(&option))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<Via>(address: impl Dial<Via>) -> String {
        let error = address.dial().err().expect("refused");
        assert_eq!(error.code(), Code::InvalidArgument);
        error.to_string()
    }

    #[test]
    fn what_is_unknown_is_answered_with_what_exists() {
        let error = refusal("carrier-pigeon:x");
        assert!(error.contains("mem, ") && error.contains("tcp"), "{error}");
        let error = refusal("mem:x?volume=11");
        assert!(error.contains("keepalive") && error.contains("max_message"), "{error}");
        assert!(!error.contains("insecure_dir"), "{error}");
        assert!(refusal("mem:x?timeout=soon").contains("timeout=soon"));
        assert!(refusal("mem:x?busy_poll=2ms").contains("off, or a time of 1ms at most"));
        assert!(refusal("no address").contains("scheme"));
    }

    #[cfg(unix)]
    #[test]
    fn one_sided_schemes_say_which_side() {
        assert!(refusal("stdio:").contains("exec:"));
        assert!(
            refusal("unix:/x?volume=11")
                .contains("insecure_dir, peer, ring, shm, busy_poll, connect_timeout")
        );
    }

    #[test]
    fn every_form_of_an_address_can_be_dialled() {
        let endpoint: Endpoint = "mem:forms?timeout=1s".parse().unwrap();
        let text = endpoint.to_string();
        for connector in
            [text.as_str().dial(), (&text).dial(), text.dial(), (&endpoint).dial(), endpoint.clone().dial()]
        {
            let connector = connector.unwrap();
            assert_eq!(connector.endpoint(), &endpoint);
            assert_eq!(connector.options().timeout, Some(std::time::Duration::from_secs(1)));
        }
    }

    #[test]
    fn names_of_schemes_and_options_do_not_collide() {
        for (at, scheme) in SCHEMES.iter().enumerate() {
            assert!(SCHEMES[..at].iter().all(|other| other.name != scheme.name));
            assert!(scheme.options.iter().all(|option| !Options::NAMES.contains(option)));
        }
    }
}
