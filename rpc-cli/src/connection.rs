//! What the commands that connect have in common: the address, the service or method that is meant, and the policy of
//! calls. Never makes a call.

use std::time::Duration;

use clap::Args;
use tokio::task::JoinSet;
use traitwire::dynamic::{JsonClient, ServedService};
use traitwire::{Channel, Code, Priority, RpcError};

use crate::failure::{Failure, Outcome};
use crate::output::clean_name;

/// Time to ask for a schema where the command line says none.
const SCHEMA_TIME: Duration = Duration::from_secs(10);

/// Time to take leave.
const LEAVE: Duration = Duration::from_secs(1);

/// How calls are made.
#[derive(Debug, Args)]
pub(crate) struct Policy {
    /// Time for each call, such as 2s or 500ms; it bounds connecting and asking for the schema too
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// What calls carry beside their arguments; may be given several times
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = entry)]
    metadata: Vec<(String, String)>,
    /// How urgent calls are beside others of the same connection
    #[arg(long, value_name = "low|normal|high", value_parser = priority, hide_possible_values = true)]
    priority: Option<Priority>,
}

fn entry(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected a name, `=` and a value".to_owned()),
    }
}

fn priority(text: &str) -> Result<Priority, String> {
    match text {
        "low" => Ok(Priority::Low),
        "normal" => Ok(Priority::Normal),
        "high" => Ok(Priority::High),
        _ => Err("expected low, normal or high".to_owned()),
    }
}

impl Policy {
    /// The same client, held to this.
    pub(crate) fn apply(&self, mut client: JsonClient) -> JsonClient {
        if let Some(timeout) = self.timeout {
            client = client.with_timeout(timeout);
        }
        if let Some(priority) = self.priority {
            client = client.with_priority(priority);
        }
        for (name, value) in &self.metadata {
            client = client.with_metadata(name, value.as_bytes());
        }
        client
    }
}

/// Connects to a peer, within the time for it if there is one beside the address' own `connect_timeout`.
pub(crate) async fn connect(address: &str, time: Option<Duration>) -> Outcome<Channel> {
    let connecting = Channel::connect(address);
    let Some(time) = time else { return connecting.await.map_err(Failure::Connect) };
    let connected = tokio::time::timeout(time, connecting).await.unwrap_or_else(|_| {
        let message =
            format!("there was no connection within --timeout {}", humantime::format_duration(time));
        Err(RpcError::new(Code::DeadlineExceeded, message).with_address(address))
    });
    connected.map_err(Failure::Connect)
}

/// Ends connections: the peers learn that calls were given up, and that all were answered. Those that take no more of
/// what is said are left after a second.
pub(crate) async fn close(channels: impl IntoIterator<Item = Channel>) {
    let closing: JoinSet<()> =
        channels.into_iter().map(|channel| async move { channel.close().await }).collect();
    let _ = tokio::time::timeout(LEAVE, closing.join_all()).await;
}

/// A peer's service, and the name of a method if the target names one: `Service` or `Service.method`.
pub(crate) fn find<'t>(services: &[ServedService], target: &'t str) -> Outcome<(&'t str, Option<&'t str>)> {
    let named = |service: &ServedService| {
        let rest = target.strip_prefix(service.name.as_str())?;
        match rest.strip_prefix('.') {
            Some(method) => Some((service.name.len(), Some(method))),
            None => rest.is_empty().then_some((service.name.len(), None)),
        }
    };
    // Names may have dots in them: the longest that fits is meant.
    let found = services.iter().filter_map(named).max_by_key(|(length, _)| *length);
    let names: Vec<_> = services.iter().map(|service| service.name.as_str()).collect();
    match found {
        Some((length, method)) => Ok((&target[..length], method)),
        None if names.is_empty() => Err(Failure::usage("the peer serves nothing", "ask another address")),
        None => {
            let meant = methods_called(services, target);
            let help = match meant.is_empty() {
                true => format!("it serves {}", clean_name(&names.join(", "))),
                false => format!("a method is named with its service: {}", clean_name(&meant.join(", "))),
            };
            Err(Failure::usage(format!("the peer does not serve {target}"), help))
        }
    }
}

/// The methods of this name, each with its service.
fn methods_called(services: &[ServedService], name: &str) -> Vec<String> {
    let has_it = |service: &&ServedService| service.methods.iter().any(|method| method.name == name);
    services.iter().filter(has_it).map(|service| format!("{}.{name}", service.name)).collect()
}

/// A client of a peer's service.
pub(crate) async fn client(channel: &Channel, service: &str, time: Option<Duration>) -> Outcome<JsonClient> {
    let time = time.unwrap_or(SCHEMA_TIME);
    match tokio::time::timeout(time, JsonClient::new(channel.clone(), service)).await {
        Ok(client) => client.map_err(Failure::Call),
        Err(_) => {
            let message =
                format!("the peer did not give its schema within {}", humantime::format_duration(time));
            Err(RpcError::new(Code::DeadlineExceeded, message).with_address(channel.endpoint()).into())
        }
    }
}

/// A client of the service that a target names, and the method, which it has to name too.
pub(crate) async fn client_of_method(
    channel: &Channel,
    target: &str,
    policy: &Policy,
) -> Outcome<(JsonClient, String)> {
    let services = channel.services().await.map_err(Failure::Connect)?;
    let (service, method) = find(&services, target)?;
    let client = client(channel, service, policy.timeout).await?;
    let methods: Vec<_> = client.interface().methods.iter().map(|method| method.name.as_str()).collect();
    match method {
        Some(method) if methods.contains(&method) => Ok((policy.apply(client.clone()), method.to_owned())),
        Some(method) => Err(Failure::usage(
            format!("{service} has no method {method}"),
            format!("it has {}", clean_name(&methods.join(", "))),
        )),
        None => Err(Failure::usage(
            format!("{service} is a service, not a method"),
            format!("name one of its methods: {}", clean_name(&methods.join(", "))),
        )),
    }
}
