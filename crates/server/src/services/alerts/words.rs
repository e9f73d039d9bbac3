//! What an alert says to people: what happened, why it may be so, what to do, and where the visits are seen.

use crate::{
    clock::rfc3339,
    words::{count, plural},
};
use domain::{
    alert::{Ending, Finding},
    time::Millis,
    traffic::HOUR_MS,
    visit::UNKNOWN_AGENT,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

/// As many agents are named in a sentence and in an address; more are counted.
const NAMED: usize = 20;

/// An alert in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    /// What happened, in a line.
    pub(crate) title: String,
    /// With its figures.
    pub(crate) detail: String,
    /// Why it may be so.
    pub(crate) causes: Vec<&'static str>,
    /// What to do.
    pub(crate) remedies: Vec<&'static str>,
    /// The question at the Traffic tab that shows its visits, with its question mark.
    pub(crate) query: String,
}

/// The figures of an alert; each kind has some of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    /// `agent_stopped`: the agents' tokens; one, unless many stopped at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    agents: Option<Vec<String>>,
    /// `agent_stopped`: whether nobody at all was counted in that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_all: Option<bool>,
    /// `agent_stopped`: whole hours without a visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    silent_hours: Option<u32>,
    /// `agent_stopped`: visits in the seven days before the silence.
    #[serde(skip_serializing_if = "Option::is_none")]
    visits_before: Option<u64>,
    /// `agent_stopped`: on how many of these days they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    days_before: Option<u32>,
    /// `agent_stopped`: the beginning of the hour of the last visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_visit_at: Option<String>,
    /// `errors`, `unknown_bot`: visits in the time that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    visits: Option<u64>,
    /// `errors`: visits with an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<u64>,
    /// `errors`, `unknown_bot`, `contradicted`: the hours that were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    hours: Option<u32>,
    /// `errors`, `contradicted`: the share in percent, rounded down.
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u64>,
    /// `contradicted`: visits that could be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked: Option<u64>,
    /// `contradicted`: those that were not by whom they said.
    #[serde(skip_serializing_if = "Option::is_none")]
    contradicted: Option<u64>,
    /// `contradicted`: the share in the seven days before it opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    percent_before: Option<u64>,
}

/// What was found, for programs.
pub(crate) fn figures(finding: &Finding) -> Figures {
    let shares = Figures {
        percent: finding.percent(),
        percent_before: finding.percent_before(),
        ..Figures::default()
    };
    match finding {
        Finding::AgentStopped {
            agents,
            is_all,
            silent_hours,
            visits_before,
            days_before,
            last_hour,
        } => Figures {
            agents: Some(agents.clone()),
            is_all: Some(*is_all),
            silent_hours: Some(*silent_hours),
            visits_before: Some(*visits_before),
            days_before: Some(*days_before),
            last_visit_at: Some(rfc3339(Millis(last_hour * HOUR_MS))),
            ..shares
        },
        Finding::Errors {
            visits,
            errors,
            hours,
        } => Figures {
            visits: Some(*visits),
            errors: Some(*errors),
            hours: Some(*hours),
            ..shares
        },
        Finding::UnknownBot { visits } => Figures {
            visits: Some(*visits),
            hours: Some(24),
            ..shares
        },
        Finding::Contradicted {
            checked,
            contradicted,
            ..
        } => Figures {
            checked: Some(*checked),
            contradicted: Some(*contradicted),
            hours: Some(24),
            ..shares
        },
    }
}

