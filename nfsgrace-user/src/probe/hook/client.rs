//! Hooks of the client: fs/nfs/nfs4proc.c, fs/nfs/nfs4file.c and fs/nfs/dir.c.
//!
//! Prototypes were compared in the BTF of 6.1.192, 6.12.117, 6.18.15 and 7.3.4; that the functions exist was looked up
//! in the symbol tables of these, of 5.10.262 and of 6.16.12. "All" means these six.

use super::{Alternative, Hook, NFS, NFSV4, SLEEPERS, Side, both, entry, event};
use crate::{probe::layout::XDR_STATUS, record::HookId};

const fn client(id: HookId, alternatives: &'static [Alternative], lost: &'static str) -> Hook {
    Hook::new(id, Side::Client, alternatives, lost)
}

const PATH: &str = "path of the file that a task waits for";

/// `int nfs_atomic_open(struct inode *dir, struct dentry *dentry, struct file *file, unsigned int open_flags, umode_t
/// mode)`, exported; all.
static ATOMIC_OPEN: Hook = client(HookId::AtomicOpen, &[Alternative::direct(&[entry(NFS, "nfs_atomic_open")])], PATH)
    .instead_of(|layout| layout.octx_dentry);

/// `static int nfs4_file_open(struct inode *inode, struct file *filp)`; all.
static FILE_OPEN: Hook = client(HookId::FileOpen, &[Alternative::direct(&[entry(NFSV4, "nfs4_file_open")])], PATH)
    .instead_of(|layout| layout.octx_dentry);

/// `static struct nfs4_state *nfs4_do_open(struct inode *dir, struct nfs_open_context *ctx, int flags, struct iattr
/// *sattr, struct nfs4_label *label, int *opened)`; all.
static DO_OPEN: Hook = client(
    HookId::DoOpen,
    &[Alternative::direct(&both(NFSV4, "nfs4_do_open", SLEEPERS))],
    "when a blocked open began and ended, and its path",
)
.essential();

/// `static int nfs4_run_open_task(struct nfs4_opendata *data, struct nfs_open_context *ctx)`; all.
///
/// Where the compiler changed its arguments, `data` is not what `nfs4_open_done` gets, and no XID is found.
static RUN_OPEN_TASK: Hook = client(
    HookId::RunOpenTask,
    &[Alternative::direct(&[entry(NFSV4, "nfs4_run_open_task").any_suffix()])],
    "the moment of each further attempt",
)
.later();

/// `TP_PROTO(const struct xdr_stream *xdr, u32 op, u32 error)`, fs/nfs/nfs4trace.h; all. Only errors pass.
static STATUS: Hook = client(
    HookId::XdrStatus,
    &[Alternative::direct(&[event(NFSV4, XDR_STATUS)])],
    "which RPC was refused, where it was no OPEN",
)
.later();

/// `static void nfs4_open_done(struct rpc_task *task, void *calldata)`; all. Its address is in `nfs4_open_ops`.
static OPEN_DONE: Hook = client(
    HookId::OpenDone,
    &[Alternative::direct(&[entry(NFSV4, "nfs4_open_done")])],
    "which RPC a refused OPEN was, hence which of the server's refusals it met",
)
.later();

/// `int nfs4_handle_exception(struct nfs_server *server, int errorcode, struct nfs4_exception *exception)`; all.
static HANDLE_EXCEPTION: Hook = client(
    HookId::HandleException,
    &[Alternative::direct(&both(NFSV4, "nfs4_handle_exception", SLEEPERS))],
    "each refusal, and which error it was",
)
.essential();

/// `static int nfs4_delay(long *timeout, bool interruptible)`; inlined in all.
static DELAY: Hook = client(
    HookId::Delay,
    &[
        Alternative::direct(&both(NFSV4, "nfs4_delay", SLEEPERS)),
        Alternative::inferred(
            &both(NFSV4, "nfs4_handle_exception", SLEEPERS),
            "the sleep is entry to return of nfs4_handle_exception, its length computed from exception->timeout",
        ),
    ],
    "how long each sleep was to be, and how long it was",
)
.essential();

pub(super) static HOOKS: &[&Hook] =
    &[&ATOMIC_OPEN, &FILE_OPEN, &DO_OPEN, &RUN_OPEN_TASK, &STATUS, &OPEN_DONE, &HANDLE_EXCEPTION, &DELAY];
