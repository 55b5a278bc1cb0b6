//! Decides whether a live view of several hosts told what it should.

use crate::lab::scenario::Verdict;

/// What is wrong with what it printed.
pub fn judge(printed: &str, expected: &[Verdict]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut must = |what: &str, there: bool| {
        if !there {
            complaints.push(format!("watched together: {what} is missing"));
        }
    };
    for verdict in expected.iter().filter(|verdict| !verdict.optional) {
        let said = format!("VERDICT {} (certain", verdict.id);
        must(&said, printed.contains(&said));
    }
    let lines = || printed.lines();
    // Only the server knows when its grace period ends: a client that counts down was told.
    must(
        "a client's countdown",
        lines().any(|line| line.starts_with("client ") && line.contains("/mnt/after")) && printed.contains("free in"),
    );
    must("what it cost", lines().any(|line| line.contains("on server (restart") && line.contains("cost 1 task")));
    must("a clock that is tied", printed.contains("accurate"));
    must("each refusal on both hosts", printed.contains("found on both hosts, 0 on the client only"));
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let verdict = Verdict { id: "nfsdcld-not-running".to_owned(), one_of_several: true, optional: false };
        assert_eq!(judge("", std::slice::from_ref(&verdict)).len(), 5);
        let good = "server 1.0 ━━ VERDICT nfsdcld-not-running (certain, restart 2)\n\
                    client 2.0 lab-open (pid 1) /mnt/after: NFS4ERR_GRACE (10013); free in 9 s\n\
                    nfsdcld-not-running on server (restart 2) cost 1 task on 1 host: 13.2 task-seconds\n\
                    client accurate 1 ms\nRefused requests: 7 found on both hosts, 0 on the client only.\n";
        assert_eq!(judge(good, &[verdict]), [""; 0]);
    }
}
