//! Reads what `lab-relay` noted: nfsgrace's output, and when each line came.

/// One line that nfsgrace printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// When it came, `CLOCK_BOOTTIME`, nanoseconds.
    pub at_ns: u64,
    /// The line.
    pub text: String,
}

/// All lines.
pub fn read(text: &str) -> Vec<Printed> {
    let parse = |line: &str| {
        let (stamp, text) = line.split_once(' ')?;
        Some(Printed { at_ns: stamp.parse().ok()?, text: text.to_owned() })
    };
    text.lines().filter_map(parse).collect()
}

/// When the verdict `id` was first printed, not before `from_ns`.
pub fn verdict(lines: &[Printed], id: &str, from_ns: u64) -> Option<u64> {
    let is_verdict = |line: &&Printed| {
        let mut words = line.text.split_whitespace().skip_while(|word| *word != "VERDICT").skip(1);
        line.at_ns >= from_ns && words.next() == Some(id)
    };
    lines.iter().find(is_verdict).map(|line| line.at_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_counts_from_the_line_that_says_so() {
        let lines = read(
            "5 watching\n10    8.3 ━━ VERDICT nfsdcld-not-running | rpc-pipefs-missing\n\
             20    9.1 ━━ VERDICT nfsdcld-not-running (certain, restart 2)\n",
        );
        assert_eq!(verdict(&lines, "nfsdcld-not-running", 0), Some(10));
        assert_eq!(verdict(&lines, "nfsdcld-not-running", 11), Some(20));
        assert_eq!(verdict(&lines, "healthy", 0), None);
    }
}
