//! A SOURCE as it is written on the command line.

use std::{fmt, net::Ipv6Addr, path::PathBuf, str::FromStr};

/// Where records come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    /// `local`: the running kernel.
    Local,
    /// `-`: a session on standard input.
    Stdin,
    /// `ssh://[user@]host[:port]`: another host.
    Ssh(Target),
    /// A session file.
    File(PathBuf),
}

/// A host for ssh. Neither its name nor its user can be taken for an option or for a shell's syntax: ssh may pass both to
/// a shell (`ProxyCommand`, `Match exec`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

impl Target {
    /// What ssh and scp call it: `user@host`, the host being a name of the user's ssh configuration, too.
    #[must_use]
    pub fn destination(&self) -> String {
        match &self.user {
            Some(user) => format!("{user}@{}", self.host),
            None => self.host.clone(),
        }
    }

    /// The host's name or address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The user to log in as; `None` leaves it to ssh's configuration.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Its port; `None` leaves it to ssh's configuration.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ssh://")?;
        if let Some(user) = &self.user {
            write!(out, "{user}@")?;
        }
        if self.host.contains(':') {
            write!(out, "[{}]", self.host)?
        } else {
            write!(out, "{}", self.host)?
        }
        self.port.map_or(Ok(()), |port| write!(out, ":{port}"))
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => write!(out, "local"),
            Self::Stdin => write!(out, "-"),
            Self::Ssh(target) => target.fmt(out),
            Self::File(path) => path.display().fmt(out),
        }
    }
}

/// A SOURCE that cannot be one; says what can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; a source is `local`, `-`, `ssh://[user@]host[:port]`, or a session file")]
pub struct NotASource(String);

impl FromStr for Spec {
    type Err = NotASource;

    fn from_str(text: &str) -> Result<Self, NotASource> {
        match text {
            "" => Err(NotASource("it is empty".to_owned())),
            "local" => Ok(Self::Local),
            "-" => Ok(Self::Stdin),
            _ => match text.split_once("://") {
                Some(("ssh", rest)) => target(rest).map(Self::Ssh).map_err(NotASource),
                Some((scheme, _)) if is_scheme(scheme) => Err(NotASource(format!("{scheme}:// is not known here"))),
                _ => Ok(Self::File(text.into())),
            },
        }
    }
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn target(text: &str) -> Result<Target, String> {
    let text = text.strip_suffix('/').unwrap_or(text);
    // A user of a domain has an `@` of its own.
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, text),
    };
    if rest.contains('/') {
        return Err("a host has no path (--remote-path says where nfsgrace is there)".to_owned());
    }
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or("the `]` after the address is missing")?;
            let port = match after.strip_prefix(':') {
                Some(port) => Some(port),
                None if after.is_empty() => None,
                None => return Err(format!("{after:?} cannot follow the address")),
            };
            let (number, zone) = address.split_once('%').unwrap_or((address, "0"));
            if number.parse::<Ipv6Addr>().is_err() || !is_plain(zone, "") {
                return Err(format!("{address:?} is no IPv6 address"));
            }
            (address, port)
        }
        None if rest.parse::<Ipv6Addr>().is_ok() => {
            return Err(format!("an IPv6 address has brackets: ssh://[{rest}]"));
        }
        None => {
            let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
            if !is_plain(host, "") {
                return Err(format!("{host:?} cannot be a host's name"));
            }
            (host, port)
        }
    };
    if let Some(user) = user.filter(|user| !is_plain(user, "@+")) {
        return Err(format!("{user:?} cannot be a user's name"));
    }
    let port = match port.map(str::parse) {
        None => None,
        Some(Ok(port @ 1_u16..)) => Some(port),
        Some(_) => return Err("a port is a number from 1 to 65535".to_owned()),
    };
    Ok(Target { user: user.map(str::to_owned), host: host.to_owned(), port })
}

/// Letters, digits, and what else harms nobody; not at the beginning where options have theirs.
fn is_plain(name: &str, also: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') || also.contains(c);
    !name.is_empty() && name.len() <= 255 && !name.starts_with('-') && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ssh(text: &str) -> Target {
        match text.parse() {
            Ok(Spec::Ssh(target)) => target,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn each_kind_of_source() {
        assert_eq!("local".parse(), Ok(Spec::Local));
        assert_eq!("-".parse(), Ok(Spec::Stdin));
        assert_eq!("./local".parse(), Ok(Spec::File("./local".into())));
        assert_eq!("a b.ndjson.zst".parse(), Ok(Spec::File("a b.ndjson.zst".into())));
        let host = ssh("ssh://root@client1:2222");
        assert_eq!((host.destination().as_str(), host.port()), ("root@client1", Some(2222)));
        let host = ssh("ssh://admin@corp.example@nfs-1.example/");
        assert_eq!((host.user(), host.host(), host.port()), (Some("admin@corp.example"), "nfs-1.example", None));
        let host = ssh("ssh://root@[fe80::1%eth0]:22");
        assert_eq!((host.destination().as_str(), host.port()), ("root@fe80::1%eth0", Some(22)));
    }

    #[test]
    fn no_option_and_no_shell_syntax_gets_through() {
        for bad in [
            "ssh://-oProxyCommand=sh",
            "ssh://-l@host",
            "ssh://host;reboot",
            "ssh://$(reboot)",
            "ssh://`id`@host",
            "ssh://root@",
            "ssh://@host",
            "ssh://a b",
            "ssh://host|sh",
            "ssh://ho'st",
            "ssh://%h",
            "ssh://host\nname",
            "ssh://[::1%;sh]",
            "ssh://[-oX]",
        ] {
            assert!(bad.parse::<Spec>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn errors_say_what_is_accepted() {
        for (bad, complaint) in [
            ("", "empty"),
            ("https://host", "https:// is not known here"),
            ("ssh://host/var/log", "--remote-path"),
            ("ssh://::1", "ssh://[::1]"),
            ("ssh://host:0", "from 1 to 65535"),
            ("ssh://host:ssh", "from 1 to 65535"),
            ("ssh://[::1", "missing"),
            ("ssh://[::1]22", "cannot follow"),
        ] {
            let error = bad.parse::<Spec>().expect_err(bad).to_string();
            assert!(error.contains(complaint) && error.contains("ssh://[user@]host[:port]"), "{bad}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_harmless_and_reads_back(text in "ssh://.{0,30}") {
            if let Ok(Spec::Ssh(target)) = text.parse() {
                let destination = target.destination();
                prop_assert!(!destination.starts_with('-'));
                let syntax = |c: char| c.is_whitespace() || c.is_control() || "$`'\"\\;&|<>(){}*?!~#".contains(c);
                let harmful = destination.contains(syntax);
                prop_assert!(!harmful);
                prop_assert_eq!(target.to_string().parse(), Ok(Spec::Ssh(target)));
            }
        }
    }
}
