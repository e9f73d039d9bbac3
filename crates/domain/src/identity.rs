//! Whether an agent was who its user agent says: *verified*, *claimed* or *contradicted*.
//!
//! [`judge`] is a pure function of the agent, the client's address, what its signature came to and the lists as they were then; the
//! address can be dropped right after it. Nothing that is served depends on it.
//!
//! | found | identity |
//! | --- | --- |
//! | the operator's signature holds | verified |
//! | the address is in the agent's list, or in another list of its operator | verified |
//! | the agent has lists, all were good then, and the address is in none | contradicted |
//! | a signature in the operator's name is wrong or expired, and nothing above verified | contradicted |
//! | the operator publishes nothing, its list was never read or is too old, the address is not known | claimed |
//!
//! A broken signature does not outweigh a listed address: the address cannot be forged, while a proxy may change what was signed. A
//! signature of a key that we do not know proves nothing either way, and so does none at all: operators sign some requests, not all.

mod lists;
mod prefixes;
pub mod published;
mod signature;
pub mod sources;
pub mod start;

pub use lists::{Content, FRESH, GRACE, KEYS_USABLE, Lists, USABLE, Version};
pub use prefixes::PrefixSet;
pub use published::{ListError, PublicKey};
pub use signature::{Doubt, Fault, HEADER_MAX, PATH_MAX, SignatureFinding, SignatureParts, check};
pub use sources::{ListKind, Source};

use crate::{
    agents::{Agent, Verification},
    time::Millis,
};
use lists::Answer;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Whether an agent was who it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// It was.
    Verified,
    /// Nothing says that it was not.
    Claimed,
    /// Its operator publishes how to tell, and this was somebody else.
    Contradicted,
}

impl Identity {
    /// Every identity.
    pub const ALL: [Self; 3] = [Self::Verified, Self::Claimed, Self::Contradicted];

    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Claimed => "claimed",
            Self::Contradicted => "contradicted",
        }
    }
}

/// What an identity rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// The operator's signature.
    Signature,
    /// The address is in the agent's own list.
    Address,
    /// The address is in a list of its operator for another agent.
    OperatorAddress,
    /// The operator publishes nothing to check against.
    NothingPublished,
    /// It says how to look names up, which is not done: the address is not kept.
    ReverseDnsNotDone,
    /// It publishes a list that we have not read yet.
    NoListYet,
    /// What we have of its list is too old to tell.
    ListTooOld,
    /// The address of the visit is not known.
    NoAddress,
    /// It signs its requests; this one carried no signature that could be checked.
    Unsigned,
    /// The address is in none of its lists.
    NotListed,
    /// A signature in its name is wrong or expired.
    BadSignature,
}

impl Ground {
    /// The identity that follows.
    pub const fn identity(self) -> Identity {
        match self {
            Self::Signature | Self::Address | Self::OperatorAddress => Identity::Verified,
            Self::NothingPublished
            | Self::ReverseDnsNotDone
            | Self::NoListYet
            | Self::ListTooOld
            | Self::NoAddress
            | Self::Unsigned => Identity::Claimed,
            Self::NotListed | Self::BadSignature => Identity::Contradicted,
        }
    }
}

/// An identity, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The identity.
    pub identity: Identity,
    /// Why.
    pub ground: Ground,
}

/// Judges a visit of `agent` at a time. `signature` is what [`check`] found for this agent's operator.
pub fn judge(
    agent: &Agent,
    address: Option<IpAddr>,
    signature: SignatureFinding,
    lists: &Lists,
    at: Millis,
) -> Judgement {
    let ground = ground(agent, address, signature, lists, at);
    Judgement {
        identity: ground.identity(),
        ground,
    }
}

fn ground(
    agent: &Agent,
    address: Option<IpAddr>,
    signature: SignatureFinding,
    lists: &Lists,
    at: Millis,
) -> Ground {
    if signature == SignatureFinding::Valid {
        return Ground::Signature;
    }
    let of_address = address.map_or_else(
        || unknown_address(agent),
        |address| ask(agent, address, lists, at),
    );
    match of_address {
        Ground::Address | Ground::OperatorAddress => of_address,
        _ if matches!(signature, SignatureFinding::Invalid(_)) => Ground::BadSignature,
        _ => of_address,
    }
}

fn unknown_address(agent: &Agent) -> Ground {
    if sources::ranges_of(agent).next().is_some() {
        Ground::NoAddress
    } else {
        without_list(agent)
    }
}

fn without_list(agent: &Agent) -> Ground {
    match agent.verification {
        Verification::ReverseDns { .. } => Ground::ReverseDnsNotDone,
        Verification::WebBotAuth => Ground::Unsigned,
        Verification::PublishedIps { .. } | Verification::None => Ground::NothingPublished,
    }
}

fn ask(agent: &Agent, address: IpAddr, lists: &Lists, at: Millis) -> Ground {
    let (mut has_list, mut is_stale, mut is_missing) = (false, false, false);
    for url in sources::ranges_of(agent) {
        has_list = true;
        match lists.ask(url, address, at) {
            Answer::Inside => return Ground::Address,
            Answer::Outside => {}
            Answer::Stale => is_stale = true,
            Answer::NoList => is_missing = true,
        }
    }
    let mut others = lists.of_operator(&agent.operator).iter();
    if others.any(|url| lists.ask(url, address, at) == Answer::Inside) {
        return Ground::OperatorAddress;
    }
    match (has_list, is_missing, is_stale) {
        (false, ..) => without_list(agent),
        (true, true, _) => Ground::NoListYet,
        (true, false, true) => Ground::ListTooOld,
        (true, false, false) => Ground::NotListed,
    }
}
