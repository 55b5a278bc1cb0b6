//! Trace events that the kernel itself defines, and where the fields of their records are.

use std::collections::BTreeMap;

use super::Kernel;

/// A trace event, by the names of its directories below `events` in tracefs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName {
    /// The group that it belongs to: `nfs4`.
    pub system: &'static str,
    /// Its own name: `nfs4_xdr_status`.
    pub name: &'static str,
}

/// The trace events that a kernel has, of those looked for.
#[derive(Debug, Clone, Default)]
pub struct TraceEvents {
    found: BTreeMap<EventName, BTreeMap<String, u32>>,
}

impl TraceEvents {
    /// Whether the kernel has it.
    #[must_use]
    pub fn has(&self, event: EventName) -> bool {
        self.found.contains_key(&event)
    }

    /// Bytes from the start of its record to a field.
    #[must_use]
    pub fn offset(&self, event: EventName, field: &str) -> Option<u32> {
        self.found.get(&event)?.get(field).copied()
    }
}

impl Kernel {
    /// Looks for `wanted`. Those of a module are there only while it is loaded; without privilege none is.
    #[must_use]
    pub fn trace_events(&self, wanted: impl IntoIterator<Item = EventName>) -> TraceEvents {
        let Some(tracefs) = self.tracefs() else { return TraceEvents::default() };
        let format = |event: &EventName| {
            let path = tracefs.join("events").join(event.system).join(event.name).join("format");
            std::fs::read_to_string(path).ok()
        };
        let found = wanted.into_iter().filter_map(|event| Some((event, fields(&format(&event)?)))).collect();
        TraceEvents { found }
    }
}

/// One line for each: `field:u32 xid; offset:16; size:4; signed:0;`, indented, with tabs between.
fn fields(format: &str) -> BTreeMap<String, u32> {
    let field = |line: &str| {
        let mut parts = line.trim().split(';').map(str::trim);
        let declaration = parts.next()?.strip_prefix("field:")?;
        let name = declaration.rsplit([' ', '*']).next()?;
        let offset = parts.next()?.strip_prefix("offset:")?.parse().ok()?;
        Some((name.to_owned(), offset))
    };
    format.lines().filter_map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_record() {
        let format = "name: nfs4_xdr_status\nID: 1653\nformat:\n\
                      \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
                      \tfield:u32 xid;\toffset:16;\tsize:4;\tsigned:0;\n\
                      \tfield:unsigned long error;\toffset:24;\tsize:8;\tsigned:0;\n\n\
                      print fmt: \"task:%u xid=0x%08x\", REC->xid\n";
        let fields = fields(format);
        assert_eq!(fields.get("xid"), Some(&16));
        assert_eq!(fields.get("error"), Some(&24));
        assert_eq!(fields.len(), 3);
    }
}
