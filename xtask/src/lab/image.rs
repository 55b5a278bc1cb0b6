//! Unpacks the kernel in a bzImage (Documentation/arch/x86/boot.rst).

use crate::tool;

/// How kernels are compressed: the first bytes, and the program that undoes it.
const COMPRESSIONS: [(&[u8], &str); 4] =
    [(b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ", "xz"), (b"\x02\x21\x4c\x18", "lz4"), (b"\x1f\x8b", "gzip")];

const ELF: &[u8] = b"\x7fELF";

/// The ELF kernel in a bzImage; `None` when it is packed in a way that cannot be undone here.
pub fn unpack(image: &[u8]) -> Option<Vec<u8>> {
    let payload = payload(image)?;
    let (_, program) = COMPRESSIONS.iter().find(|(magic, _)| payload.starts_with(magic))?;
    // What follows the compressed data (its length) makes these programs fail, after they have written everything.
    let kernel = tool::filter(tool::command(program).args(["-d", "-c"]), payload.to_vec()).ok()?;
    kernel.starts_with(ELF).then_some(kernel)
}

fn payload(image: &[u8]) -> Option<&[u8]> {
    let number = |at: usize| Some(u32::from_le_bytes(image.get(at..at + 4)?.try_into().ok()?));
    if image.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let setup_sectors = match image[0x1f1] {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let start = (setup_sectors + 1) * 512 + usize::try_from(number(0x248)?).ok()?;
    image.get(start..start + usize::try_from(number(0x24c)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_kernel_is_not_unpacked() {
        assert_eq!(unpack(&[0; 4096]), None);
        assert_eq!(unpack(b"short"), None);
    }

    #[test]
    fn a_payload_is_unpacked_in_spite_of_what_follows_it() {
        let kernel = [ELF, &[7; 1000]].concat();
        let mut packed = tool::filter(tool::command("gzip").arg("-c"), kernel.clone()).expect("gzip");
        packed.extend(1004_u32.to_le_bytes());
        let mut image = vec![0; 1024];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        let length = u32::try_from(packed.len()).expect("small");
        image[0x24c..0x250].copy_from_slice(&length.to_le_bytes());
        image.extend(packed);
        assert_eq!(unpack(&image), Some(kernel));
    }
}