/// The words of an alert while it is open, and in the history.
pub(crate) fn opened(finding: &Finding) -> Words {
    match finding {
        Finding::AgentStopped {
            agents,
            is_all,
            silent_hours,
            visits_before,
            days_before,
            last_hour,
        } => {
            let silence = span(*silent_hours);
            let before = format!(
                "on {days_before} of the 7 days before, {} in all",
                plural(*visits_before, "visit")
            );
            let said = match agents.as_slice() {
                agents if *is_all => format!(
                    "Nothing was counted for {silence}. Agents came {before}: {}.",
                    named(agents)
                ),
                [_] => format!("No visit for {silence}; it came {before}."),
                agents => format!(
                    "No visit for {silence}; they came {before}: {}.",
                    named(agents)
                ),
            };
            let last = hour(*last_hour);
            let detail = format!("{said} The last visit was counted in the hour from {last}.");
            if *is_all {
                all_stopped(detail)
            } else {
                some_stopped(agents, detail)
            }
        }
        Finding::Errors {
            visits,
            errors,
            hours,
        } => Words {
            title: format!(
                "{} % of the visits of agents ended in an error",
                finding.percent().unwrap_or_default()
            ),
            detail: format!(
                "{} of {} in {}. These agents got the page that people get, since KV was slow or failed.",
                count(*errors),
                plural(*visits, "visit"),
                match hours {
                    1 => "the last hour".to_owned(),
                    hours => format!("the last {hours} hours"),
                }
            ),
            causes: vec![
                "KV is slow or has an outage at one of Cloudflare’s locations.",
                "The site’s longest wait for KV is too short for where its agents come from.",
            ],
            remedies: vec![
                "Look at www.cloudflarestatus.com for Workers KV.",
                "If there is no outage, allow a longer wait for KV in the site’s Settings, and deploy.",
            ],
            query: "?from=24h&outcome=error".to_owned(),
        },
        Finding::UnknownBot { visits } => Words {
            title: format!(
                "Bots that are not known came {} in 24 hours",
                times(*visits)
            ),
            detail: "They call themselves bots, or asked for Markdown by name, and are in no list."
                .to_owned(),
            causes: vec![
                "An agent is new, or came under a new name.",
                "A script or a tool of somebody’s reads the whole site.",
            ],
            remedies: vec![
                "See which pages they asked for, and when.",
                "If it is an agent, use a newer registry of agents, and deploy. If it is unwanted, block it in Cloudflare.",
            ],
            query: format!("?from=24h&agent={UNKNOWN_AGENT}"),
        },
        Finding::Contradicted {
            checked,
            contradicted,
            ..
        } => Words {
            title: format!(
                "{} % of the visits that could be checked came under a false name",
                finding.percent().unwrap_or_default()
            ),
            detail: format!(
                "{} of {} in 24 hours; in the seven days before it was {} %.",
                count(*contradicted),
                plural(*checked, "visit"),
                finding.percent_before().unwrap_or_default()
            ),
            causes: vec![
                "Somebody uses the names of known agents to get past limits, or to read the variants.",
                "An operator uses new addresses that its published list did not hold yet.",
            ],
            remedies: vec![
                "See which agent’s name it is. If it is one alone, look under Agents at the age of its list.",
                "What is served is the same either way. If the visits are a burden, limit or block them in Cloudflare.",
            ],
            query: "?from=7d&identity=contradicted".to_owned(),
        },
    }
}

fn all_stopped(detail: String) -> Words {
    Words {
        title: "No agent came any more".to_owned(),
        detail,
        causes: vec![
            "The Worker cannot reach this console, so that visits happen and are not told.",
            "The site’s routes or its Worker are gone, or agents are kept out before the Worker.",
        ],
        remedies: vec![
            "Look at the site’s plan, and visit a page as GPTBot with curl: it should be counted some seconds later.",
            "If it is not, check that EDGE_DELIVERY_PUBLIC_URL is an address that Cloudflare can reach.",
        ],
        query: "?from=30d".to_owned(),
    }
}

fn some_stopped(agents: &[String], detail: String) -> Words {
    let tokens: Vec<String> = agents
        .iter()
        .take(NAMED)
        .map(|agent| utf8_percent_encode(agent, NON_ALPHANUMERIC).to_string())
        .collect();
    Words {
        title: match agents {
            [agent] => format!("{agent} stopped coming"),
            agents => format!("{} agents stopped coming", agents.len()),
        },
        detail,
        causes: vec![
            "Agents are kept out: by robots.txt, or by a rule or the bot settings in Cloudflare.",
            "The operator changed how it reads the web.",
        ],
        remedies: vec![
            "Look at robots.txt, and in Cloudflare under Security at its events and bot settings.",
            "If you keep it out on purpose, say that you have seen this.",
        ],
        query: format!("?from=30d&agent={}", tokens.join(",")),
    }
}

/// The words of its end.
pub(crate) fn resolved(finding: &Finding, ending: Ending) -> Words {
    let was = opened(finding);
    let (title, detail) = match (ending, finding) {
        (Ending::RuleOff, _) => (
            format!("No longer watched for: {}", was.title),
            "Somebody switched the rule off; it may be so still.".to_owned(),
        ),
        (Ending::Over, Finding::AgentStopped { is_all: true, .. }) => (
            "Agents come again".to_owned(),
            "Visits are counted again.".to_owned(),
        ),
        (Ending::Over, Finding::AgentStopped { agents, .. }) => match agents.as_slice() {
            [agent] => (
                format!("{agent} comes again"),
                "Visits of it are counted again.".to_owned(),
            ),
            agents => (
                format!(
                    "Of {} agents that stopped, half or more come again",
                    agents.len()
                ),
                "Visits of them are counted again.".to_owned(),
            ),
        },
        (Ending::Over, Finding::Errors { .. }) => (
            "Agents get few errors again".to_owned(),
            format!(
                "For an hour it was clearly below the threshold. Before: {}.",
                was.title
            ),
        ),
        (Ending::Over, Finding::UnknownBot { .. }) => (
            "Bots that are not known come less often again".to_owned(),
            format!(
                "For an hour it was clearly below the threshold. Before: {}.",
                was.title
            ),
        ),
        (Ending::Over, Finding::Contradicted { .. }) => (
            "Fewer visits come under a false name again".to_owned(),
            format!(
                "For an hour it was clearly below the threshold. Before: {}.",
                was.title
            ),
        ),
    };
    Words {
        title,
        detail,
        causes: Vec::new(),
        remedies: Vec::new(),
        query: was.query,
    }
}

