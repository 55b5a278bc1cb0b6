//! Reads what `lab-open` measured.

/// One open(2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Thread id.
    pub tid: u32,
    /// `CLOCK_BOOTTIME` before it, nanoseconds.
    pub start_ns: u64,
    /// The same after it.
    pub end_ns: u64,
    /// Zero, or why it failed.
    pub errno: i32,
    /// What was opened.
    pub path: String,
}

impl Open {
    /// How long it took, nanoseconds.
    pub fn took_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    /// `pid tid start_ns end_ns errno path`
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(6, ' ');
        let _pid = words.next()?;
        Some(Self {
            tid: words.next()?.parse().ok()?,
            start_ns: words.next()?.parse().ok()?,
            end_ns: words.next()?.parse().ok()?,
            errno: words.next()?.parse().ok()?,
            path: words.next()?.to_owned(),
        })
    }
}

/// All opens of a run.
pub fn read(text: &str) -> Vec<Open> {
    text.lines().filter_map(Open::parse).collect()
}
