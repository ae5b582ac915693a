//! `traitwire describe`: a peer's services, or one of them, or one method with the types it needs, as text. Never
//! judges them.

use clap::Args;
use traitwire::dynamic::Value;
use traitwire::idl::{Interface, print_all};

use crate::connection::{client, close, connect, find};
use crate::failure::{Failure, Outcome};
use crate::output;

/// Describes a peer's services in the syntax of Rust traits.
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// Where the peer is, such as unix:/run/app.sock or tcp://127.0.0.1:7000
    address: String,
    /// What to describe; all services if it is left out
    #[arg(value_name = "SERVICE[.METHOD]")]
    target: Option<String>,
    /// Print the schema as JSON
    #[arg(long)]
    json: bool,
}

impl Describe {
    pub(crate) async fn run(self) -> Outcome {
        let channel = connect(&self.address, None).await?;
        let services = channel.services().await.map_err(Failure::Connect)?;
        let mut interfaces = Vec::new();
        match &self.target {
            None => {
                for service in &services {
                    interfaces.push(client(&channel, &service.name, None).await?.interface().clone());
                }
            }
            Some(target) => {
                let (service, method) = find(&services, target)?;
                let client = client(&channel, service, None).await?;
                interfaces.push(match method {
                    None => client.interface().clone(),
                    Some(method) => only(client.interface(), method)?,
                });
            }
        }
        close([channel]).await;
        let text = match (self.json, &self.target) {
            (false, _) => print_all(&interfaces),
            (true, None) => output::text(&interfaces.iter().map(json).collect::<Outcome<Value>>()?, true),
            (true, Some(_)) => output::text(&interfaces.first().map_or(Ok(Value::Null), json)?, true),
        };
        Ok(output::print(text.trim_end())?)
    }
}

fn json(interface: &Interface) -> Outcome<Value> {
    serde_json::to_value(interface).map_err(|error| Failure::Local(error.into()))
}

/// The interface with this method alone.
fn only(interface: &Interface, method: &str) -> Outcome<Interface> {
    interface.only(method).ok_or_else(|| {
        let names: Vec<_> = interface.methods.iter().map(|method| method.name.as_str()).collect();
        let message = format!("{} has no method {method}", interface.name);
        Failure::usage(message, format!("it has {}", output::clean_name(&names.join(", "))))
    })
}
