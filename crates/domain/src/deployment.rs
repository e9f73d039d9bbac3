//! Deployments: one application of one plan each, with its steps and their outcomes.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),* }

        impl $name {
            /// The word in the database, the API and on the screen.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The value of a word, if it is one.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(
    /// What a deployment does.
    DeploymentKind {
        /// Brings the account to what is desired.
        Apply = "apply",
        /// Takes everything of ours out again.
        Remove = "remove",
        /// Brings back an earlier deployment.
        Rollback = "rollback",
    }
);

words!(
    /// How far a deployment is.
    DeploymentStatus {
        /// Waiting for a process to take it.
        Queued = "queued",
        /// A process works on it.
        Running = "running",
        /// Applied.
        Live = "live",
        /// Everything is removed.
        Removed = "removed",
        /// A step failed; the rest was not tried.
        Failed = "failed",
        /// Stopped by a person at a safe point.
        Cancelled = "cancelled",
        /// Its changes were taken back.
        Undone = "undone",
    }
);

impl DeploymentStatus {
    /// Whether nothing more happens by itself.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

words!(
    /// How far a step is.
    StepStatus {
        /// Not begun.
        Waiting = "waiting",
        /// Begun.
        Running = "running",
        /// Done.
        Done = "done",
        /// Failed; the problem says why.
        Failed = "failed",
        /// Taken back.
        Undone = "undone",
    }
);

words!(
    /// The state of a site.
    SiteStatus {
        /// Made, never deployed.
        New = "new",
        /// A deployment is queued or running.
        Deploying = "deploying",
        /// Observed to be as desired.
        InSync = "in_sync",
        /// Observed to differ from what is desired.
        Drifted = "drifted",
        /// The last deployment failed.
        Failed = "failed",
        /// Cannot be observed now.
        Unknown = "unknown",
        /// Taken out.
        Removed = "removed",
    }
);
