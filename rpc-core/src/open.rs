//! Where a connection begins: over the two halves of a wire, with its session, its handlers and the driver that
//! runs them. Never dials and never accepts.

use std::sync::Arc;

use crate::connection::Connection;
use crate::driver::{Driver, Reading};
use crate::handlers::Handlers;
use crate::options::Options;
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
    let Wire { reader, writer, peer, epitaph, busy_poll } = wire;
    let limits = options.limits.clone();
    let session = Session::new(hello, options, crate::connection::now());
    let reading = Reading::new(reader, busy_poll.clone());
    let connection = Arc::new(Connection::new(session, peer, reading, writer, busy_poll.clone()));
    connection.home.set_connection(&connection);
    let handlers = Handlers::new(Arc::clone(services), Arc::clone(&connection), &limits);
    let driver = Driver::new(Arc::clone(&connection), handlers, epitaph, busy_poll);
    (connection, driver)
}
