//! What numbers and kinds are called in the field.

use std::time::Duration;

use super::{Stamp, Tracker};

/// A duration with its unit: `85 µs`, `1.2 ms`, `104 ms`, `1.039 s`, `101.915 s`.
#[must_use]
pub fn span_text(duration: Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{:.1} ms", duration.as_secs_f64() * 1e3),
        10_000..1_000_000 => format!("{} ms", duration.as_millis()),
        _ => format!("{:.3} s", duration.as_secs_f64()),
    }
}

/// A moment, in seconds of the session's clock: `44.734`.
#[must_use]
pub fn moment_text(at: Stamp) -> String {
    format!("{}.{:03}", at.0 / 1_000_000_000, at.0 % 1_000_000_000 / 1_000_000)
}

/// The function of a stack frame: `nfsd4_open+0x1b [nfsd]` is `nfsd4_open`. `None` for the kernel's own trampolines, which
/// stand where a probed function was entered and say nothing of the way there.
#[must_use]
pub fn frame_function(frame: &str) -> Option<&str> {
    let name = frame.split(['+', ' ']).next()?;
    (!name.is_empty() && !name.contains("trampoline")).then_some(name)
}

impl Tracker {
    /// The kernel function that sets it up.
    #[must_use]
    pub fn init_function(self) -> &'static str {
        match self {
            Self::Cld => "nfsd4_cld_tracking_init",
            Self::CldV0 => "nfsd4_init_cld_pipe",
            Self::Umh => "nfsd4_umh_cltrack_init",
            Self::Legacy => "nfsd4_legacy_tracking_init",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_its_function() {
        let frames = ["ksys_write+0x6b", "nfsd_svc+0x1ac [nfsd]", "nfs4_do_open", "kretprobe_trampoline+0x0", ""];
        let functions: Vec<_> = frames.into_iter().filter_map(frame_function).collect();
        assert_eq!(functions, ["ksys_write", "nfsd_svc", "nfs4_do_open"]);
    }
}
