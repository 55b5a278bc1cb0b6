//! Offsets against what another reader of BTF (`bpftool btf dump`) shows for the same kernels.

use nfsgrace::probe::{
    hook,
    layout::{self, Detail, FieldPlace, LayoutReport, NotFound},
};
use nfsgrace_ebpf::{ABSENT, Layout};

use crate::fixture::{Fixture, SERIES};

fn report(fixture: &Fixture) -> LayoutReport {
    let kernel = fixture.kernel();
    layout::find(&kernel.types(&["nfsd", "nfsv4"]), &kernel.modules(), &kernel.trace_events(hook::events()))
}

/// What is not known, and why.
fn missing(report: &LayoutReport) -> Vec<(&Detail, NotFound)> {
    let why = |detail: &Detail| match detail.found {
        FieldPlace::Missing(why) => Some(why),
        _ => None,
    };
    report.details.iter().filter_map(|detail| Some((detail, why(detail)?))).collect()
}

/// What is the same on 6.1, 6.12, 6.18 and 7.3.
const COMMON: Layout = Layout {
    dentry_parent: 24,
    dentry_name: 40,
    dentry_sb: 104,
    sb_dev: 16,
    file_dentry: 72,
    file_inode: 32,
    inode_sb: 40,
    module_name: 24,
    nn_manager: 40,
    open_claim: 0,
    open_fname: 8,
    open_fnamelen: 4,
    clp_name: 152,
    rqst_addr: 48,
    rqst_xprt: 40,
    octx_dentry: 72,
    server_client: 0,
    client_hostname: 168,
    exception_timeout: 24,
    task_status: 4,
    task_request: 184,
    request_xid: 168,
    status_xid: 16,
    status_error: 24,
    ..Layout::UNKNOWN
};

fn expected(series: &str) -> Layout {
    match series {
        // Modules have no BTF; the kernel image knows what fs/nfs_common and its like refer to.
        "5.10" => Layout {
            net_inum: 144,
            sb_fs_info: 904,
            file_dentry: 24,
            nn_manager: ABSENT,
            open_fname: ABSENT,
            open_fnamelen: ABSENT,
            clp_name: ABSENT,
            rqst_xid: 11240,
            rqst_addr: 40,
            rqst_xprt: 32,
            task_request: 192,
            request_sent: 424,
            request_transmissions: 432,
            ..COMMON
        },
        "6.1" => Layout {
            net_inum: 144,
            sb_fs_info: 920,
            file_dentry: 24,
            nn_lease: 336,
            nn_grace: 344,
            nn_tracking_ops: 328,
            nn_to_reclaim: 104,
            nn_reclaimed: 356,
            nn_tracks: 353,
            cstate_minor: 800,
            cstate_clp: 760,
            rqst_xid: 11232,
            rqst_addr: 40,
            rqst_xprt: 32,
            xprt_net: 496,
            request_sent: 424,
            request_transmissions: 432,
            ..COMMON
        },
        "6.12" => Layout {
            net_inum: 136,
            sb_fs_info: 912,
            file_inode: 40,
            nn_lease: 408,
            nn_grace: 416,
            nn_tracking_ops: 400,
            nn_to_reclaim: 112,
            nn_reclaimed: 424,
            nn_tracks: 64,
            nn_tracks_bit: 4,
            cstate_minor: 864,
            cstate_clp: 824,
            rqst_xid: 11384,
            xprt_net: 488,
            request_sent: 424,
            request_transmissions: 432,
            ..COMMON
        },
        "6.18" => Layout {
            net_inum: 176,
            sb_fs_info: 912,
            nn_lease: 328,
            nn_grace: 336,
            nn_tracking_ops: 320,
            nn_to_reclaim: 96,
            nn_reclaimed: 348,
            nn_tracks: 345,
            cstate_minor: 880,
            cstate_clp: 840,
            rqst_xid: 1040,
            xprt_net: 496,
            request_sent: 440,
            request_transmissions: 448,
            ..COMMON
        },
        "7.3" => Layout {
            net_inum: 280,
            sb_fs_info: 920,
            nn_lease: 408,
            nn_grace: 416,
            nn_tracking_ops: 400,
            nn_to_reclaim: 104,
            nn_reclaimed: 424,
            nn_tracks: 64,
            nn_tracks_bit: 4,
            cstate_minor: 880,
            cstate_clp: 840,
            clp_name: 160,
            rqst_xid: 1048,
            xprt_net: 488,
            request_sent: 440,
            request_transmissions: 448,
            ..COMMON
        },
        _ => unreachable!("no such fixture"),
    }
}

#[test]
fn offsets_are_those_of_the_kernel() {
    for series in SERIES {
        assert_eq!(report(&Fixture::of(series)).layout, expected(series), "{series}");
    }
}

#[test]
fn with_module_btf_nothing_is_missing() {
    for series in ["6.1", "6.12", "6.18", "7.3"] {
        assert_eq!(missing(&report(&Fixture::of(series))), [], "{series}");
    }
}

#[test]
fn without_module_btf_it_is_said_what_is_lost() {
    let report = report(&Fixture::of("5.10"));
    let missing = missing(&report);
    let lost: Vec<&str> = missing.iter().map(|(detail, _)| detail.gives).collect();
    assert!(lost.contains(&"file name in refused OPENs"), "{lost:?}");
    assert!(lost.contains(&"length of the grace period, hence when it ends"), "{lost:?}");
    assert!(!lost.contains(&"client address of refused OPENs"), "the kernel image knows struct svc_rqst: {lost:?}");
    assert!(missing.iter().all(|(_, why)| *why == NotFound::NoBtf), "{missing:?}");
}

#[test]
fn what_never_moved_is_known_without_btf() {
    let report = report(&Fixture::of("5.10"));
    let constants: Vec<_> = report
        .details
        .iter()
        .filter(|detail| matches!(detail.found, FieldPlace::Constant(_)))
        .map(|d| d.member)
        .collect();
    assert_eq!(constants, ["op_claim_type", "timeout"]);
}

#[test]
fn details_of_a_module_that_may_still_come_are_not_lost() {
    let report = report(&Fixture::of("6.18").without_module("nfsd"));
    let missing = missing(&report);
    assert!(!missing.is_empty());
    for (detail, why) in missing {
        assert_eq!(why, NotFound::NotLoaded, "{detail:?}");
    }
}

#[test]
fn without_any_btf_only_constants_and_records_are_known() {
    let report = report(&Fixture::of("6.18").without("sys/kernel/btf/vmlinux"));
    let known = Layout { open_claim: 0, exception_timeout: 24, status_xid: 16, status_error: 24, ..Layout::UNKNOWN };
    assert_eq!(report.layout, known);
}

#[test]
fn a_kernel_without_the_trace_event_gives_no_xid() {
    let fixture = Fixture::of("6.18").without("sys/kernel/tracing/events/nfs4/nfs4_xdr_status/format");
    let report = report(&fixture);
    assert_eq!((report.layout.status_xid, report.layout.status_error), (ABSENT, ABSENT));
    let missing: Vec<_> = missing(&report).into_iter().map(|(detail, why)| (detail.structure, why)).collect();
    assert_eq!(missing, [("nfs4_xdr_status", NotFound::NoSuchEvent); 2]);
}

#[test]
fn damaged_btf_is_as_good_as_none() {
    let report = report(&Fixture::of("6.18").with("sys/kernel/btf/nfsd", "no BTF"));
    assert_eq!(report.layout.nn_grace, ABSENT);
    assert_eq!(report.layout.exception_timeout, 24);
}
