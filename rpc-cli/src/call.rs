//! `traitwire call`: one call, with JSON in and out. Items of an argument stream are lines of standard input; those of
//! a result stream are lines of standard output.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_stream::StreamExt;
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use traitwire::dynamic::{JsonClient, JsonCodec, JsonItems, JsonLimits, Value};
use traitwire::idl::{Method, json};
use traitwire::{Code, RpcError};

use crate::connection::{Policy, client_of_method, close, connect};
use crate::failure::{Failure, MAX_SIZE, Outcome, is_too_large};
use crate::interrupt::interrupt;
use crate::output;

/// Calls a method.
#[derive(Debug, Args)]
#[command(after_help = "\
Items of a stream that the method takes are read from standard input, one JSON value a line. A result, or each item of \
a stream of them, is printed on one line. An interrupt (Ctrl-C) cancels the call.")]
pub(crate) struct Call {
    /// Where the peer is, such as unix:/run/app.sock or tcp://127.0.0.1:7000
    address: String,
    /// The method
    #[arg(value_name = "SERVICE.METHOD")]
    target: String,
    /// The arguments as JSON: an object by their names, or an array in their order; - reads standard input, @FILE a
    /// file
    #[arg(
        value_name = "ARGUMENTS",
        default_value = "{}",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    arguments: String,
    #[command(flatten)]
    policy: Policy,
    /// How large arguments, a result or an item may become as JSON in memory, such as 1GiB [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<usize>,
    /// Print results over several lines
    #[arg(long)]
    pretty: bool,
}

impl Call {
    pub(crate) async fn run(self) -> Outcome {
        let mut interrupt = pin!(interrupt());
        let begun = async {
            let arguments = read_arguments(&self.arguments, self.limits()).await?;
            Outcome::Ok((arguments, connect(&self.address, self.policy.timeout).await?))
        };
        let (arguments, channel) = tokio::select! {
            begun = begun => begun?,
            () = &mut interrupt => return Err(Failure::Interrupted),
        };
        let made = tokio::select! {
            made = self.make(&channel, &arguments) => made,
            () = interrupt => Err(Failure::Interrupted),
        };
        close([channel]).await;
        made
    }

    fn limits(&self) -> JsonLimits {
        let limits = JsonLimits::default();
        self.max_size.map_or(limits, |size| limits.with_max_size(size))
    }

    async fn make(&self, channel: &traitwire::Channel, arguments: &Value) -> Outcome {
        let (client, name) = client_of_method(channel, &self.target, &self.policy).await?;
        let method = client.interface().methods.iter().find(|method| method.name == name);
        let Some(method) = method else { return Ok(()) };
        let limits = self.limits();
        let codec = JsonCodec::new(&client.interface().types).with_limits(limits);
        // What is given is checked before it is handed over, so that a peer's refusal is not taken for one of these.
        codec.encode_arguments(method, arguments).map_err(|error| {
            let error = RpcError::new(Code::InvalidArgument, error.to_string());
            Failure::Given(error.with_method(&self.target).with_address(channel.endpoint()))
        })?;
        let wrong_item = Arc::new(AtomicBool::new(false));
        let client = client.with_limits(limits);
        let items = self.items(&client, method, limits, &wrong_item)?;
        let made = match method.stream {
            true => self.print_all(&client, method, arguments, items).await,
            false => match client.call(&method.name, arguments, items).await {
                Ok(_) if method.oneway => Ok(()),
                Ok(value) => Ok(output::print(&output::text(&value, self.pretty))?),
                Err(error) => Err(error.into()),
            },
        };
        made.map_err(|failure| match failure {
            Failure::Call(error) if wrong_item.load(Ordering::Relaxed) => Failure::Given(error),
            failure => failure,
        })
    }

    async fn print_all(
        &self,
        client: &JsonClient,
        method: &Method,
        arguments: &Value,
        items: Option<JsonItems>,
    ) -> Outcome {
        let mut results = client.stream(&method.name, arguments, items)?;
        while let Some(item) = results.next().await {
            output::print(&output::text(&item?, self.pretty))?;
        }
        Ok(())
    }

