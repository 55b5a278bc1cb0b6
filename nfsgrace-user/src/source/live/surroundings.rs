//! What user space looks like when a tracker fails, read from `/proc` right then.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::mountinfo;
use crate::record::Surroundings;

/// Looks around as the process `pid`, which starts nfsd, does. `root` is `/`, or a fixture.
#[must_use]
pub fn look(root: &Path, pid: u32) -> Surroundings {
    let proc = root.join("proc");
    let rpc_pipefs = mountinfo::read(&proc, pid).map(|text| mount_points(&text, "rpc_pipefs"));
    let namespace = net_namespace(&proc.join(pid.to_string()));
    let nfsdcld = processes(&proc, "nfsdcld")
        .into_iter()
        .find(|process| namespace.is_none() || net_namespace(process) == namespace);
    let pid_of = |process: &PathBuf| process.file_name()?.to_str()?.parse().ok();
    Surroundings {
        rpc_pipefs,
        nfsdcld_pid: nfsdcld.as_ref().and_then(pid_of),
        nfsdcld_pipe: nfsdcld.as_ref().and_then(|process| open_pipe(process)),
        nfsdcltrack: root.join("sbin/nfsdcltrack").try_exists().ok(),
        recovery_dir: fs::metadata(root.join("var/lib/nfs/v4recovery")).map_or_else(
            |error| (error.kind() == std::io::ErrorKind::NotFound).then_some(false),
            |metadata| Some(metadata.is_dir()),
        ),
    }
}

fn processes(proc: &Path, comm: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit))
        .map(|entry| entry.path())
        .filter(|process| fs::read_to_string(process.join("comm")).is_ok_and(|name| name.trim_end() == comm))
        .collect()
}

fn net_namespace(process: &Path) -> Option<PathBuf> {
    fs::read_link(process.join("ns/net")).ok()
}

/// The pipe `nfsd/cld` that a process holds open.
fn open_pipe(process: &Path) -> Option<String> {
    fs::read_dir(process.join("fd"))
        .ok()?
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .find(|target| target.ends_with("nfsd/cld"))
        .map(|target| target.to_string_lossy().into_owned())
}

fn mount_points(text: &str, kind: &str) -> Vec<String> {
    mountinfo::parse(text).filter(|mount| mount.kind == kind).map(|mount| mount.point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_by_type() {
        let text = "21 1 0:20 / /proc rw shared:5 - proc proc rw\n\
                    30 1 0:31 / /run/rpc\\040pipefs rw,relatime shared:9 - rpc_pipefs sunrpc rw\n";
        assert_eq!(mount_points(text, "rpc_pipefs"), ["/run/rpc pipefs"]);
        assert!(mount_points(text, "nfs4").is_empty());
    }
}
