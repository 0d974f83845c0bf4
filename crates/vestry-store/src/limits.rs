//! How much of the machine the store may use.

/// How much of the machine the store may use.
#[derive(Debug, Clone, Copy)]
pub struct StoreLimits {
    /// Threads that read, and as many connections again for looking up; more reads wait.
    pub readers_max: u32,
    /// Writes that wait for the writer thread; more wait to be queued.
    pub writes_queued_max: usize,
    /// Writes that share a transaction, and so an fsync. More save no more fsyncs worth having, and keep the first
    /// caller waiting; 1 is what the benchmark compares with.
    pub writes_a_transaction_max: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { readers_max: 4, writes_queued_max: 1024, writes_a_transaction_max: 256 }
    }
}
