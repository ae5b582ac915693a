//! Where a connection begins: over the two halves of a wire, with its session, its handlers and the driver that
//! runs them. Never dials and never accepts.

use std::sync::Arc;

use crate::connection::Connection;
use crate::driver::{Driver, Looks, Reading};
use crate::handlers::Handlers;
use crate::options::{MAX_BUSY_POLL, Options};
use crate::proto::Session;
use crate::services::Services;
use crate::transport::Wire;

/// A connection over a wire on which `hello` is said first, and the driver that has to run for it to live.
pub(crate) fn open(
    wire: Wire,
    services: &Arc<Services>,
    options: Options,
    hello: &[u8],
) -> (Arc<Connection>, Driver) {
    let Wire { reader, writer, peer, epitaph, busy_poll, direct_read } = wire;
    let looks = || Looks::new(busy_poll.as_ref(), direct_read.as_ref());
    let limits = options.limits.clone();
    let longest_look = options.busy_poll.unwrap_or_default().min(MAX_BUSY_POLL);
    let session = Session::new(hello, options, crate::connection::now());
    let reading = Reading::new(reader, looks(), longest_look);
    let connection = Arc::new(Connection::new(session, peer, reading, writer, busy_poll.clone()));
    connection.home.set_connection(&connection);
    let handlers = Handlers::new(Arc::clone(services), Arc::clone(&connection), &limits);
    let driver = Driver::new(Arc::clone(&connection), handlers, epitaph, looks(), longest_look);
    (connection, driver)
}