fn times(number: u64) -> String {
    if number == 1 {
        "once".to_owned()
    } else {
        format!("{} times", count(number))
    }
}

/// `GPTBot, ClaudeBot and 3 more`.
fn named(agents: &[String]) -> String {
    let more = agents.len().saturating_sub(NAMED);
    let listed = agents[..agents.len().min(NAMED)].join(", ");
    match more {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// Hours in words, from three days on in days.
fn span(hours: u32) -> String {
    if hours < 72 {
        plural(hours.into(), "hour")
    } else {
        plural((hours / 24).into(), "day")
    }
}

/// The beginning of an hour, in words.
fn hour(hour: i64) -> String {
    match jiff::Timestamp::from_millisecond(hour * HOUR_MS) {
        Ok(time) => time.strftime("%-d %B %Y, %H:%M UTC").to_string(),
        Err(_) => "an unknown time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(agents: &[&str], is_all: bool) -> Finding {
        Finding::AgentStopped {
            agents: agents.iter().map(|agent| (*agent).to_owned()).collect(),
            is_all,
            silent_hours: 52,
            visits_before: 1_084,
            days_before: 6,
            last_hour: 498_750,
        }
    }

    fn all() -> Vec<Finding> {
        vec![
            gone(&["GPTBot"], false),
            gone(&["ClaudeBot", "GPTBot", "CCBot", "Bytespider"], false),
            gone(&["GPTBot"], true),
            Finding::Errors {
                visits: 412,
                errors: 31,
                hours: 1,
            },
            Finding::UnknownBot { visits: 1_812 },
            Finding::Contradicted {
                checked: 400,
                contradicted: 124,
                checked_before: 2_000,
                contradicted_before: 100,
            },
        ]
    }

    #[test]
    fn every_alert_says_what_why_and_what_to_do() {
        for finding in all() {
            let words = opened(&finding);
            assert!(
                !words.title.is_empty() && words.title.len() < 80,
                "{words:?}"
            );
            assert!(words.detail.ends_with('.'), "{words:?}");
            assert!(!words.causes.is_empty() && !words.remedies.is_empty());
            assert!(words.query.starts_with("?from="));
            let over = resolved(&finding, Ending::Over);
            assert_ne!(over.title, words.title);
            let off = resolved(&finding, Ending::RuleOff);
            assert!(off.title.contains(&words.title), "{off:?}");
        }
    }

    #[test]
    fn titles_are_those_of_the_documents() {
        let titles: Vec<String> = all().iter().map(|it| opened(it).title).collect();
        assert_eq!(
            titles,
            [
                "GPTBot stopped coming",
                "4 agents stopped coming",
                "No agent came any more",
                "7 % of the visits of agents ended in an error",
                "Bots that are not known came 1,812 times in 24 hours",
                "31 % of the visits that could be checked came under a false name",
            ]
        );
        assert_eq!(
            opened(&gone(&["GPTBot"], false)).detail,
            "No visit for 52 hours; it came on 6 of the 7 days before, 1,084 visits in all. The last visit was counted in the hour from 24 November 2026, 06:00 UTC."
        );
        assert_eq!(span(72), "3 days");
        let odd = gone(&["a&b=c,d"], false);
        assert_eq!(opened(&odd).query, "?from=30d&agent=a%26b%3Dc%2Cd");
        let many: Vec<String> = (0..25).map(|number| format!("Bot{number}")).collect();
        assert!(named(&many).ends_with("Bot19 and 5 more"));
    }

    #[test]
    fn figures_are_those_of_the_kind() {
        let json = serde_json::to_value(figures(&all()[3])).expect("figures");
        assert_eq!(
            json,
            serde_json::json!({ "visits": 412, "errors": 31, "hours": 1, "percent": 7 })
        );
    }
}
