//! What a guest prints on its first serial line: kernel messages, and single words from its init.

/// Lines with one of these end a machine: it will not recover.
const CRASHES: [&str; 7] = [
    "Kernel panic",
    "BUG: ",
    "Oops: ",
    "rcu_sched self-detected stall",
    "rcu_preempt self-detected stall",
    "detected stalls on CPUs",
    "not syncing",
];

/// Printed by init (`xtask/lab/init`) when all is done and saved.
const DONE: &str = "lab: done";
/// Printed by init every few seconds, so that silence means a hang.
const ALIVE: &str = "lab: alive";

/// A guest's console.
#[derive(Debug, Default)]
pub struct Console {
    text: String,
    line: Vec<u8>,
    done: bool,
    crash: Option<String>,
}

impl Console {
    /// Takes what was printed.
    pub fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.line_ended(&String::from_utf8_lossy(&line));
            } else {
                self.line.push(byte);
            }
        }
    }

    /// All lines so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether init has finished.
    pub fn done(&self) -> bool {
        self.done
    }

    /// The line that says that the kernel crashed.
    pub fn crash(&self) -> Option<String> {
        self.crash.clone()
    }

    fn line_ended(&mut self, line: &str) {
        let line = line.trim_end_matches('\r');
        if line == ALIVE {
            return;
        }
        self.done |= line.contains(DONE);
        if self.crash.is_none() && CRASHES.iter().any(|marker| line.contains(marker)) {
            self.crash = Some(line.to_owned());
        }
        self.text.push_str(line);
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_noticed_and_heartbeats_are_not_kept() {
        let mut console = Console::default();
        console.write(b"[    1.0] hello\r\nlab: alive\r\nlab: do");
        console.write(b"ing 6.18\n[    2.0] Kernel panic - not syncing: Attempted to kill init!\n");
        assert!(!console.done());
        assert_eq!(console.crash().as_deref(), Some("[    2.0] Kernel panic - not syncing: Attempted to kill init!"));
        assert!(!console.text().contains("alive"));
    }
}
