//! An echo round trip over a connection in memory, and how fast TCP connections are accepted.
#![expect(clippy::unwrap_used, reason = "a benchmark that fails should say so at once")]

use criterion::{Criterion, criterion_group, criterion_main};
use ropewalk_core::net::{Connection, Endpoint, Transport as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn round_trip(c: &mut Criterion) {
    let runtime = runtime();
    let (mut near, mut far) = Connection::pair();
    let mut octets = [0; 64];
    c.bench_function("connection/pair/echo 64 octets", |b| {
        b.iter(|| {
            runtime.block_on(async {
                far.write_all(&[1; 64]).await.unwrap();
                near.read_exact(&mut octets).await.unwrap();
                near.write_all(&octets).await.unwrap();
                far.read_exact(&mut octets).await.unwrap();
            });
        });
    });
}

fn accept(c: &mut Criterion) {
    let runtime = runtime();
    let (listener, to) = runtime.block_on(async {
        let endpoint: Endpoint = "tcp:0:interface=127.0.0.1".parse().unwrap();
        let bound = endpoint.claim().unwrap();
        let to: std::net::SocketAddr = bound.local().first().unwrap().to_string().parse().unwrap();
        (bound.listen().unwrap(), to)
    });
    c.bench_function("connection/tcp/connect, accept, reset", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let client = tokio::net::TcpStream::connect(to).await.unwrap();
                let conn = listener.accept().await.unwrap().establish().await.unwrap();
                // A reset leaves no TIME_WAIT behind, so that the ports last.
                conn.abort();
                drop(client);
            });
        });
    });
}

criterion_group!(benches, round_trip, accept);
criterion_main!(benches);
