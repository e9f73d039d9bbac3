//! Who somebody with an agent's name would be, from an address: for people who read their own logs.

use super::{App, judge};
use crate::{
    problem::{Outcome, Problem},
    services::agents,
};
use domain::{
    agents::Agent,
    identity::{Ground, Judgement},
};
use std::net::IpAddr;

/// What was asked, and what is known.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The agent.
    pub(crate) agent: Agent,
    /// The address.
    pub(crate) address: IpAddr,
    /// Who it would be now.
    pub(crate) judgement: Judgement,
}

/// Judges an address by the lists as they are now.
pub(crate) async fn ask(app: &App, agent: &str, address: &str) -> Outcome<Asked> {
    let registry = agents::active(app, app.workspace).await?;
    let agent = registry
        .agent(agent.trim())
        .cloned()
        .ok_or_else(|| Problem::field("agent", "is none of the agents that are known"))?;
    let address = address.trim().parse().map_err(|_| {
        Problem::field(
            "address",
            "is not an IP address such as 192.0.2.7 or 2001:db8::7",
        )
    })?;
    let judgement = judge(
        &app.lists.get(),
        &agent,
        Some(address),
        None,
        app.clock.now(),
    );
    Ok(Asked {
        agent,
        address,
        judgement,
    })
}

/// What an identity rests on, in a sentence.
pub(crate) const fn in_words(ground: Ground) -> &'static str {
    match ground {
        Ground::Signature => "The request carries the operator’s signature.",
        Ground::Address => "The address is in the agent’s published list.",
        Ground::OperatorAddress => {
            "The address is in a list that the operator publishes for another of its agents."
        }
        Ground::NothingPublished => "The operator publishes nothing to check against.",
        Ground::ReverseDnsNotDone => {
            "The operator names reverse DNS as the way to check, which is not done: addresses are not kept."
        }
        Ground::NoListYet => "The operator publishes a list, which could not be read yet.",
        Ground::ListTooOld => {
            "The operator publishes a list; what is held of it is too old to tell."
        }
        Ground::NoAddress => "The address is not known.",
        Ground::Unsigned => {
            "The operator signs its requests; no signature that could be checked was there."
        }
        Ground::NotListed => "The operator publishes a list, and the address is not in it.",
        Ground::BadSignature => "A signature in the operator’s name is wrong or expired.",
    }
}
