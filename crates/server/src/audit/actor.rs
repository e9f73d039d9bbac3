//! Who did it, and from where.

use domain::ids::WorkspaceId;
use std::{fmt, net::IpAddr};

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    /// Somebody signed in, by e-mail address.
    Person(String),
    /// A program with an access key.
    AccessKey {
        /// The key's name.
        name: String,
        /// Its last characters.
        hint: String,
    },
    /// Somebody who may run commands on the server.
    CommandLine,
    /// The program by itself.
    Background,
    /// Somebody who did not sign in.
    Stranger,
}

impl Who {
    /// The word for the kind of actor.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Person(_) => "person",
            Self::AccessKey { .. } => "access_key",
            Self::CommandLine => "command_line",
            Self::Background => "background",
            Self::Stranger => "stranger",
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(email) => f.write_str(email),
            Self::AccessKey { name, hint } => write!(f, "access key {name} (…{hint})"),
            Self::CommandLine => f.write_str("command line"),
            Self::Background => f.write_str("background"),
            Self::Stranger => f.write_str("not signed in"),
        }
    }
}

/// Who did something, in which workspace, from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actor {
    /// The workspace.
    pub(crate) workspace: WorkspaceId,
    /// Who.
    pub(crate) who: Who,
    /// The peer's address; `None` for what came over no network.
    pub(crate) address: Option<IpAddr>,
}

impl Actor {
    /// The command line of the server.
    pub(crate) const fn command_line(workspace: WorkspaceId) -> Self {
        Self {
            workspace,
            who: Who::CommandLine,
            address: None,
        }
    }

    /// The program by itself: checks on a timer, the ends of deployments.
    pub(crate) const fn background(workspace: WorkspaceId) -> Self {
        Self {
            workspace,
            who: Who::Background,
            address: None,
        }
    }
}
