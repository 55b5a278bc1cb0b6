//! Hooks of the server: fs/nfsd/nfs4state.c, nfs4recover.c, nfs4proc.c, nfsctl.c and fs/nfs_common/grace.c.
//!
//! Prototypes were compared in the BTF of 6.1.192, 6.12.117, 6.18.15 and 7.3.4; that the functions exist was looked up
//! in the symbol tables of these, of 5.10.262 and of 6.16.12. "All" means these six.

use super::{
    Alternative, BuildOption, FEW, GRACE, Hook, NFSD, REQUESTS, SLEEPERS, Side, VMLINUX, both, entry, returned,
};
use crate::record::HookId;

const fn server(id: HookId, alternatives: &'static [Alternative], lost: &'static str) -> Hook {
    Hook::new(id, Side::Server, alternatives, lost)
}

const LEGACY: BuildOption = BuildOption { name: "CONFIG_NFSD_LEGACY_CLIENT_TRACKING", since: (6, 7) };

/// `int nfs4_state_start_net(struct net *net)`; all. It ignores a failure of `nfsd4_client_tracking_init`.
static STATE_START: Hook = server(
    HookId::StateStart,
    &[Alternative::direct(&both(NFSD, "nfs4_state_start_net", FEW))],
    "the start of the server, hence every restart",
)
.essential();

/// `int nfsd4_client_tracking_init(struct net *net)`; all.
static TRACKING_INIT: Hook = server(
    HookId::TrackingInit,
    &[Alternative::direct(&both(NFSD, "nfsd4_client_tracking_init", FEW))],
    "whether nfsd got a way to track its clients, and the error when it did not",
)
.essential();

/// `static int nfsd4_cld_tracking_init(struct net *net)`; all. Its address is in an ops table, so it is never inlined.
static CLD_INIT: Hook = server(
    HookId::CldInit,
    &[Alternative::direct(&both(NFSD, "nfsd4_cld_tracking_init", FEW))],
    "the attempt with nfsdcld, and its error",
);

/// `static bool cld_running(struct nfsd_net *nn)`; inlined in all.
///
/// `nfsd4_cld_tracking_init` asks it up to 11 times, and calls `void msleep(unsigned int msecs)` after each "no" but
/// the last.
static CLD_RUNNING: Hook = server(
    HookId::CldRunning,
    &[
        Alternative::direct(&[returned(NFSD, "cld_running", FEW).any_suffix()]),
        Alternative::inferred(
            &[entry(VMLINUX, "msleep").any_suffix()],
            "one msleep(100) inside nfsd4_cld_tracking_init = one poll that answered no",
        ),
    ],
    "each poll for nfsdcld",
);

/// `static int nfsd4_init_cld_pipe(struct net *net)`; all. Its address is in an ops table.
static CLD_V0_INIT: Hook = server(
    HookId::CldV0Init,
    &[Alternative::direct(&both(NFSD, "nfsd4_init_cld_pipe", FEW))],
    "the attempt with the first protocol of nfsdcld",
)
.later();

/// `static inline int check_for_legacy_methods(int status, struct net *net)`, 6.7 and later; always inlined, so it is
/// not tried; the two functions below it show it.
static LEGACY_METHODS: Hook = server(
    HookId::LegacyMethods,
    &[Alternative::inferred(
        &[
            entry(NFSD, "nfsd4_umh_cltrack_init"),
            returned(NFSD, "nfsd4_umh_cltrack_init", FEW),
            entry(NFSD, "nfsd4_legacy_tracking_init"),
            returned(NFSD, "nfsd4_legacy_tracking_init", FEW),
        ],
        "always inlined: the two functions that it calls show it",
    )],
    "whether older ways to track clients were tried",
)
.with_option(LEGACY);

/// `static int nfsd4_umh_cltrack_init(struct net *net)`; 5.10 to 6.12. Always there up to 6.6, later by an option.
static UMH_INIT: Hook = server(
    HookId::UmhInit,
    &[Alternative::direct(&both(NFSD, "nfsd4_umh_cltrack_init", FEW))],
    "the attempt with /sbin/nfsdcltrack, and its error",
)
.with_option(LEGACY);

/// `static int nfsd4_legacy_tracking_init(struct net *net)`; as the one above.
static LEGACY_INIT: Hook = server(
    HookId::LegacyInit,
    &[Alternative::direct(&both(NFSD, "nfsd4_legacy_tracking_init", FEW))],
    "the attempt with the recovery directory, and its error",
)
.with_option(LEGACY);

/// `struct nfs4_client_reclaim *nfs4_client_to_reclaim(struct xdr_netobj name, struct xdr_netobj princhash,
/// struct nfsd_net *nn)`; all.
static CLIENT_TO_RECLAIM: Hook = server(
    HookId::ClientToReclaim,
    &[Alternative::direct(&[entry(NFSD, "nfs4_client_to_reclaim")])],
    "names of the clients that may reclaim",
);

/// `void locks_start_grace(struct net *net, struct lock_manager *lm)`, exported; all.
static GRACE_START: Hook = server(
    HookId::GraceStart,
    &[Alternative::direct(&[entry(GRACE, "locks_start_grace")])],
    "the start of the grace period",
)
.essential();

/// `void locks_end_grace(struct lock_manager *lm)`, exported; all.
///
/// It is what ends the grace period for clients; the tracepoint `nfsd_grace_complete` fires up to 0.4 s earlier.
static GRACE_END: Hook = server(
    HookId::GraceEnd,
    &[Alternative::direct(&[entry(GRACE, "locks_end_grace")])],
    "the end of the grace period, hence who slept on after it",
)
.essential();

