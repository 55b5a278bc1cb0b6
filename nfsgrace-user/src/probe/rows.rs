//! A plan, and how carrying it out went, as rows of a session's header.

use std::collections::{BTreeMap, BTreeSet};

use super::{At, Attachment, Plan, PlannedHook, Resolution};
use crate::record::{Absence, ProbeRow, ProbeStatus};

impl Plan {
    /// What can be probed: nothing is attached yet.
    #[must_use]
    pub fn rows(&self) -> Vec<ProbeRow> {
        self.hooks.iter().map(|it| it.row(ProbeStatus::Ready, None)).collect()
    }

    /// What is probed, now that all was tried; `refused` says of programs why the kernel does not run them.
    #[must_use]
    pub fn rows_carried_out(&self, refused: &BTreeMap<String, String>) -> Vec<ProbeRow> {
        let refusal =
            |it: &PlannedHook| it.attachments().iter().find_map(|attachment| refused.get(&attachment.program));
        self.hooks.iter().map(|it| it.row(ProbeStatus::Attached, refusal(it))).collect()
    }
}

impl PlannedHook {
    /// `status` is how far those got that nothing stands in the way of.
    fn row(&self, status: ProbeStatus, refusal: Option<&String>) -> ProbeRow {
        let (status, absence, why) = match (&self.resolution, refusal) {
            (_, Some(error)) => (ProbeStatus::Missing, Some(Absence::Refused), Some(error.clone())),
            (Resolution::Ready { inferred, .. }, None) => (status, None, inferred.map(str::to_owned)),
            (Resolution::Waiting { .. }, None) => {
                (ProbeStatus::Waiting, Some(Absence::NotLoaded), Some("its module is not loaded yet".to_owned()))
            }
            (Resolution::NotNeeded, None) => (ProbeStatus::NotNeeded, None, None),
            // The reason is that of the first one passed over.
            (Resolution::Missing(reason), None) => (ProbeStatus::Missing, Some(reason.absence()), None),
        };
        let passed_over = self.passed_over.iter().map(|(symbol, reason)| format!("{symbol}: {reason}"));
        let lost = status == ProbeStatus::Missing && absence != Some(Absence::NotBuilt);
        ProbeRow {
            hook: self.hook.id.into(),
            symbol: list(self.attachments(), Attachment::target),
            method: list(self.attachments(), |attachment| method(attachment).to_owned()),
            status: status.into(),
            absence: absence.map(Into::into),
            why: passed_over.chain(why).collect::<Vec<_>>().join("; "),
            lost: if lost { self.hook.lost.to_owned() } else { String::new() },
        }
    }
}

fn method(attachment: &Attachment) -> &'static str {
    match attachment.at {
        At::Entry => "kprobe",
        At::Return { .. } => "kretprobe",
        At::Event { .. } => "tracepoint",
    }
}

fn list(attachments: &[Attachment], of: impl Fn(&Attachment) -> String) -> String {
    let all: BTreeSet<String> = attachments.iter().map(of).collect();
    all.into_iter().collect::<Vec<_>>().join(" ")
}
