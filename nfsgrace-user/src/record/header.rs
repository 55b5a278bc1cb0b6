//! The first line of a session.

use serde::{Deserialize, Serialize};

use super::{event::Stamp, probe::ProbeRow};

/// Version of the session schema that this program writes. Fields and kinds may be added without raising it.
pub const SCHEMA: u32 = 1;

/// Which side of NFS a session was recorded on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// nfsd was watched.
    Server,
    /// The NFS client was watched.
    Client,
    /// Both were.
    #[default]
    Both,
}

/// Who recorded a session, where, and with which probes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "header")]
pub struct Header {
    /// Version of the schema, [`SCHEMA`] for this program.
    pub schema: u32,
    /// Version of the program that recorded.
    #[serde(default)]
    pub program: String,
    /// Its command line.
    #[serde(default)]
    pub command: Vec<String>,
    /// Name of the host.
    #[serde(default)]
    pub host: String,
    /// `/proc/sys/kernel/random/boot_id`: two sessions with the same one share a clock.
    #[serde(default)]
    pub boot_id: String,
    /// Kernel release, as `uname -r` prints it.
    #[serde(default)]
    pub kernel: String,
    /// Jiffies per second; `None` when it could not be learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hz: Option<u32>,
    /// Clock of every `t` in the session.
    #[serde(default = "boottime")]
    pub clock: String,
    /// `CLOCK_REALTIME - CLOCK_BOOTTIME` when the session began, nanoseconds.
    #[serde(default)]
    pub realtime_minus_boottime_ns: i64,
    /// Which side was watched.
    #[serde(default)]
    pub role: Role,
    /// Inode number of the initial network namespace; `None` when it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_netns: Option<u32>,
    /// What each hook came to.
    #[serde(default, deserialize_with = "super::probe::rows")]
    pub probes: Vec<ProbeRow>,
    /// When the session began.
    #[serde(default, rename = "t")]
    pub started: Stamp,
    /// Of a session of several hosts, the sources that it was recorded from. Then this is the header of whoever recorded it,
    /// and each host's lines, its own header first, say which source they are from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// What this file continues; `None` in the first or only file of a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<Continues>,
}

/// How a file continues the one before, in a session that is kept in several.
///
/// Its header is that of the first file, with this. The session's `boot_id` and `t` tell which files belong together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Continues {
    /// Name of the file before, without its directory.
    pub file: String,
    /// Number of this file in the session; the first one has 1, and no `continues`.
    pub part: u64,
    /// So many lines after the header stand in earlier files as well, or say what is left out of them.
    pub repeats: u64,
    /// When this file began.
    pub t: Stamp,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            program: String::new(),
            command: Vec::new(),
            host: String::new(),
            boot_id: String::new(),
            kernel: String::new(),
            hz: None,
            clock: boottime(),
            realtime_minus_boottime_ns: 0,
            role: Role::default(),
            initial_netns: None,
            probes: Vec::new(),
            started: Stamp::default(),
            sources: Vec::new(),
            continues: None,
        }
    }
}

fn boottime() -> String {
    "boottime".to_owned()
}
