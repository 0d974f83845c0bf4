//! Threads and tasks that have to run as long as the process does. Nobody calls them again when they are gone, so their end is
//! told: a server without its writer, or that accepts nobody, had better end and be started again.
//!
//! Each of them keeps a panic of one job to that job; what is told here is what nobody foresaw.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use tokio::sync::watch;

/// Starts what has to run for ever. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Supervisor {
    ended: Arc<watch::Sender<Option<&'static str>>>,
}

/// Belongs to one part; that it is dropped is that part's end, however it came.
#[derive(Debug)]
struct Vital {
    part: &'static str,
    ended: Arc<watch::Sender<Option<&'static str>>>,
}

impl Drop for Vital {
    fn drop(&mut self) {
        self.ended.send_if_modified(|first| first.replace(first.unwrap_or(self.part)).is_none());
    }
}

impl Default for Supervisor {
    fn default() -> Self {
        Self { ended: Arc::new(watch::Sender::new(None)) }
    }
}

impl Supervisor {
    /// Starts a thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn thread(
        &self,
        part: &'static str,
        run: impl FnOnce() + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        let vital = self.vital(part);
        Builder::new().name(part.to_owned()).spawn(move || {
            let _vital = vital;
            run();
        })
    }

    /// Starts a task on the runtime that this is called on.
    pub fn task(
        &self,
        part: &'static str,
        run: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        let vital = self.vital(part);
        tokio::spawn(async move {
            let _vital = vital;
            run.await;
        })
    }

    /// Waits until a part has ended, and returns which was the first. Whoever stops them in order no longer asks.
    pub async fn first_end(&self) -> &'static str {
        let mut ended = self.ended.subscribe();
        // The sender is this one's own, so it is not gone.
        let first = ended.wait_for(Option::is_some).await.ok().and_then(|first| *first);
        first.unwrap_or_default()
    }

    fn vital(&self, part: &'static str) -> Vital {
        Vital { part, ended: self.ended.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn the_first_part_that_ends_is_told_however_it_ends() {
        let supervisor = Supervisor::default();
        supervisor.task("for ever", std::future::pending());
        let told = timeout(Duration::from_millis(20), supervisor.first_end()).await;
        assert!(told.is_err(), "nothing has ended: {told:?}");
        supervisor.task("task", async { panic!("injected") });
        assert_eq!(supervisor.first_end().await, "task");
        supervisor.thread("thread", || {}).unwrap().join().unwrap();
        assert_eq!(supervisor.first_end().await, "task");

        let of_threads = Supervisor::default();
        assert!(of_threads.thread("thread", || panic!("injected")).unwrap().join().is_err());
        assert_eq!(of_threads.first_end().await, "thread");
    }
}