    /// The method's argument stream, if it takes one: lines of standard input. `wrong` will say whether one of them was
    /// no item.
    fn items(
        &self,
        client: &JsonClient,
        method: &Method,
        limits: JsonLimits,
        wrong: &Arc<AtomicBool>,
    ) -> Outcome<Option<JsonItems>> {
        let Some(argument) = method.arguments.iter().find(|argument| argument.stream) else {
            return Ok(None);
        };
        if self.arguments == "-" {
            return Err(Failure::usage(
                "standard input is for the items of the stream that the method takes",
                "give the arguments on the command line, or as @FILE",
            ));
        }
        let lines = FramedRead::new(tokio::io::stdin(), LinesCodec::new_with_max_length(limits.max_size));
        let (client, ty, wrong) = (client.clone(), argument.ty.clone(), Arc::clone(wrong));
        let item = move |line: &str| {
            let value = json::parse(line, limits)
                .map_err(|error| format!("{} at column {}", unread(&error), error.column()))?;
            let codec = JsonCodec::new(&client.interface().types).with_limits(limits);
            let encoded = codec.encode(&ty, &value);
            encoded.map_or_else(|error| Err(format!("is no item: {error}")), |_| Ok(value))
        };
        let mut number = 0_u64;
        let items = lines.filter_map(move |line| {
            number += 1;
            let item = match line {
                Ok(line) if line.trim().is_empty() => return None,
                Ok(line) => item(&line),
                Err(LinesCodecError::MaxLineLengthExceeded) => Err(too_large(limits.max_size)),
                Err(LinesCodecError::Io(error)) => Err(format!("cannot be read: {error}")),
            };
            Some(item.map_err(|why| {
                wrong.store(true, Ordering::Relaxed);
                RpcError::new(Code::InvalidArgument, format!("line {number} of standard input {why}"))
            }))
        });
        Ok(Some(Box::pin(items)))
    }
}

/// A number of bytes, as in the options of an address.
fn size(text: &str) -> Result<usize, String> {
    let bytes = text.parse::<bytesize::ByteSize>().ok();
    let size = bytes.and_then(|bytes| usize::try_from(bytes.as_u64()).ok());
    size.ok_or_else(|| "expected a number of bytes, such as 4096, 64KiB, 512MiB or 1GiB".to_owned())
}

/// Arguments as they are given: here, on standard input or in a file.
pub(crate) async fn read_arguments(given: &str, limits: JsonLimits) -> Outcome<Value> {
    let most = limits.max_size;
    let (text, place) = match (given, given.strip_prefix('@')) {
        ("-", _) => (read(tokio::io::stdin(), most).await, "standard input"),
        (_, Some(file)) => match tokio::fs::File::open(file).await {
            Ok(opened) => (read(opened, most).await, file),
            Err(error) => (Err(format!("cannot be read: {error}")), file),
        },
        _ => (Ok(given.to_owned()), "what is given as arguments"),
    };
    let text = text.map_err(|why| {
        let help = match is_too_large(&why) {
            true => MAX_SIZE,
            false => "JSON comes from standard input for -, and from a file for @FILE",
        };
        Failure::usage(format!("{place} {why}"), help)
    })?;
    json::parse(&text, limits).map_err(|error| {
        let why = unread(&error);
        let help = match is_too_large(&why) {
            true => MAX_SIZE,
            false => {
                r#"write an object by the arguments' names, such as '{"a":1}', or an array in their order"#
            }
        };
        Failure::usage(format!("{place} {why} at line {} column {}", error.line(), error.column()), help)
    })
}

async fn read(source: impl AsyncRead + Unpin, most: usize) -> Result<String, String> {
    let mut text = String::new();
    let read = source.take((most as u64).saturating_add(1)).read_to_string(&mut text).await;
    match read {
        Ok(_) if text.len() > most => Err(too_large(most)),
        Ok(_) => Ok(text),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

fn too_large(most: usize) -> String {
    format!("has more than {} (max_size)", bytesize::ByteSize(most as u64))
}

/// What is wrong with a text, without the place.
fn unread(error: &serde_json::Error) -> String {
    // A key that comes twice is JSON all the same.
    let what = if error.is_data() { "cannot be read" } else { "is not JSON" };
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    format!("{what}: {}", said.strip_suffix(&place).unwrap_or(&said))
}
