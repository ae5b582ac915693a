//! `traitwire bench`: how long calls of a method take, and how many can be made. The request is encoded once and
//! results are not read (items of a stream are counted), so what is measured is the calls. Never changes what the service does: it calls it as told.

mod load;
mod report;
mod tally;
mod turns;

use std::pin::pin;
use std::time::Duration;

use clap::Args;
use traitwire::dynamic::{JsonClient, JsonCodec, JsonLimits, Value};
use traitwire::{Code, RpcError};

use self::load::{Items, Load, Patience};
use self::turns::End;
use crate::call::read_arguments;
use crate::connection::{Policy, client_of_method, close, connect};
use crate::failure::{Failure, Outcome};
use crate::interrupt::interrupt;
use crate::output;

/// Measures the calls of a method.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --rate, each of the calls at once is followed by the next when it is answered. With --rate, calls are made at \
set times whether others are answered or not, and a call that could not be made in time is measured from when it \
should have been: a service that stalls cannot hide that by holding up its callers (coordinated omission). Calls \
without an answer in time count with the time that they had waited. An interrupt (Ctrl-C) ends the measurement, and \
what was measured is printed.")]
pub(crate) struct Bench {
    /// Where the peer is, such as unix:/run/app.sock or tcp://127.0.0.1:7000
    address: String,
    /// The method, which must take no stream; of one that it gives, a call lasts until the last item
    #[arg(value_name = "SERVICE.METHOD")]
    target: String,
    /// The arguments as JSON, as for `call`
    #[arg(
        value_name = "ARGUMENTS",
        default_value = "{}",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    arguments: String,
    /// Calls at once at most [default: 1; 1000 with --rate]
    #[arg(long, short, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    concurrency: Option<u32>,
    /// Calls each second, at even distances
    #[arg(long, short, value_name = "CALLS", value_parser = rate)]
    rate: Option<f64>,
    /// How long to measure [default: 5s]
    #[arg(long, short, value_name = "TIME", value_parser = time, conflicts_with = "count")]
    duration: Option<Duration>,
    /// How many calls to measure
    #[arg(long, short = 'n', value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// How long to call before that
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = time)]
    warm_up: Duration,
    /// Connections over which the calls are spread
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=1024))]
    connections: u32,
    #[command(flatten)]
    policy: Policy,
    /// Print JSON, times in nanoseconds
    #[arg(long)]
    json: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (1e-3..=1e7).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0.001 to 10000000".to_owned()),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time <= Duration::from_hours(24) => Ok(time),
        Ok(_) => Err("expected 24 hours at most".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl Bench {
    /// The arguments, a client for each connection, and the method's name.
    async fn begin(&self) -> Outcome<(Value, Vec<JsonClient>, String)> {
        let arguments = read_arguments(&self.arguments, JsonLimits::default()).await?;
        let (mut clients, mut method) = (Vec::new(), String::new());
        for _ in 0..self.connections {
            let channel = connect(&self.address, self.policy.timeout).await?;
            let (client, name) = client_of_method(&channel, &self.target, &self.policy).await?;
            clients.push(client);
            method = name;
        }
        Ok((arguments, clients, method))
    }

    pub(crate) async fn run(self) -> Outcome {
        let mut interrupt = pin!(interrupt());
        let (arguments, clients, method) = tokio::select! {
            begun = self.begin() => begun?,
            () = &mut interrupt => return Err(Failure::Interrupted),
        };
        let Some(client) = clients.first() else { return Ok(()) };
        let Some(model) = client.interface().methods.iter().find(|model| model.name == method) else {
            return Ok(());
        };
        if model.arguments.iter().any(|argument| argument.stream) {
            return Err(Failure::usage(
                format!("{} takes a stream, and there are no items to send", self.target),
                "measure a method that takes none; it may give one",
            ));
        }
        let items = model.stream.then(|| Items::new(&model.output, &client.interface().types));
        let encoded = JsonCodec::new(&client.interface().types).encode_arguments(model, &arguments);
        let encoded = encoded.map_err(|error| {
            Failure::usage(error.to_string(), "`describe` shows the arguments and their types")
        })?;
        let load = Load {
            concurrency: self.concurrency.unwrap_or(if self.rate.is_some() { 1000 } else { 1 }),
            rate: self.rate,
            warm_up: self.warm_up,
            end: match (self.count, self.duration) {
                (Some(count), _) => End::Count(count),
                (None, time) => End::Time(time.unwrap_or(Duration::from_secs(5))),
            },
            method,
            arguments: encoded,
            patience: Patience::of(self.policy.timeout),
            items,
        };
        let channels: Vec<_> = clients.iter().map(|client| client.channel().clone()).collect();
        let endpoint = client.channel().endpoint().clone();
        let clients: Vec<_> = clients.iter().map(|client| client.encoded().clone()).collect();
        let Some(measured) = load.run(&clients, interrupt).await else {
            return Err(Failure::Interrupted);
        };
        close(channels).await;
        let report = match self.json {
            true => output::text(&report::json(&self.target, &load, &measured), true),
            false => report::text(&self.target, &endpoint, &load, &measured),
        };
        output::print(report.trim_end())?;
        match measured.first_failure {
            _ if measured.interrupted => Err(Failure::Interrupted),
            Some(error) => Err(Failure::Call(error)),
            None if measured.answered == 0 => Err(Failure::Call(RpcError::new(
                Code::DeadlineExceeded,
                "no call was answered in all the time that it was measured",
            ))),
            None => Ok(()),
        }
    }
}
