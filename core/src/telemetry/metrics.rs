use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Defines a set of labels: names that are known when the program is built, so that no peer can make series.
macro_rules! labels {
    ($name:ident { $($label:ident),+ }) => {
        #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
        struct $name { $($label: &'static str),+ }
    };
}
labels!(Active_ { proto, tls });
labels!(Connections { proto, result });
labels!(Auth { proto, mech, result });
labels!(Commands { proto, command, result });
labels!(Durations { proto, command });
labels!(Bytes { proto, dir });
labels!(LimitsHit { proto, limit });
labels!(Errors { proto, class });
labels!(Offences { offence });

/// The counters of an application: the same eight for every protocol.
///
/// Labels are names known when the program was built, never what a peer sent. Clones count together.
#[derive(Clone)]
pub struct Metrics {
    active: Family<Active_, Gauge>,
    connections: Family<Connections, Counter>,
    auth: Family<Auth, Counter>,
    commands: Family<Commands, Counter>,
    durations: Family<Durations, Histogram, fn() -> Histogram>,
    bytes: Family<Bytes, Counter>,
    limits: Family<LimitsHit, Counter>,
    errors: Family<Errors, Counter>,
    offences: Family<Offences, Counter>,
}

/// From a tenth of a millisecond to about 13 seconds.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 3.0, 12))
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            active: Family::default(),
            connections: Family::default(),
            auth: Family::default(),
            commands: Family::default(),
            durations: Family::new_with_constructor(durations),
            bytes: Family::default(),
            limits: Family::default(),
            errors: Family::default(),
            offences: Family::default(),
        }
    }
}

impl Metrics {
    /// A connection is open until the returned value is dropped.
    pub fn connection(&self, proto: &'static str, tls: bool) -> Active {
        let gauge = self.active.get_or_create_owned(&Active_ { proto, tls: if tls { "yes" } else { "no" } });
        gauge.inc();
        Active(gauge)
    }

    /// A connection has ended: `ok`, `peer`, `limit`, `local`, `refused` or `panic`.
    pub fn connection_ended(&self, proto: &'static str, result: &'static str) {
        self.connections.get_or_create(&Connections { proto, result }).inc();
    }

    /// Somebody tried to log in.
    pub fn auth(&self, proto: &'static str, mech: &'static str, result: &'static str) {
        self.auth.get_or_create(&Auth { proto, mech, result }).inc();
    }

    /// A command or request was answered. `command` is from the protocol's own table: `other` for what is not in it.
    pub fn command(&self, proto: &'static str, command: &'static str, result: &'static str, took: Duration) {
        self.commands.get_or_create(&Commands { proto, command, result }).inc();
        self.durations.get_or_create(&Durations { proto, command }).observe(took.as_secs_f64());
    }

    /// So many commands were answered whose time nobody took: too many for a look at the clock around each.
    pub fn commands(&self, proto: &'static str, command: &'static str, result: &'static str, count: u64) {
        self.commands.get_or_create(&Commands { proto, command, result }).inc_by(count);
    }

    /// The totals that connections of this protocol add their octets to.
    pub fn bytes(&self, proto: &'static str) -> ByteCounters {
        ByteCounters {
            read: self.bytes.get_or_create_owned(&Bytes { proto, dir: "in" }),
            written: self.bytes.get_or_create_owned(&Bytes { proto, dir: "out" }),
        }
    }

    /// A limit was reached.
    pub fn limit_hit(&self, proto: &'static str, limit: &'static str) {
        self.limits.get_or_create(&LimitsHit { proto, limit }).inc();
    }

    /// Something failed: `peer`, `limit`, `local`.
    pub fn error(&self, proto: &'static str, class: &'static str) {
        self.errors.get_or_create(&Errors { proto, class }).inc();
    }

    /// A peer did something that counts against it.
    pub fn offence(&self, offence: &'static str) {
        self.offences.get_or_create(&Offences { offence }).inc();
    }

    /// All of them as OpenMetrics text.
    pub fn render(&self) -> String {
        let mut registry = Registry::with_prefix("ropewalk");
        registry.register("connections_active", "Connections open now", self.active.clone());
        registry.register("connections", "Connections ended, by how", self.connections.clone());
        registry.register("auth_attempts", "Logins tried", self.auth.clone());
        registry.register("commands", "Commands and requests answered", self.commands.clone());
        registry.register("command_duration_seconds", "Time to answer", self.durations.clone());
        registry.register("bytes", "Octets inside TLS, by direction", self.bytes.clone());
        registry.register("limits_hit", "Limits reached", self.limits.clone());
        registry.register("errors", "Connections that failed, by whose fault", self.errors.clone());
        registry.register("offences", "What peers did that counts against them", self.offences.clone());
        let mut page = String::new();
        // Writing to a String does not fail.
        let _ = text::encode(&mut page, &registry);
        page
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// A connection counted as open.
#[derive(Debug)]
pub struct Active(Gauge);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The octets of all connections of one protocol. Clones count together.
#[derive(Clone, Debug)]
pub struct ByteCounters {
    read: Counter,
    written: Counter,
}

impl ByteCounters {
    /// Octets came in.
    pub fn read(&self, octets: u64) {
        self.read.inc_by(octets);
    }

    /// Octets went out.
    pub fn written(&self, octets: u64) {
        self.written.inc_by(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_eight_of_every_protocol() {
        let metrics = Metrics::default();
        let open = metrics.connection("http", true);
        metrics.connection_ended("http", "ok");
        metrics.auth("http", "basic", "ok");
        metrics.command("http", "GET", "2xx", Duration::from_millis(3));
        metrics.bytes("http").read(7);
        metrics.limit_hit("http", "idle");
        metrics.error("http", "peer");
        let page = metrics.render();
        for line in [
            "ropewalk_connections_active{proto=\"http\",tls=\"yes\"} 1",
            "ropewalk_connections_total{proto=\"http\",result=\"ok\"} 1",
            "ropewalk_auth_attempts_total{proto=\"http\",mech=\"basic\",result=\"ok\"} 1",
            "ropewalk_commands_total{proto=\"http\",command=\"GET\",result=\"2xx\"} 1",
            "ropewalk_command_duration_seconds_count{proto=\"http\",command=\"GET\"} 1",
            "ropewalk_bytes_total{proto=\"http\",dir=\"in\"} 7",
            "ropewalk_limits_hit_total{proto=\"http\",limit=\"idle\"} 1",
            "ropewalk_errors_total{proto=\"http\",class=\"peer\"} 1",
        ] {
            assert!(page.contains(line), "no {line} in\n{page}");
        }
        drop(open);
        assert!(metrics.render().contains("ropewalk_connections_active{proto=\"http\",tls=\"yes\"} 0"));
    }
}
