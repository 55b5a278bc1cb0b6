#![cfg_attr(target_arch = "bpf", no_std, no_main)]
//! programs
#[cfg(target_arch = "bpf")]
mod programs {
    use aya_ebpf::{macros::kprobe, programs::ProbeContext};
    use aya_log_ebpf::debug;
    #[kprobe]
    pub fn nfsd4_open(ctx: ProbeContext) -> u32 {
        debug!(&ctx, "hello");
        0
    }
    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo) -> ! {
        loop {}
    }
    #[unsafe(link_section = "license")]
    #[unsafe(no_mangle)]
    static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
}
#[cfg(not(target_arch = "bpf"))]
fn main() {}
