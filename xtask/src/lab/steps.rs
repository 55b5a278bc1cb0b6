//! The steps of scenarios, and where scenarios that begin alike part.
//!
//! Scenarios that begin with the same steps share a guest until they part. It stops there, a snapshot is taken, and each goes
//! on from that.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

/// Room for a script in a guest. All scripts are this long: a guest that goes on from a snapshot does not look again.
const SCRIPT_BYTES: usize = 8 << 10;
/// Between two parts of a script; the guest stops there (`xtask/lab/steps.sh`).
const STOP: &str = "# stop";
/// Lines that end what an earlier line began.
const CLOSING: [&str; 7] = ["}", ")", "fi", "done", "esac", "else", "elif"];

/// What happens in a guest: shell commands, one after the other in one shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps(Vec<String>);

impl Steps {
    /// A step is a line at the left margin, with the indented lines that follow it. Comments are left out.
    pub fn parse(text: &str) -> Self {
        let mut steps: Vec<String> = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
            let first_word = line.split([' ', ';']).next().unwrap_or_default();
            let goes_on = line.starts_with(char::is_whitespace) || CLOSING.contains(&first_word);
            match steps.last_mut().filter(|_| goes_on) {
                Some(step) => *step += &format!("\n{line}"),
                None => steps.push(line.to_owned()),
            }
        }
        Self(steps)
    }

    /// How many steps both begin with.
    pub fn shared_with(&self, other: &Self) -> usize {
        self.0.iter().zip(&other.0).take_while(|(ours, theirs)| ours == theirs).count()
    }

    /// After how many of these steps one of the others parts.
    pub fn partings<'a>(&self, others: impl IntoIterator<Item = &'a Self>) -> BTreeSet<usize> {
        others.into_iter().map(|other| self.shared_with(other)).collect()
    }

    /// For a guest, which stops after so many steps.
    ///
    /// # Errors
    ///
    /// When there are too many steps.
    pub fn script(&self, stops: &BTreeSet<usize>) -> Result<Vec<u8>> {
        let mut script = String::new();
        for (number, step) in self.0.iter().enumerate() {
            if stops.contains(&number) {
                script += &format!("{STOP}\n");
            }
            script += &format!("{step}\n");
        }
        ensure!(script.len() <= SCRIPT_BYTES, "the steps are longer than {SCRIPT_BYTES} bytes");
        let mut script = script.into_bytes();
        script.resize(SCRIPT_BYTES, b'\n');
        Ok(script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMON: &str = "# about: x\n\nserver_start\nmount_nfs\nwatch_start\n";

    fn steps(text: &str) -> Steps {
        Steps::parse(&format!("{COMMON}{text}"))
    }

    #[test]
    fn a_step_is_a_line_with_what_belongs_to_it() {
        let steps = Steps::parse("# about: x\nfor file in a b; do\n  open_file $file\n  # why\ndone\n\nwatch_stop\n");
        assert_eq!(steps.0, ["for file in a b; do\n  open_file $file\ndone", "watch_stop"]);
    }

    #[test]
    fn scenarios_share_what_they_begin_with() {
        let [one, other, third] = [steps("server_restart\n"), steps("server_stop\n"), Steps::parse("server_start\n")];
        assert_eq!((one.shared_with(&other), one.shared_with(&third), one.shared_with(&one)), (3, 1, 4));
        assert_eq!(one.partings([&other, &third]), BTreeSet::from([1, 3]));
    }

    #[test]
    fn a_script_has_marks_where_the_guest_stops_and_one_length() {
        let script = steps("watch_stop\n").script(&BTreeSet::from([0, 3])).expect("it is short");
        let text = String::from_utf8(script).expect("it is text");
        assert_eq!(text.trim_end(), "# stop\nserver_start\nmount_nfs\nwatch_start\n# stop\nwatch_stop");
        assert_eq!(text.len(), SCRIPT_BYTES);
        assert!(steps(&"say x\n".repeat(SCRIPT_BYTES)).script(&BTreeSet::new()).is_err());
    }
}