/// `static bool __state_in_grace(struct net *net, bool open)`; all. Hot.
///
/// Else its two callers, both exported: `bool opens_in_grace(struct net *net)` and `bool locks_in_grace(struct net
/// *net)`.
static STATE_IN_GRACE: Hook = server(
    HookId::StateInGrace,
    &[
        Alternative::direct(&both(GRACE, "__state_in_grace", REQUESTS)),
        Alternative::direct(&[
            entry(GRACE, "opens_in_grace"),
            returned(GRACE, "opens_in_grace", REQUESTS),
            entry(GRACE, "locks_in_grace"),
            returned(GRACE, "locks_in_grace", REQUESTS),
        ]),
    ],
    "whether a refusal was due to the grace period, and a grace period older than the trace",
);

/// `static __be32 nfsd4_open(struct svc_rqst *rqstp, struct nfsd4_compound_state *cstate, union nfsd4_op_u *u)`; all.
/// Its address is in `nfsd4_ops[]`, as are those of the operations below.
static OPEN: Hook = server(
    HookId::Open,
    &[Alternative::direct(&both(NFSD, "nfsd4_open", SLEEPERS))],
    "which OPENs were refused, whose, and the reclaims",
)
.essential();

/// `__be32 nfsd4_lock(struct svc_rqst *rqstp, struct nfsd4_compound_state *cstate, union nfsd4_op_u *u)`; all.
static LOCK: Hook =
    server(HookId::Lock, &[Alternative::direct(&both(NFSD, "nfsd4_lock", REQUESTS))], "which LOCKs were refused")
        .later();

/// `static __be32 nfsd4_remove(struct svc_rqst *rqstp, struct nfsd4_compound_state *cstate, union nfsd4_op_u *u)`; all.
static REMOVE: Hook =
    server(HookId::Remove, &[Alternative::direct(&both(NFSD, "nfsd4_remove", REQUESTS))], "which REMOVEs were refused")
        .later();

/// `static __be32 nfsd4_rename(struct svc_rqst *rqstp, struct nfsd4_compound_state *cstate, union nfsd4_op_u *u)`; all.
static RENAME: Hook =
    server(HookId::Rename, &[Alternative::direct(&both(NFSD, "nfsd4_rename", REQUESTS))], "which RENAMEs were refused")
        .later();

/// `__be32 nfsd4_reclaim_complete(struct svc_rqst *rqstp, struct nfsd4_compound_state *cstate, union nfsd4_op_u *u)`;
/// all.
static RECLAIM_COMPLETE: Hook = server(
    HookId::ReclaimComplete,
    &[Alternative::direct(&both(NFSD, "nfsd4_reclaim_complete", REQUESTS))],
    "which clients finished reclaiming, and whether the last of them ended the grace period",
)
.later();

/// `__be32 nfsd4_setclientid_confirm(struct svc_rqst *rqstp, struct nfsd4_compound_state *cstate, union nfsd4_op_u
/// *u)`; all.
static SETCLIENTID_CONFIRM: Hook = server(
    HookId::SetclientidConfirm,
    &[Alternative::direct(&both(NFSD, "nfsd4_setclientid_confirm", REQUESTS))],
    "the return of NFSv4.0 clients",
)
.later();

/// `__be32 nfsd4_create_session(struct svc_rqst *rqstp, struct nfsd4_compound_state *cstate, union nfsd4_op_u *u)`;
/// all.
static CREATE_SESSION: Hook = server(
    HookId::CreateSession,
    &[Alternative::direct(&both(NFSD, "nfsd4_create_session", REQUESTS))],
    "the return of NFSv4.1+ clients",
)
.later();

/// `static ssize_t write_v4_end_grace(struct file *file, char *buf, size_t size)`; all. Its address is in a table.
static END_GRACE_WRITE: Hook = server(
    HookId::EndGraceWrite,
    &[Alternative::direct(&both(NFSD, "write_v4_end_grace", FEW))],
    "attempts to end the grace period by hand, and their refusal",
)
.later();

/// `static void laundromat_main(struct work_struct *laundry)`; all. Queued by address; no argument is read.
static LAUNDROMAT: Hook = server(
    HookId::Laundromat,
    &[Alternative::direct(&[
        entry(NFSD, "laundromat_main").any_suffix(),
        returned(NFSD, "laundromat_main", FEW).any_suffix(),
    ])],
    "whether the timer ended the grace period",
)
.later();

/// `void nfs4_state_shutdown_net(struct net *net)`; all.
static STATE_SHUTDOWN: Hook = server(
    HookId::StateShutdown,
    &[Alternative::direct(&both(NFSD, "nfs4_state_shutdown_net", FEW))],
    "the stop of the server, and whether that ended the grace period",
)
.later();

pub(super) static HOOKS: &[&Hook] = &[
    &STATE_START,
    &TRACKING_INIT,
    &CLD_INIT,
    &CLD_RUNNING,
    &CLD_V0_INIT,
    &LEGACY_METHODS,
    &UMH_INIT,
    &LEGACY_INIT,
    &CLIENT_TO_RECLAIM,
    &GRACE_START,
    &STATE_IN_GRACE,
    &OPEN,
    &LOCK,
    &REMOVE,
    &RENAME,
    &SETCLIENTID_CONFIRM,
    &CREATE_SESSION,
    &RECLAIM_COMPLETE,
    &END_GRACE_WRITE,
    &LAUNDROMAT,
    &GRACE_END,
    &STATE_SHUTDOWN,
];
