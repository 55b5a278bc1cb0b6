//! What each hook is resolved to, on each kernel.

use std::collections::{BTreeMap, BTreeSet};

use nfsgrace::{
    kernel::{Kernel, Untraceable},
    probe::{At, Effort, Inspection, PlannedHook, Reason, Resolution, inspect},
    record::{Absence, HookId, ProbeStatus, Role},
};

use crate::fixture::{Fixture, SERIES};

fn thorough(fixture: &Fixture) -> Inspection {
    inspect(&fixture.kernel(), Role::Both, Effort::Thorough)
}

fn row<'a>(inspection: &'a Inspection, hook: &str) -> &'a PlannedHook {
    inspection.plan.hooks.iter().find(|row| row.hook.id.word() == hook).unwrap_or_else(|| panic!("no hook {hook}"))
}

fn programs(row: &PlannedHook) -> Vec<&str> {
    row.attachments().iter().map(|attachment| attachment.program.as_str()).collect()
}

fn targets(row: &PlannedHook) -> Vec<String> {
    row.attachments().iter().map(|attachment| attachment.target()).collect()
}

const EFFORTS: [Effort; 2] = [Effort::Quick, Effort::Thorough];

/// Seen directly on every kernel.
const ALWAYS: [(&str, &str); 20] = [
    ("nfs4_state_start_net", "nfsd"),
    ("nfsd4_client_tracking_init", "nfsd"),
    ("nfsd4_cld_tracking_init", "nfsd"),
    ("nfsd4_init_cld_pipe", "nfsd"),
    ("nfs4_client_to_reclaim", "nfsd"),
    ("locks_start_grace", "grace"),
    ("locks_end_grace", "grace"),
    ("__state_in_grace", "grace"),
    ("nfsd4_open", "nfsd"),
    ("nfsd4_lock", "nfsd"),
    ("nfsd4_remove", "nfsd"),
    ("nfsd4_rename", "nfsd"),
    ("nfsd4_reclaim_complete", "nfsd"),
    ("nfsd4_setclientid_confirm", "nfsd"),
    ("nfsd4_create_session", "nfsd"),
    ("write_v4_end_grace", "nfsd"),
    ("laundromat_main", "nfsd"),
    ("nfs4_do_open", "nfsv4"),
    ("nfs4_open_done", "nfsv4"),
    ("nfs4_handle_exception", "nfsv4"),
];

#[test]
fn what_exists_is_seen_directly() {
    for series in SERIES {
        let fixture = Fixture::of(series);
        for effort in EFFORTS {
            let inspection = inspect(&fixture.kernel(), Role::Both, effort);
            for (hook, module) in ALWAYS {
                let row = row(&inspection, hook);
                assert!(
                    matches!(row.resolution, Resolution::Ready { inferred: None, .. }),
                    "{series} {hook}: {:?}",
                    row.resolution
                );
                assert!(targets(row).iter().all(|target| *target == format!("{module}:{hook}")), "{series} {hook}");
            }
        }
    }
}

#[test]
fn the_two_inlined_functions_are_inferred() {
    for series in SERIES {
        let fixture = Fixture::of(series);
        for effort in EFFORTS {
            let inspection = inspect(&fixture.kernel(), Role::Both, effort);
            let polls = row(&inspection, "cld_running");
            assert_eq!(polls.passed_over, [("cld_running", Reason::Inlined)], "{series}");
            assert_eq!(targets(polls), ["msleep"]);
            let sleeps = row(&inspection, "nfs4_delay");
            assert_eq!(sleeps.passed_over, [("nfs4_delay", Reason::Inlined)], "{series}");
            assert_eq!(programs(sleeps), ["nfs4_handle_exception", "nfs4_handle_exception_ret"]);
            for row in [polls, sleeps] {
                assert!(matches!(row.resolution, Resolution::Ready { inferred: Some(_), .. }));
            }
            let layout = inspection.layout.layout;
            assert_eq!((layout.cld_running_probed, layout.nfs4_delay_probed), (0, 0));
        }
    }
}

