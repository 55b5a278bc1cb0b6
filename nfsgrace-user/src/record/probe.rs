//! What each hook came to on the recording kernel: the rows of a session's header.

use serde::{Deserialize, Deserializer, Serialize};

use super::word::{Word, vocabulary};

vocabulary! {
    /// A hook: an event that the timelines are made of, by the name of the kernel function where it is seen best.
    ///
    /// `probe::hook` tells where else each can be seen; the prototypes are there.
    HookId {
        StateStart = "nfs4_state_start_net",
        TrackingInit = "nfsd4_client_tracking_init",
        CldInit = "nfsd4_cld_tracking_init",
        CldRunning = "cld_running",
        CldV0Init = "nfsd4_init_cld_pipe",
        LegacyMethods = "check_for_legacy_methods",
        UmhInit = "nfsd4_umh_cltrack_init",
        LegacyInit = "nfsd4_legacy_tracking_init",
        ClientToReclaim = "nfs4_client_to_reclaim",
        GraceStart = "locks_start_grace",
        StateInGrace = "__state_in_grace",
        Open = "nfsd4_open",
        Lock = "nfsd4_lock",
        Remove = "nfsd4_remove",
        Rename = "nfsd4_rename",
        SetclientidConfirm = "nfsd4_setclientid_confirm",
        CreateSession = "nfsd4_create_session",
        ReclaimComplete = "nfsd4_reclaim_complete",
        EndGraceWrite = "write_v4_end_grace",
        Laundromat = "laundromat_main",
        GraceEnd = "locks_end_grace",
        StateShutdown = "nfs4_state_shutdown_net",
        AtomicOpen = "nfs_atomic_open",
        FileOpen = "nfs4_file_open",
        DoOpen = "nfs4_do_open",
        RunOpenTask = "nfs4_run_open_task",
        XdrStatus = "nfs4_xdr_status",
        OpenDone = "nfs4_open_done",
        HandleException = "nfs4_handle_exception",
        Delay = "nfs4_delay",
    }
}

vocabulary! {
    /// How far a hook got.
    ProbeStatus {
        /// It is probed, or will be within moments.
        Attached = "attached",
        /// It can be probed; nobody has asked for that yet.
        Ready = "ready",
        /// It will be probed when its module is loaded.
        Waiting = "waiting",
        /// What it would make up for is known without it.
        NotNeeded = "not_needed",
        /// It cannot be probed.
        Missing = "missing",
    }
}

vocabulary! {
    /// Why a hook is not probed, or not where it is seen best.
    Absence {
        /// The compiler inlined the function: it is in no symbol table, though its module is there.
        Inlined = "inlined",
        /// The compiler renamed the function, and may have changed its arguments.
        Renamed = "renamed",
        /// The kernel was built without it, on purpose: nothing is lost.
        NotBuilt = "not_built",
        /// Its module is not loaded yet.
        NotLoaded = "not_loaded",
        /// Its module is not there, and this kernel loads none.
        ModuleMissing = "module_missing",
        /// The kernel lets nobody probe the function.
        NotTraceable = "not_traceable",
        /// Several functions have the name.
        NotUnique = "not_unique",
        /// The kernel has no such trace event.
        NoEvent = "no_event",
        /// The symbol table cannot be read.
        NoPrivilege = "no_privilege",
        /// The kernel refused the probe.
        Refused = "refused",
    }
}

/// What one hook came to on the recording kernel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeRow {
    /// The hook.
    pub hook: Word<HookId>,
    /// Kernel symbols or trace events chosen, with spaces between; empty when none could be.
    pub symbol: String,
    /// How they are attached (`kprobe`, `kretprobe`, `tracepoint`), with spaces between.
    pub method: String,
    /// How that went.
    pub status: Word<ProbeStatus>,
    /// Why it is not probed; `None` where it is, or where an old recording does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absence: Option<Word<Absence>>,
    /// Why these symbols, or why none, in words.
    pub why: String,
    /// What cannot be seen without it; empty when nothing is lost.
    pub lost: String,
}

impl ProbeRow {
    /// Whether something may have happened that could not be seen, for want of this hook. What a kernel was built
    /// without did not happen.
    #[must_use]
    pub fn leaves_gap(&self) -> bool {
        self.status == ProbeStatus::Missing
            && self.absence.as_ref().is_none_or(|why| *why != Absence::NotBuilt)
            && !self.lost.is_empty()
    }
}

/// Reads the rows of a header, and fills in what an old one says in words only.
pub(super) fn rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ProbeRow>, D::Error> {
    let mut rows = Vec::<ProbeRow>::deserialize(deserializer)?;
    for ProbeRow { status, absence, why, .. } in &mut rows {
        *absence = absence.take().or_else(|| from_words(status, why).map(Word::from));
    }
    Ok(rows)
}

/// Why a hook is not probed, in a recording from before there was a field for it: as far as it matters to a verdict.
fn from_words(status: &Word<ProbeStatus>, why: &str) -> Option<Absence> {
    match status.known()? {
        ProbeStatus::Waiting => Some(Absence::NotLoaded),
        ProbeStatus::Missing if why.contains("not built") => Some(Absence::NotBuilt),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str) -> ProbeRow {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let mut rows = rows(&mut deserializer).expect("rows");
        rows.pop().expect("a row")
    }

    #[test]
    fn an_old_recording_tells_what_its_kernel_was_built_without() {
        let words = "nfsd4_umh_cltrack_init: not built into this kernel (CONFIG_NFSD_LEGACY_CLIENT_TRACKING)";
        let old = |why: &str| {
            row(&format!(
                r#"[{{"hook":"nfsd4_umh_cltrack_init","status":"missing","why":"{why}","lost":"the attempt"}}]"#
            ))
        };
        assert_eq!(old(words).absence, Some(Word::Known(Absence::NotBuilt)));
        assert!(!old(words).leaves_gap());
        assert_eq!(old("nfsd4_umh_cltrack_init: inlined").absence, None);
        assert!(old("nfsd4_umh_cltrack_init: inlined").leaves_gap());
    }

    #[test]
    fn what_the_field_says_is_believed_rather_than_the_words() {
        let row = row(r#"[{"hook":"nfsd4_lock","status":"missing","absence":"refused",
                          "why":"not built into this kernel","lost":"which LOCKs were refused"}]"#);
        assert_eq!(row.absence, Some(Word::Known(Absence::Refused)));
        assert!(row.leaves_gap());
    }

    #[test]
    fn words_of_a_newer_program_are_kept() {
        let text = r#"{"hook":"nfsd4_clone","symbol":"","method":"","status":"postponed","absence":"too_busy","why":"","lost":""}"#;
        let row = row(&format!("[{text}]"));
        assert_eq!(row.hook, Word::Newer("nfsd4_clone".into()));
        assert!(!row.leaves_gap());
        assert_eq!(serde_json::to_string(&row).expect("written"), text);
    }
}
