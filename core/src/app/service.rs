use std::pin::Pin;

use super::{Context, Prepare};
use crate::Result;

/// Something that runs until it is told to stop.
///
/// Its life: built without side effects, prepared (sockets, keys) while the process may still be root, run
/// after privileges are dropped, stopped. `run` calls [`Context::ready`] when it serves, and returns soon after
/// [`Context::stopping`] comes. If it returns earlier, or fails, its group runs it again.
pub trait Service: Send + Sync + 'static {
    /// Claims sockets and reads keys. Called once, before the runtime starts: it may block.
    ///
    /// # Errors
    /// What cannot be had: the application then does not start, or a reload changes nothing.
    fn prepare(&mut self, _prepare: &mut Prepare<'_>) -> Result<()> {
        Ok(())
    }

    /// Runs until told to stop. May be called again after it has failed.
    fn run(&self, cx: Context) -> impl Future<Output = Result<()>> + Send;

    /// This service as a value of one type, whatever it is.
    fn boxed(self) -> BoxService
    where
        Self: Sized,
    {
        BoxService(Box::new(self))
    }
}

/// Any [`Service`].
pub struct BoxService(Box<dyn DynService>);

type Running<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

trait DynService: Send + Sync {
    fn prepare(&mut self, prepare: &mut Prepare<'_>) -> Result<()>;
    fn run(&self, cx: Context) -> Running<'_>;
}

impl<S: Service> DynService for S {
    fn prepare(&mut self, prepare: &mut Prepare<'_>) -> Result<()> {
        Service::prepare(self, prepare)
    }

    fn run(&self, cx: Context) -> Running<'_> {
        Box::pin(Service::run(self, cx))
    }
}

impl Service for BoxService {
    fn prepare(&mut self, prepare: &mut Prepare<'_>) -> Result<()> {
        self.0.prepare(prepare)
    }

    fn run(&self, cx: Context) -> impl Future<Output = Result<()>> + Send {
        self.0.run(cx)
    }

    fn boxed(self) -> BoxService {
        self
    }
}
