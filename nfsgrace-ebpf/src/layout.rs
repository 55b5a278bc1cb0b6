//! Where things are in the running kernel's structures.

#[cfg(not(target_arch = "bpf"))]
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::ABSENT;

/// Makes [`Layout`] of places that are first not known, and of flags that are first 0.
macro_rules! layout {
    ($(#[$meta:meta])* places { $($(#[$place_doc:meta])* $place:ident,)+ } flags { $($(#[$flag_doc:meta])* $flag:ident,)+ }) => {
        $(#[$meta])*
        pub struct Layout {
            $($(#[$place_doc])* pub $place: u32,)+
            $($(#[$flag_doc])* pub $flag: u32,)+
        }

        impl Layout {
            /// Nothing is known.
            pub const UNKNOWN: Self = Self { $($place: ABSENT,)+ $($flag: 0,)+ };
        }
    };
}

layout! {
    /// Where things are in this kernel's structures: byte offsets found in BTF, or [`ABSENT`].
    ///
    /// The one element of the map `LAYOUT`; it may change while programs run, when a module arrives.
    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[cfg_attr(not(target_arch = "bpf"), derive(FromBytes, IntoBytes, Immutable))]
    places {
        /// `net.ns.inum`
        net_inum,
        /// `dentry.d_parent`
        dentry_parent,
        /// `dentry.d_name.name`
        dentry_name,
        /// `dentry.d_sb`
        dentry_sb,
        /// `super_block.s_dev`
        sb_dev,
        /// `super_block.s_fs_info`
        sb_fs_info,
        /// `file.f_path.dentry`
        file_dentry,
        /// `file.f_inode`
        file_inode,
        /// `inode.i_sb`
        inode_sb,
        /// `module.name`
        module_name,
        /// `nfsd_net.nfsd4_manager`
        nn_manager,
        /// `nfsd_net.nfsd4_lease`
        nn_lease,
        /// `nfsd_net.nfsd4_grace`
        nn_grace,
        /// `nfsd_net.client_tracking_ops`
        nn_tracking_ops,
        /// `nfsd_net.reclaim_str_hashtbl_size`
        nn_to_reclaim,
        /// `nfsd_net.nr_reclaim_complete`
        nn_reclaimed,
        /// `nfsd_net.track_reclaim_completes`, or `nfsd_net.flags` where it became a bit of that.
        nn_tracks,
        /// Bit number `NFSD_NET_TRACK_RECLAIM_COMPLETES` within the flags; [`ABSENT`] where `nn_tracks` is a `bool`.
        nn_tracks_bit,
        /// `nfsd4_open.op_claim_type`
        open_claim,
        /// `nfsd4_open.op_fname` (the pointer)
        open_fname,
        /// `nfsd4_open.op_fnamelen`, or `op_fname.len`
        open_fnamelen,
        /// `nfsd4_compound_state.minorversion`
        cstate_minor,
        /// `nfsd4_compound_state.clp`
        cstate_clp,
        /// `nfs4_client.cl_name` (`struct xdr_netobj`: `u32 len` at 0, `u8 *data` at 8)
        clp_name,
        /// `svc_rqst.rq_xid`
        rqst_xid,
        /// `svc_rqst.rq_addr`
        rqst_addr,
        /// `svc_rqst.rq_xprt`
        rqst_xprt,
        /// `svc_xprt.xpt_net`
        xprt_net,
        /// `nfs_open_context.dentry`
        octx_dentry,
        /// `nfs_server.nfs_client`
        server_client,
        /// `nfs_client.cl_hostname`
        client_hostname,
        /// `nfs4_exception.timeout`
        exception_timeout,
        /// `rpc_task.tk_status`
        task_status,
        /// `rpc_task.tk_rqstp`
        task_request,
        /// `rpc_rqst.rq_xid`
        request_xid,
        /// `rpc_rqst.rq_xtime`
        request_sent,
        /// `rpc_rqst.rq_ntrans`
        request_transmissions,
        /// `xid` in a record of the trace event `nfs4_xdr_status`
        status_xid,
        /// `error` in a record of the trace event `nfs4_xdr_status`
        status_error,
    }
    flags {
        /// 1 where `cld_running` itself is probed: then `msleep` tells nothing more.
        cld_running_probed,
        /// 1 where `nfs4_delay` itself is probed: then `nfs4_handle_exception` only names the refusal.
        nfs4_delay_probed,
    }
}
