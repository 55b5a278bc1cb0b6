//! A kernel module arrives: user space looks again for what it can attach to and read.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use nfsgrace_ebpf::{MessageKind, NAME_LEN, Named};

use crate::{maps::layout, read, send};

/// `TP_PROTO(struct module *mod)`, include/trace/events/module.h; 5.10 to 7.3.
#[raw_tracepoint(tracepoint = "module_load")]
pub fn module_load(ctx: RawTracePointContext) -> i32 {
    let module: u64 = ctx.arg(0);
    let offset = layout().module_name;
    if offset == nfsgrace_ebpf::ABSENT {
        return 0;
    }
    let head = send::head(MessageKind::ModuleLoaded, 0);
    send::message::<Named>(MessageKind::ModuleLoaded, |to| {
        // SAFETY: `to` is a reserved, zeroed entry with room for `NAME_LEN` bytes in `name`.
        unsafe {
            (*to).head = head;
            read::string(module + u64::from(offset), (&raw mut (*to).name).cast(), NAME_LEN as u32);
        }
    });
    0
}
