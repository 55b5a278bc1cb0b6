//! The path of a dentry, as names from the file up to the root of its file system.

use nfsgrace_ebpf::{COMPONENT_LEN, FirstDelay, PATH_CUT, PATH_DEPTH, PATH_LEN};

use crate::{maps::layout, read};

/// Writes the names above each other into `to.path`.
///
/// The length so far is kept in the message: there the verifier takes it for any number, and need not follow each.
///
/// # Safety
///
/// `to` must be valid for writes, and its `path_len` zero.
#[inline(always)]
pub unsafe fn names(mut dentry: u64, to: *mut FirstDelay) {
    const LAST_START: u32 = (PATH_LEN - COMPONENT_LEN) as u32;
    let layout = layout();
    // SAFETY: the caller vouches for `to`.
    let (len, path) = unsafe { (&raw mut (*to).path_len, (&raw mut (*to).path).cast::<u8>()) };
    for _ in 0..PATH_DEPTH {
        let Some(parent) = read::field::<u64>(dentry, layout.dentry_parent) else { break };
        if parent == dentry {
            return;
        }
        let Some(name) = read::field::<u64>(dentry, layout.dentry_name) else { break };
        // SAFETY: as above.
        let used = unsafe { len.read_volatile() };
        if used > LAST_START {
            break;
        }
        // SAFETY: `used` leaves room for one component.
        let copied = unsafe { read::string(name, path.add(used as usize), COMPONENT_LEN as u32) };
        if copied == 0 {
            break;
        }
        // SAFETY: as above.
        unsafe { len.write_volatile(used + copied) };
        dentry = parent;
    }
    // SAFETY: as above.
    unsafe { len.write_volatile(len.read_volatile() | PATH_CUT) };
}
