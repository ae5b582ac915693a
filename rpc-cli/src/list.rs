//! `traitwire list`: what a peer serves, as its hello says. Never asks for a schema.

use clap::Args;
use serde_json::json;
use traitwire::dynamic::Value;

use crate::connection::{close, connect};
use crate::failure::{Failure, Outcome};
use crate::output;

/// Lists what a peer serves.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Where the peer is, such as unix:/run/app.sock or tcp://127.0.0.1:7000
    address: String,
    /// Print JSON, with the methods' fingerprints
    #[arg(long)]
    json: bool,
}

impl List {
    pub(crate) async fn run(self) -> Outcome {
        let channel = connect(&self.address, None).await?;
        let services = channel.services().await.map_err(Failure::Connect)?;
        close([channel]).await;
        if self.json {
            let services = services.iter().map(|service| {
                let methods = service.methods.iter().map(
                    |method| json!({"name": method.name, "fingerprint": method.fingerprint.to_string()}),
                );
                json!({"name": service.name, "methods": methods.collect::<Value>()})
            });
            return Ok(output::print(&output::text(&services.collect(), true))?);
        }
        for service in services {
            output::print(&output::clean_name(&service.name))?;
            for method in service.methods {
                output::print(&format!("  {}", output::clean_name(&method.name)))?;
            }
        }
        Ok(())
    }
}