#[test]
fn legacy_trackers_are_there_or_were_not_built() {
    for series in SERIES {
        let fixture = Fixture::of(series);
        for effort in EFFORTS {
            let inspection = inspect(&fixture.kernel(), Role::Both, effort);
            for hook in ["check_for_legacy_methods", "nfsd4_umh_cltrack_init", "nfsd4_legacy_tracking_init"] {
                let state = &row(&inspection, hook).resolution;
                if matches!(series, "6.18" | "7.3") {
                    let off = Reason::NotBuilt("CONFIG_NFSD_LEGACY_CLIENT_TRACKING");
                    assert_eq!(*state, Resolution::Missing(off), "{series} {hook}");
                } else {
                    assert!(matches!(state, Resolution::Ready { .. }), "{series} {hook}: {state:?}");
                }
            }
        }
    }
}

#[test]
fn nothing_is_left_unavailable_but_what_was_not_built() {
    for series in SERIES {
        let fixture = Fixture::of(series);
        let inspection = thorough(&fixture);
        for row in &inspection.plan.hooks {
            if let Resolution::Missing(reason) = &row.resolution {
                assert!(matches!(reason, Reason::NotBuilt(_)), "{series} {}: {reason}", row.hook.id);
            }
        }
    }
}

#[test]
fn the_path_comes_from_the_open_context_where_its_layout_is_known() {
    for series in SERIES {
        let fixture = Fixture::of(series);
        assert_eq!(row(&thorough(&fixture), "nfs_atomic_open").resolution, Resolution::NotNeeded, "{series}");
    }
    let fixture = Fixture::of("5.10").without("sys/kernel/btf/vmlinux");
    let inspection = thorough(&fixture);
    assert_eq!(targets(row(&inspection, "nfs_atomic_open")), ["nfs:nfs_atomic_open"]);
    assert_eq!(targets(row(&inspection, "nfs4_file_open")), ["nfsv4:nfs4_file_open"]);
}

#[test]
fn each_program_is_attached_once_and_sleepers_have_room() {
    let fixture = Fixture::of("6.18");
    let inspection = thorough(&fixture);
    let mut programs: Vec<_> = inspection.plan.attachments().map(|attachment| &attachment.program).collect();
    let all = programs.len();
    programs.sort_unstable();
    programs.dedup();
    assert_eq!(programs.len(), all);
    let room = |program| inspection.plan.attachments().find(|attachment| attachment.program == program).map(|a| a.at);
    assert_eq!(room("nfs4_handle_exception_ret"), Some(At::Return { max_active: 4096 }));
    assert_eq!(room("nfsd4_lock_ret"), Some(At::Return { max_active: 256 }));
    assert_eq!(room("nfs4_state_start_net_ret"), Some(At::Return { max_active: 16 }));
    assert_eq!(room("nfsd4_open"), Some(At::Entry));
}

#[test]
fn a_trace_event_comes_with_its_module() {
    for series in SERIES {
        for effort in EFFORTS {
            let inspection = inspect(&Fixture::of(series).kernel(), Role::Both, effort);
            let row = row(&inspection, "nfs4_xdr_status");
            assert!(
                matches!(row.resolution, Resolution::Ready { inferred: None, .. }),
                "{series}: {:?}",
                row.resolution
            );
            assert_eq!(targets(row), ["nfs4:nfs4_xdr_status"], "{series}");
        }
    }
    let format = "sys/kernel/tracing/events/nfs4/nfs4_xdr_status/format";
    let before = thorough(&Fixture::of("6.18").without_module("nfsv4").without(format));
    let waiting = &row(&before, "nfs4_xdr_status").attachments()[0];
    assert!(!waiting.ready && !waiting.can_wait_in_tracefs(), "tracefs has no such event yet");
    let without = thorough(&Fixture::of("6.18").without(format));
    assert_eq!(row(&without, "nfs4_xdr_status").resolution, Resolution::Missing(Reason::NoEvent));
}

