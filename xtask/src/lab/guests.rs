//! The guests of a run, and what they are to each other.

use std::fmt;

use super::kernel::Kernel;

/// What a guest is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Server and client in one; runs the steps.
    Alone,
    /// The server, with a cable to each client.
    Server,
    /// A client; runs the steps.
    Client,
    /// One more client.
    Second,
}

impl Role {
    /// Whether the scenario's steps run here. Others do what they are told (`xtask/lab/serve.sh`) until they are dismissed.
    pub fn runs_steps(self) -> bool {
        matches!(self, Self::Alone | Self::Client)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Alone => "alone",
            Self::Server => "server",
            Self::Client => "client",
            Self::Second => "second",
        })
    }
}

/// A guest.
#[derive(Debug, Clone)]
pub struct Guest {
    /// What it is there for.
    pub role: Role,
    /// Its kernel.
    pub kernel: Kernel,
    /// By how much its wall clock is wrong, hours.
    pub hours: i32,
}

impl Guest {
    /// The only one.
    pub fn alone(kernel: Kernel) -> Self {
        Self { role: Role::Alone, kernel, hours: 0 }
    }
}
