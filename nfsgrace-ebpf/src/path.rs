//! The path of a dentry, as names from the file up to the root of its file system.

use nfsgrace_ebpf::{COMPONENT_LEN, PATH_CUT, PATH_DEPTH, PATH_LEN};

use crate::{maps::layout, read};

/// Writes the names above each other into `path`; the bytes used, with [`PATH_CUT`] where the root was not reached.
///
/// # Safety
///
/// `path` must be valid for writes of [`PATH_LEN`] bytes.
#[inline(always)]
pub unsafe fn names(mut dentry: u64, path: *mut u8) -> u32 {
    const LAST_START: u32 = (PATH_LEN - COMPONENT_LEN) as u32;
    let layout = layout();
    let mut used = 0_u32;
    for _ in 0..PATH_DEPTH {
        let Some(parent) = read::field::<u64>(dentry, layout.dentry_parent) else { break };
        if parent == dentry {
            return used;
        }
        let Some(name) = read::field::<u64>(dentry, layout.dentry_name) else { break };
        if used > LAST_START {
            break;
        }
        // SAFETY: `used` leaves room for one component.
        let copied = unsafe { read::string(name, path.add(used as usize), COMPONENT_LEN as u32) };
        if copied == 0 || copied > COMPONENT_LEN as u32 {
            break;
        }
        used += copied;
        dentry = parent;
    }
    used | PATH_CUT
}
