//! Where things are in this kernel's structures of NFS: offsets for the eBPF programs, and what is lost without them.

use std::collections::BTreeMap;

use nfsgrace_ebpf::{ABSENT, Layout};

use crate::kernel::{Btf, BtfKind, EventName, Modules, Presence, TraceEvents, TypeId, Types};

/// Where one field's place is looked up.
struct Field {
    /// Set by the result.
    at: fn(&mut Layout) -> &mut u32,
    structure: &'static str,
    /// The module whose code uses the structure; `None` for the kernel image.
    module: Option<&'static str>,
    /// Member paths, the newest kernel's first.
    paths: &'static [&'static str],
    /// The offset on kernels whose modules have no BTF: only where it never moved.
    constant: Option<u32>,
    /// What it gives the user.
    gives: &'static str,
}

/// Where a field is, and how that was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldPlace {
    /// In BTF: byte offset, or for a flag its bit number.
    Btf(u32),
    /// Not in BTF, but it never moved: byte offset.
    Constant(u32),
    /// In the description of a trace event's record: byte offset.
    Record(u32),
    /// Not found.
    Missing(NotFound),
    /// There is no such thing on this kernel, and nothing is lost by that.
    NotNeeded,
}

/// NotFound a field's place is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFound {
    /// The module is not loaded: known when it is.
    NotLoaded,
    /// There is no BTF to look in: modules have none before 5.11.
    NoBtf,
    /// BTF has no such structure or member.
    NoSuchMember,
    /// The kernel has no such trace event, or its record no such field.
    NoSuchEvent,
}

impl std::fmt::Display for NotFound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotLoaded => "known once its module is loaded",
            Self::NoBtf => "no BTF for it on this kernel",
            Self::NoSuchMember => "not in this kernel's BTF",
            Self::NoSuchEvent => "not among this kernel's trace events",
        })
    }
}

/// One detail that structures hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// `structure.member`
    pub structure: &'static str,
    /// The member, or the path to it.
    pub member: &'static str,
    /// What the user gets from it: "client address of refused OPENs".
    pub gives: &'static str,
    /// Where it is.
    pub found: FieldPlace,
}

/// All places, and how each was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutReport {
    /// For the eBPF programs.
    pub layout: Layout,
    /// For people, in the order of the structures.
    pub details: Vec<Detail>,
}

macro_rules! field {
    ($at:ident, $module:expr, $structure:literal, [$($path:literal),+], $gives:expr $(, never_moved: $constant:literal)?) => {
        Field {
            at: |layout| &mut layout.$at,
            structure: $structure,
            module: $module,
            paths: &[$($path),+],
            constant: [$(Some($constant),)? None][0],
            gives: $gives,
        }
    };
}

const NFSD: Option<&str> = Some("nfsd");
const NFSV4: Option<&str> = Some("nfsv4");

const NAMESPACE: &str = "network namespace of each server event";
const PATH: &str = "path of the file that a task waits for";
const DEVICE: &str = "mount that a task waits on";
const WRITER: &str = "network namespace of writes to v4_end_grace";
const SERVER_NAME: &str = "name of the server that a task waits for";
const FILE_NAME: &str = "file name in refused OPENs";
const REQUEST_NAMESPACE: &str = "network namespace of requests that never ask about a grace period";
const ATTEMPT_XID: &str = "XID of refused attempts, which pairs them with the server's refusals";
const SENT: &str = "the moment at which a refused request was sent, and how often";
const EARLY_END: &str = "whether the grace period can end early";

/// Passed by each reply that a client reads an error in.
pub const XDR_STATUS: EventName = EventName { system: "nfs4", name: "nfs4_xdr_status" };