#[test]
fn one_side_has_its_own_hooks_only() {
    let fixture = Fixture::of("6.18");
    let client = inspect(&fixture.kernel(), Role::Client, Effort::Quick);
    assert!(client.plan.attachments().all(|attachment| attachment.module.as_deref() == Some("nfsv4")));
    let server = inspect(&fixture.kernel(), Role::Server, Effort::Quick);
    assert!(server.plan.attachments().all(|attachment| attachment.module.as_deref() != Some("nfsv4")));
}

#[test]
fn a_module_that_is_not_loaded_yet_is_waited_for() {
    let fixture = Fixture::of("6.18").without_module("nfsd").without_module("grace");
    for effort in EFFORTS {
        let inspection = inspect(&fixture.kernel(), Role::Both, effort);
        let open = row(&inspection, "nfsd4_open");
        assert!(matches!(open.resolution, Resolution::Waiting { .. }));
        assert_eq!(targets(open), ["nfsd:nfsd4_open", "nfsd:nfsd4_open"]);
        assert!(open.attachments().iter().all(|attachment| !attachment.ready));
        // Which of them the module will have is not known, and what makes up for them may be armed at once.
        let polls: Vec<_> = row(&inspection, "cld_running")
            .attachments()
            .iter()
            .map(|attachment| (attachment.target(), attachment.ready))
            .collect();
        assert_eq!(polls, [("nfsd:cld_running".to_owned(), false), ("msleep".to_owned(), true)]);
        let questions = row(&inspection, "__state_in_grace");
        assert_eq!(questions.attachments().len(), 6);
        assert_eq!(inspection.layout.layout.cld_running_probed, 0);
        assert!(matches!(row(&inspection, "nfs4_do_open").resolution, Resolution::Ready { .. }));
        assert!(inspection.plan.attachments().next().is_some_and(|first| first.ready));
    }
}

#[test]
fn nothing_loaded_at_all_is_no_error() {
    let fixture = ["nfsv4", "nfs", "nfsd", "lockd", "grace", "sunrpc"]
        .into_iter()
        .fold(Fixture::of("6.18"), Fixture::without_module);
    let inspection = thorough(&fixture);
    for row in &inspection.plan.hooks {
        let waits = matches!(row.resolution, Resolution::Waiting { .. } | Resolution::NotNeeded);
        assert!(waits, "{}: {:?}", row.hook.id, row.resolution);
    }
}

#[test]
fn a_kernel_that_cannot_load_modules_has_none_to_wait_for() {
    let fixture = Fixture::of("6.18").without_module("nfsd").without("proc/modules");
    assert_eq!(row(&thorough(&fixture), "nfsd4_open").resolution, Resolution::Missing(Reason::ModuleMissing("nfsd")));
}

#[test]
fn a_renamed_function_will_do_where_no_argument_is_read() {
    let fixture = Fixture::of("6.18")
        .replaced("proc/kallsyms", " laundromat_main\t", " laundromat_main.isra.0\t")
        .replaced("proc/kallsyms", " nfsd4_open\t", " nfsd4_open.constprop.0\t")
        .replaced(
            "sys/kernel/tracing/available_filter_functions",
            "laundromat_main [nfsd]",
            "laundromat_main.isra.0 [nfsd]",
        );
    let inspection = thorough(&fixture);
    assert_eq!(targets(row(&inspection, "laundromat_main"))[0], "nfsd:laundromat_main.isra.0");
    assert_eq!(
        row(&inspection, "nfsd4_open").resolution,
        Resolution::Missing(Reason::Renamed("nfsd4_open.constprop.0".into()))
    );
}

#[test]
fn a_better_kernel_is_made_use_of() {
    let fixture = Fixture::of("6.18").replaced(
        "proc/kallsyms",
        "0000000000000000 t nfsd4_open\t[nfsd]\n",
        "0000000000000000 t nfsd4_open\t[nfsd]\n0000000000000000 t cld_running\t[nfsd]\n\
         0000000000000000 t nfs4_delay\t[nfsv4]\n",
    );
    let functions = "sys/kernel/tracing/available_filter_functions";
    let fixture = fixture.without(functions);
    let inspection = thorough(&fixture);
    assert_eq!(programs(row(&inspection, "cld_running")), ["cld_running_ret"]);
    assert_eq!(programs(row(&inspection, "nfs4_delay")), ["nfs4_delay", "nfs4_delay_ret"]);
    let layout = inspection.layout.layout;
    assert_eq!((layout.cld_running_probed, layout.nfs4_delay_probed), (1, 1));
}

