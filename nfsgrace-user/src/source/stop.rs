//! Telling sources to end.

use tokio::sync::watch;

/// Tells all that listen.
#[derive(Debug, Default)]
pub(super) struct Stop(watch::Sender<bool>);

/// Listens to a [`Stop`].
#[derive(Debug)]
pub(super) struct Stopped(watch::Receiver<bool>);

impl Stop {
    pub(super) fn listen(&self) -> Stopped {
        Stopped(self.0.subscribe())
    }

    pub(super) fn tell(&self) {
        self.0.send_replace(true);
    }
}

impl Stopped {
    /// Returns when it was told, or nobody is left who could.
    pub(super) async fn told(&mut self) {
        let _ = self.0.wait_for(|told| *told).await;
    }
}
