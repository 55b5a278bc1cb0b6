//! Version, tick rate, modules and what must hold.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use nfsgrace::kernel::{HzSource, Presence};

use crate::fixture::{Fixture, SERIES};

#[test]
fn the_tick_rate_is_configured() {
    for series in SERIES {
        let fixture = Fixture::of(series);
        let kernel = fixture.kernel();
        let hz = kernel.hz().expect("a tick rate");
        assert_eq!(hz.value, 250);
        assert_eq!(hz.source, HzSource::Config(format!("/boot/config-{}", kernel.release())));
    }
}

#[test]
fn without_configuration_the_tick_rate_is_measured() {
    for series in SERIES {
        let fixture = Fixture::of(series);
        let config = format!("boot/config-{}", fixture.kernel().release());
        let fixture = fixture.without(&config);
        let hz = fixture.kernel().hz().expect("a tick rate");
        assert_eq!((hz.value, hz.source), (250, HzSource::Jiffies), "{series}");
    }
}

#[test]
fn versions() {
    let versions = SERIES.map(|series| Fixture::of(series).kernel().version());
    assert_eq!(versions, [(5, 10), (6, 1), (6, 12), (6, 18), (7, 3)]);
}

#[test]
fn modules_are_loaded_built_in_or_may_come() {
    let fixture = Fixture::of("6.18").without_module("nfsd").without_module("grace");
    let release = fixture.kernel().release().to_owned();
    let fixture = fixture.with(&format!("lib/modules/{release}/modules.builtin"), "kernel/fs/nfs_common/grace.ko\n");
    let modules = fixture.kernel().modules();
    assert_eq!(modules.presence("nfsv4"), Presence::Loaded);
    assert_eq!(modules.presence("nfsd"), Presence::NotLoaded);
    assert_eq!(modules.presence("grace"), Presence::BuiltIn);
    let fixture = fixture.without("proc/modules");
    assert_eq!(fixture.kernel().modules().presence("nfsd"), Presence::Never);
}

#[test]
fn the_lab_lacks_nothing() {
    for series in SERIES {
        let fixture = Fixture::of(series);
        assert_eq!(fixture.kernel().prerequisites(), [], "{series}");
        assert_eq!(fixture.kernel().tracefs(), Some(fixture.path("sys/kernel/tracing")));
    }
}

#[test]
fn tracefs_without_kprobe_events_and_no_tracefs_are_told_apart() {
    let sentence = |fixture: &Fixture| fixture.kernel().prerequisites()[0].to_string();
    let fixture = Fixture::of("6.18").without("sys/kernel/tracing/kprobe_events");
    assert!(sentence(&fixture).contains("CONFIG_KPROBE_EVENTS"), "{}", sentence(&fixture));
    let fixture = fixture.replaced("proc/mounts", "tracefs /sys/kernel/tracing tracefs", "tmpfs /mnt tmpfs");
    assert_eq!(sentence(&fixture), "tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing");
}

#[test]
fn confidentiality_forbids_kprobes_and_integrity_does_not() {
    let lockdown = "sys/kernel/security/lockdown";
    let fixture = Fixture::of("6.18").with(lockdown, "none [integrity] confidentiality\n");
    assert_eq!(fixture.kernel().prerequisites(), []);
    let fixture = fixture.with(lockdown, "none integrity [confidentiality]\n");
    assert_eq!(fixture.kernel().prerequisites().len(), 1);
}

#[test]
fn a_user_without_privilege_is_told_so() {
    let fixture = Fixture::of("6.18").with("proc/self/status", "Name:\tnfsgrace\nCapEff:\t0000000000000000\n");
    let unmet = fixture.kernel().prerequisites();
    assert_eq!(unmet.len(), 1);
    assert_eq!(unmet[0].remedy, "run nfsgrace as root (with sudo)");
}

#[test]
fn a_configuration_that_the_kernel_carries_is_read_too() {
    let fixture = Fixture::of("6.18");
    let config = format!("boot/config-{}", fixture.kernel().release());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(b"CONFIG_HZ_1000=y\nCONFIG_HZ=1000\n").expect("packed");
    std::fs::write(fixture.path("proc/config.gz"), gzip.finish().expect("packed")).expect("written");
    let fixture = fixture.without(&config);
    let hz = fixture.kernel().hz().expect("a tick rate");
    assert_eq!((hz.value, hz.source), (1000, HzSource::Config("/proc/config.gz".into())));
}