#[test]
fn without_state_in_grace_its_callers_are_asked() {
    let fixture = Fixture::of("6.18").replaced("proc/kallsyms", " __state_in_grace\t", " other\t");
    let inspection = thorough(&fixture);
    let row = row(&inspection, "__state_in_grace");
    assert_eq!(row.passed_over, [("__state_in_grace", Reason::Inlined)]);
    assert_eq!(programs(row), ["opens_in_grace", "opens_in_grace_ret", "locks_in_grace", "locks_in_grace_ret"]);
}

#[test]
fn what_the_kernel_refuses_to_probe_is_not_tried() {
    let functions = "sys/kernel/tracing/available_filter_functions";
    let blacklist = "sys/kernel/debug/kprobes/blacklist";
    let fixture =
        Fixture::of("6.18").replaced(functions, "nfsd4_open [nfsd]\n", "").with(blacklist, "0x0-0x0\tnfsd4_lock\n");
    let inspection = thorough(&fixture);
    let state = |hook| row(&inspection, hook).resolution.clone();
    assert_eq!(state("nfsd4_open"), Resolution::Missing(Reason::NotTraceable(Untraceable::Notrace)));
    assert_eq!(state("nfsd4_lock"), Resolution::Missing(Reason::NotTraceable(Untraceable::Blacklisted)));
    let fixture = fixture.without(functions).without(blacklist);
    assert!(
        matches!(row(&thorough(&fixture), "nfsd4_open").resolution, Resolution::Ready { .. }),
        "not known to be refused"
    );
}

#[test]
fn a_name_that_is_there_twice_is_not_unique() {
    let line = "0000000000000000 t nfsd4_open\t[nfsd]\n";
    let fixture = Fixture::of("6.18").replaced("proc/kallsyms", line, &line.repeat(2));
    assert_eq!(row(&thorough(&fixture), "nfsd4_open").resolution, Resolution::Missing(Reason::NotUnique));
}

#[test]
fn a_symbol_table_that_cannot_be_read_is_a_matter_of_privilege() {
    let fixture = Fixture::of("6.18").without("proc/kallsyms");
    let inspection = thorough(&fixture);
    assert!(matches!(row(&inspection, "nfsd4_open").resolution, Resolution::Missing(Reason::NoPrivilege(_))));
    // Where BTF has the names the table is not needed.
    let quick = inspect(&fixture.kernel(), Role::Both, Effort::Quick);
    assert!(matches!(row(&quick, "nfsd4_open").resolution, Resolution::Ready { .. }));
}

#[test]
fn a_hook_that_btf_does_not_know_is_looked_for_in_the_symbol_table() {
    let fixture = Fixture::of("6.18");
    let names = std::fs::read(fixture.path("sys/kernel/btf/nfsd")).expect("read");
    let hidden = replaced(&names, b"\0nfsd4_open\0", b"\0nfsd4_0pen\0");
    std::fs::write(fixture.path("sys/kernel/btf/nfsd"), hidden).expect("written");
    let quick = inspect(&fixture.kernel(), Role::Both, Effort::Quick);
    assert!(matches!(row(&quick, "nfsd4_open").resolution, Resolution::Ready { .. }));
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).expect("is there");
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn built_in_modules_are_probed_in_the_kernel_image() {
    let fixture = Fixture::of("6.18").replaced("proc/kallsyms", "\t[nfsd]", "");
    let release = fixture.kernel().release().to_owned();
    let fixture = fixture
        .replaced("proc/modules", "nfsd 1060864", "other 1060864")
        .with(&format!("lib/modules/{release}/modules.builtin"), "kernel/fs/nfsd/nfsd.ko\n");
    assert_eq!(targets(row(&thorough(&fixture), "nfsd4_open")), ["nfsd4_open", "nfsd4_open"]);
}

