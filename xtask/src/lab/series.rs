//! The kernels that the lab boots.

use std::{cmp::Ordering, fmt, str::FromStr};

/// A kernel series that Debian packages; the newest package of each is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Series {
    /// 5.10
    V5_10,
    /// 6.1
    V6_1,
    /// 6.12
    V6_12,
    /// 6.18
    V6_18,
    /// The newest 7.x
    V7,
}

impl Series {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] = [Self::V5_10, Self::V6_1, Self::V6_12, Self::V6_18, Self::V7];

    /// The name that commands and scenarios use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V5_10 => "5.10",
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
            Self::V6_18 => "6.18",
            Self::V7 => "7.x",
        }
    }

    /// Whether the kernel of this `version` (`6.18.15+deb13`) belongs to the series.
    #[must_use]
    pub fn includes(self, version: &str) -> bool {
        let prefix = self.name().trim_end_matches('x');
        version
            .strip_prefix(prefix)
            .is_some_and(|rest| prefix.ends_with('.') || rest.is_empty() || rest.starts_with(['.', '-', '+']))
    }
}

impl fmt::Display for Series {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Series {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|series| series.name() == name || series.includes(name));
        known.or((name == "7").then_some(Self::V7)).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|series| series.name()).collect();
            format!("the lab has no such kernel; it has {}", names.join(", "))
        })
    }
}

/// Compares versions the way people read them: runs of digits by value.
#[must_use]
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let numbers = |version: &str| -> Vec<u64> {
        version.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
    };
    numbers(a).cmp(&numbers(b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_not_its_longer_namesake() {
        assert!(Series::V6_1.includes("6.1.0-56"));
        assert!(!Series::V6_1.includes("6.12.117+deb12"));
        assert!(Series::V6_12.includes("6.12.117+deb12"));
        assert!(Series::V7.includes("7.3.4+deb13") && Series::V7.includes("7.12.1"));
        assert!(!Series::V7.includes("77.1"));
    }

    #[test]
    fn a_series_is_found_by_its_name_or_a_version_of_it() {
        for (name, series) in [("6.18", Series::V6_18), ("7.3", Series::V7), ("7", Series::V7), ("7.x", Series::V7)] {
            assert_eq!(name.parse(), Ok(series));
        }
        assert!("4.19".parse::<Series>().is_err());
    }

    #[test]
    fn newer_versions_sort_last() {
        assert_eq!(compare_versions("6.1.0-9", "6.1.0-56"), Ordering::Less);
        assert_eq!(compare_versions("7.3.4+deb13", "7.0.12+deb13"), Ordering::Greater);
    }
}
