use crate::{AT, HOUR, agent, lists, ranges};
use domain::{
    identity::{Lists, SignatureFinding, judge, sources},
    time::Millis,
};
use std::{collections::HashMap, net::IpAddr};

fn words(judgement: domain::identity::Judgement) -> String {
    let ground = serde_json::to_value(judgement.ground).expect("a word");
    format!(
        "{} {}",
        judgement.identity.as_str(),
        ground.as_str().expect("a word")
    )
}

fn judged(token: &str, address: &str, lists: &Lists, at: Millis) -> String {
    let address = (address != "-").then(|| address.parse::<IpAddr>().expect("an address"));
    words(judge(
        agent(token),
        address,
        SignatureFinding::None,
        lists,
        at,
    ))
}

#[test]
fn every_case_of_the_table() {
    let mut prefixes: Vec<(&str, &str)> = Vec::new();
    let mut worlds: HashMap<&str, Lists> = HashMap::new();
    let mut cases = 0;
    for line in include_str!("cases.txt").lines() {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        match parts.as_slice() {
            ["list", url, list] => prefixes.push((url, list)),
            ["case", token, address, age, identity, ground] => {
                let lists = worlds.entry(age).or_insert_with(|| {
                    let hours = age.parse::<i64>().ok();
                    let version = |hours: i64, (url, list): &(&str, &str)| {
                        ranges(url, -hours - 1_000, None, -hours, &list.replace(' ', "\n"))
                    };
                    lists(hours.map_or_else(Vec::new, |hours| {
                        prefixes.iter().map(|list| version(hours, list)).collect()
                    }))
                });
                let found = judged(token, address, lists, AT);
                assert_eq!(found, format!("{identity} {ground}"), "{line}");
                cases += 1;
            }
            _ => assert!(line.is_empty() || line.starts_with('#'), "{line}"),
        }
    }
    assert!(cases >= 60, "{cases}");
}

#[test]
fn every_agent_with_a_list_is_in_the_table() {
    let table = include_str!("cases.txt");
    for agent in crate::agents() {
        let has_list = sources::ranges_of(agent).next().is_some();
        let is_there = table.contains(&format!("case | {} |", agent.token));
        assert!(is_there || !has_list, "{} has no cases", agent.token);
    }
}

/// A list that changed twice: until 100 hours before the visit, then until 10 hours before, and since.
fn changed() -> Lists {
    let url = "https://openai.com/gptbot.json";
    lists(vec![
        ranges(url, -10, None, -1, "192.0.2.48/28\n192.0.2.0/28"),
        ranges(url, -300, Some(-100), -101, "192.0.2.16/28\n192.0.2.0/28"),
        ranges(url, -100, Some(-10), -11, "192.0.2.32/28\n192.0.2.0/28"),
    ])
}

#[test]
fn the_list_of_that_time_counts() {
    let lists = changed();
    for (address, hours, expected) in [
        // In every version.
        ("192.0.2.1", 0, "verified address"),
        ("192.0.2.1", -200, "verified address"),
        // In the oldest alone.
        ("192.0.2.17", -200, "verified address"),
        ("192.0.2.17", -90, "verified address"),
        ("192.0.2.17", -50, "contradicted not_listed"),
        ("192.0.2.17", 0, "contradicted not_listed"),
        // Given up ten hours ago: within the day of grace.
        ("192.0.2.33", 0, "verified address"),
        ("192.0.2.33", 15, "contradicted not_listed"),
        ("192.0.2.33", -120, "verified address"),
        ("192.0.2.33", -150, "contradicted not_listed"),
        // Read of ten hours ago: it may have been used before.
        ("192.0.2.49", 0, "verified address"),
        ("192.0.2.49", -30, "verified address"),
        ("192.0.2.49", -40, "contradicted not_listed"),
        // Before anything was read, the first list stands in.
        ("192.0.2.17", -1_000, "verified address"),
        ("192.0.2.49", -1_000, "contradicted not_listed"),
        // Long after the last reading nothing is contradicted any more.
        ("192.0.2.49", 24 * 8, "verified address"),
        ("192.0.2.17", 24 * 8, "claimed list_too_old"),
    ] {
        let at = Millis(AT.0 + hours * HOUR);
        assert_eq!(
            judged("GPTBot", address, &lists, at),
            expected,
            "{address} at {hours} h"
        );
    }
}

#[test]
fn one_list_of_several_that_is_missing_contradicts_nobody() {
    // Google-Agent's own list is good; nothing is known of the others, which are not its own.
    let url = "https://developers.google.com/static/crawling/ipranges/user-triggered-agents.json";
    let lists = lists(vec![ranges(url, -10, None, -1, "192.0.2.0/28")]);
    assert_eq!(
        judged("Google-Agent", "203.0.113.1", &lists, AT),
        "contradicted not_listed"
    );
    assert_eq!(
        judged("Google-NotebookLM", "203.0.113.1", &lists, AT),
        "claimed no_list_yet"
    );
    assert_eq!(
        judged("Google-NotebookLM", "192.0.2.3", &lists, AT),
        "verified operator_address"
    );
}

#[test]
fn the_start_set_verifies_and_contradicts_nobody_when_it_is_old() {
    let shipped = domain::identity::start::versions();
    let copied = shipped[0].confirmed_at;
    let lists = lists(shipped);
    let days = |days: i64| Millis(copied.0 + days * 24 * HOUR);
    assert_eq!(
        judged("ClaudeBot", "216.73.217.16", &lists, days(98)),
        "verified address"
    );
    assert_eq!(
        judged("ClaudeBot", "203.0.113.9", &lists, days(98)),
        "claimed list_too_old"
    );
    assert_eq!(
        judged("ChatGPT-User", "203.0.113.9", &lists, days(1)),
        "contradicted not_listed"
    );
    assert_eq!(
        judged("CCBot", "2600:1f28:365:80b0::7", &lists, days(98)),
        "verified address"
    );
    assert_eq!(
        judged("PerplexityBot", "203.0.113.9", &lists, days(1)),
        "claimed no_list_yet"
    );
}