#[test]
fn an_empty_tree_is_no_kernel() {
    let directory = tempfile::tempdir().expect("a directory");
    let error = Kernel::open(directory.path()).expect_err("no kernel");
    assert!(format!("{error:#}").contains("osrelease"), "{error:#}");
}

#[test]
fn a_hook_that_the_kernel_refuses_in_part_is_missing() {
    let plan = thorough(&Fixture::of("6.18")).plan;
    let refused = [("nfsd4_open_ret".to_owned(), "nfsd:nfsd4_open: Invalid argument (os error 22)".to_owned())].into();
    let rows = plan.rows_carried_out(&refused);
    let row = |hook| rows.iter().find(|row| row.hook == hook).expect("a row");
    let open = row(HookId::Open);
    assert_eq!(open.status, ProbeStatus::Missing);
    assert_eq!(open.absence, Some(Absence::Refused.into()));
    assert!(open.leaves_gap() && open.why.contains("os error 22"), "{open:?}");
    assert_eq!(row(HookId::Lock).status, ProbeStatus::Attached);
}

#[test]
fn what_a_kernel_was_built_without_is_missing_and_not_missed() {
    let plan = thorough(&Fixture::of("6.18")).plan;
    for rows in [plan.rows(), plan.rows_carried_out(&BTreeMap::new())] {
        let absent: Vec<_> = rows.iter().filter(|row| row.status == ProbeStatus::Missing).collect();
        assert_eq!(absent.len(), 3);
        assert!(
            absent.iter().all(|row| row.absence == Some(Absence::NotBuilt.into()) && !row.leaves_gap()),
            "{absent:?}"
        );
    }
}

#[test]
fn a_hook_of_a_module_to_come_waits_and_loses_nothing_meanwhile() {
    let rows = thorough(&Fixture::of("6.18").without_module("nfsd")).plan.rows_carried_out(&BTreeMap::new());
    let waiting: Vec<_> = rows.iter().filter(|row| row.status == ProbeStatus::Waiting).collect();
    assert!(!waiting.is_empty());
    assert!(
        waiting.iter().all(|row| row.absence == Some(Absence::NotLoaded.into()) && row.lost.is_empty()),
        "{waiting:?}"
    );
}

#[test]
fn the_heart_goes_first_and_returns_before_entries() {
    let plan = thorough(&Fixture::of("6.18")).plan;
    let (heart, details) = plan.heart_and_details(&BTreeSet::new());
    assert_eq!(heart.len() + details.len(), plan.attachments().count());
    for part in [&heart, &details] {
        assert!(part.is_sorted_by_key(|it| (it.later && it.module.as_deref() != Some("nfsv4"), it.at == At::Entry)));
    }
    let programs: Vec<&str> = heart.iter().map(|it| it.program.as_str()).collect();
    for program in ["nfsd4_client_tracking_init", "msleep", "nfsd4_open_ret", "locks_end_grace", "nfs4_do_open"] {
        assert!(programs.contains(&program), "{programs:?}");
    }
    assert_eq!(details[0].program, "nfs4_xdr_status");
}

#[test]
fn what_is_attached_is_not_attached_again_when_its_module_arrives() {
    let format = "sys/kernel/tracing/events/nfs4/nfs4_xdr_status/format";
    let before = thorough(&Fixture::of("6.18").without_module("nfsv4").without(format)).plan;
    let (heart, details) = before.heart_and_details(&BTreeSet::new());
    assert!(details.iter().all(|it| it.program != "nfs4_xdr_status"), "tracefs has no such event yet");
    let attached = heart.into_iter().chain(details).map(|it| it.program).collect();
    let (heart, details) = thorough(&Fixture::of("6.18")).plan.heart_and_details(&attached);
    assert_eq!(heart, []);
    assert_eq!(details.iter().map(|it| it.program.as_str()).collect::<Vec<_>>(), ["nfs4_xdr_status"]);
}
