use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// What is logged, for a test that looks at it: the writer of a `tracing_subscriber::fmt()` that is the default of the test's
/// thread.
#[derive(Clone, Debug)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// An empty one. From now on something listens to all that the process logs, if nothing did: otherwise what tests on
    /// other threads log at the same time, without a listener, could turn the same lines off for this test.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it changes the process")]
    pub fn new() -> Self {
        static LISTENS: Once = Once::new();
        // A listener that was there already does as well.
        LISTENS.call_once(|| drop(tracing::subscriber::set_global_default(tracing_subscriber::registry())));
        Self(Arc::default())
    }

    /// What was logged so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
