//! The lab: real kernels with a real nfsd and a real NFS client, in virtual machines.

pub mod accelerator;
pub mod apt;
pub mod cache;
pub mod command;
pub mod console;
pub mod cpio;
pub mod fixtures;
pub mod guests;
pub mod image;
pub mod initramfs;
pub mod kernel;
pub mod machine;
pub mod monitor;
pub mod prepared;
pub mod program;
pub mod run;
pub mod scenario;
pub mod series;
pub mod sharing;
pub mod sources;
pub mod ssh;
pub mod steps;
pub mod userspace;