/// A field of the [`Layout`], and the field of the record of [`XDR_STATUS`] whose place it is.
type RecordField = (fn(&mut Layout) -> &mut u32, &'static str);
const RECORD_FIELDS: [RecordField; 2] =
    [(|layout| &mut layout.status_xid, "xid"), (|layout| &mut layout.status_error, "error")];

/// All fields of [`Layout`] that lie in structures. Checked on 5.10.262, 6.1.192, 6.12.117, 6.18.15 and 7.3.4.
const FIELDS: &[Field] = &[
    field!(net_inum, None, "net", ["ns.inum"], NAMESPACE),
    field!(dentry_parent, None, "dentry", ["d_parent"], PATH),
    // Inside an anonymous union from 6.16 on.
    field!(dentry_name, None, "dentry", ["d_name.name"], PATH),
    field!(dentry_sb, None, "dentry", ["d_sb"], DEVICE),
    field!(sb_dev, None, "super_block", ["s_dev"], DEVICE),
    field!(sb_fs_info, None, "super_block", ["s_fs_info"], WRITER),
    field!(file_dentry, None, "file", ["f_path.dentry"], PATH),
    field!(file_inode, None, "file", ["f_inode"], WRITER),
    field!(inode_sb, None, "inode", ["i_sb"], WRITER),
    field!(module_name, None, "module", ["name"], "attaching as soon as nfsd or nfsv4 is loaded"),
    field!(nn_manager, NFSD, "nfsd_net", ["nfsd4_manager"], "state of the server (anything in struct nfsd_net)"),
    field!(nn_lease, NFSD, "nfsd_net", ["nfsd4_lease"], "length of a lease"),
    field!(nn_grace, NFSD, "nfsd_net", ["nfsd4_grace"], "length of the grace period, hence when it ends"),
    field!(nn_tracking_ops, NFSD, "nfsd_net", ["client_tracking_ops"], "whether a tracker is in place"),
    field!(nn_to_reclaim, NFSD, "nfsd_net", ["reclaim_str_hashtbl_size"], "number of clients that may reclaim"),
    field!(nn_reclaimed, NFSD, "nfsd_net", ["nr_reclaim_complete"], "number of clients that have reclaimed"),
    // A bool on some kernels, a bit of `flags` on others, in no order of versions: 6.18.15 has the bool, 6.12.117 the bit.
    field!(nn_tracks, NFSD, "nfsd_net", ["track_reclaim_completes", "flags"], EARLY_END),
    field!(open_claim, NFSD, "nfsd4_open", ["op_claim_type"], "telling reclaims from new OPENs", never_moved: 0),
    // A struct xdr_netobj up to 5.10.
    field!(open_fname, NFSD, "nfsd4_open", ["op_fname.data", "op_fname"], FILE_NAME),
    field!(open_fnamelen, NFSD, "nfsd4_open", ["op_fname.len", "op_fnamelen"], FILE_NAME),
    field!(cstate_minor, NFSD, "nfsd4_compound_state", ["minorversion"], "NFSv4 minor version of refused clients"),
    field!(cstate_clp, NFSD, "nfsd4_compound_state", ["clp"], "name of refused clients"),
    field!(clp_name, NFSD, "nfs4_client", ["cl_name"], "name of refused clients"),
    field!(rqst_xid, NFSD, "svc_rqst", ["rq_xid"], "XID of refused requests, which pairs them with the client's"),
    field!(rqst_addr, NFSD, "svc_rqst", ["rq_addr"], "client address of refused OPENs"),
    field!(rqst_xprt, NFSD, "svc_rqst", ["rq_xprt"], REQUEST_NAMESPACE),
    field!(xprt_net, NFSD, "svc_xprt", ["xpt_net"], REQUEST_NAMESPACE),
    field!(octx_dentry, NFSV4, "nfs_open_context", ["dentry"], PATH),
    field!(server_client, NFSV4, "nfs_server", ["nfs_client"], SERVER_NAME),
    field!(client_hostname, NFSV4, "nfs_client", ["cl_hostname"], SERVER_NAME),
    field!(exception_timeout, NFSV4, "nfs4_exception", ["timeout"], "length of each sleep", never_moved: 24),
    field!(task_status, NFSV4, "rpc_task", ["tk_status"], SENT),
    field!(task_request, NFSV4, "rpc_task", ["tk_rqstp"], SENT),
    field!(request_xid, NFSV4, "rpc_rqst", ["rq_xid"], SENT),
    field!(request_sent, NFSV4, "rpc_rqst", ["rq_xtime"], SENT),
    field!(request_transmissions, NFSV4, "rpc_rqst", ["rq_ntrans"], SENT),
];

/// Fills in a [`Layout`] from the BTF of the kernel, nfsd and nfsv4 (each place from the module's BTF, else from the
/// kernel's own, else as it always was), and from the descriptions of trace events.
///
/// Its last two fields, which depend on what is probed, stay 0.
#[must_use]
pub fn find(types: &Types, modules: &Modules, events: &TraceEvents) -> LayoutReport {
    let structures = Structures::find(types);
    let mut layout = Layout::UNKNOWN;
    let mut details = Vec::with_capacity(FIELDS.len() + 1 + RECORD_FIELDS.len());
    for field in FIELDS {
        let (member, found) = structures.place(field, modules);
        if let FieldPlace::Btf(offset) | FieldPlace::Constant(offset) = found {
            *(field.at)(&mut layout) = offset;
        }
        details.push(Detail { structure: field.structure, member, gives: field.gives, found });
        if field.paths.contains(&"flags") {
            details.push(structures.tracks_bit(member, found, &mut layout));
        }
    }
    for (at, member) in RECORD_FIELDS {
        let found = match events.offset(XDR_STATUS, member) {
            Some(offset) => FieldPlace::Record(offset),
            None if modules.is_here("nfsv4") => FieldPlace::Missing(NotFound::NoSuchEvent),
            None => FieldPlace::Missing(NotFound::NotLoaded),
        };
        if let FieldPlace::Record(offset) = found {
            *at(&mut layout) = offset;
        }
        details.push(Detail { structure: XDR_STATUS.name, member, gives: ATTEMPT_XID, found });
    }
    LayoutReport { layout, details }
}

/// The structures that fields are in, wherever they were found.
struct Structures<'a> {
    types: &'a Types,
    found: BTreeMap<(Option<&'static str>, &'static str), (&'a Btf, TypeId)>,
}

impl<'a> Structures<'a> {
    fn find(types: &'a Types) -> Self {
        let names: Vec<&'static str> = FIELDS.iter().map(|field| field.structure).collect();
        let mut found = BTreeMap::new();
        // The kernel image knows some structures of modules too, which helps where modules have no BTF.
        for place in [None, NFSD, NFSV4] {
            if let Some(btf) = types.of(place) {
                found
                    .extend(btf.find(BtfKind::Struct, &names).into_iter().map(|(name, id)| ((place, name), (btf, id))));
            }
        }
        Self { types, found }
    }

    fn get(&self, field: &Field) -> Option<(&'a Btf, TypeId)> {
        let at = |place| self.found.get(&(place, field.structure)).copied();
        at(field.module).or_else(|| at(None))
    }

    /// The path that fits, and where it leads.
    fn place(&self, field: &Field, modules: &Modules) -> (&'static str, FieldPlace) {
        let newest = field.paths.last().copied().unwrap_or_default();
        if let Some((btf, id)) = self.get(field) {
            let place = field.paths.iter().find_map(|path| Some((*path, FieldPlace::Btf(btf.offset(id, path)?))));
            return place.unwrap_or((newest, FieldPlace::Missing(NotFound::NoSuchMember)));
        }
        let without_btf = self.types.of(field.module).is_none();
        let found = match (field.constant, field.module.map(|module| modules.presence(module))) {
            (Some(constant), _) if without_btf => FieldPlace::Constant(constant),
            (_, Some(Presence::NotLoaded | Presence::Never)) => FieldPlace::Missing(NotFound::NotLoaded),
            _ if without_btf => FieldPlace::Missing(NotFound::NoBtf),
            _ => FieldPlace::Missing(NotFound::NoSuchMember),
        };
        (newest, found)
    }

    /// Where `nn_tracks` is the flags: the number of the bit. Flags whose bit has no name tell nothing.
    fn tracks_bit(&self, member: &str, tracks: FieldPlace, layout: &mut Layout) -> Detail {
        let name = "NFSD_NET_TRACK_RECLAIM_COMPLETES";
        let found = match (member, tracks) {
            ("flags", FieldPlace::Btf(_)) => {
                let btf = [NFSD, None].into_iter().filter_map(|place| self.types.of(place));
                let bit = btf.filter_map(|btf| btf.enumerator(name)).next().and_then(|bit| u32::try_from(bit).ok());
                bit.filter(|bit| *bit < u64::BITS).map_or(FieldPlace::Missing(NotFound::NoSuchMember), FieldPlace::Btf)
            }
            _ => FieldPlace::NotNeeded,
        };
        match found {
            FieldPlace::Btf(bit) => layout.nn_tracks_bit = bit,
            FieldPlace::Missing(_) => layout.nn_tracks = ABSENT,
            FieldPlace::Constant(_) | FieldPlace::Record(_) | FieldPlace::NotNeeded => {}
        }
        Detail { structure: "nfsd_net.flags", member: name, gives: EARLY_END, found }
    }
}
