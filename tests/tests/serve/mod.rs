//! Our server on a port of the loopback.

use std::net::SocketAddr;

use ropewalk_core::app::{Context, Protocol};
use ropewalk_core::net::Connection;
use tokio::net::TcpListener;

/// Serves connections until the runtime ends.
pub(crate) async fn listening(server: impl Protocol, context: &Context) -> SocketAddr {
    let server = server.boxed();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let inner = context.clone();
    let accepting = context.spawn(async move {
        loop {
            let conn = Connection::tcp(listener.accept().await.unwrap().0).unwrap();
            let (server, cx) = (server.clone(), inner.child(inner.span().clone()));
            // How a connection ended for the server is not judged.
            inner.spawn(async move { drop(server.serve(conn, cx).await) }).detach();
        }
    });
    accepting.detach();
    address
}
