//! What about a site's traffic somebody is told of: open alerts, their history, and what is watched for.

use super::{SiteHead, change::load, head};
use crate::{
    audit::{Event, Kind},
    console::{
        desk::{Desk, done, id, page, page_after, refused},
        form::Form,
        parts::{Mark, ProblemPanel, Stamp, State, When},
        shell::Shell,
    },
    problem::{Outcome, Problem},
    services::{alerts, traffic},
};
use askama::Template;
use axum::{
    extract::{Path, Query},
    response::Response,
};
use domain::{
    alert::{Ending, Rules},
    ids::AlertId,
    time::Millis,
    visit::VisitStore,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use store::{Alert, AlertFilter, Site};

/// As many rows of the history stand on a page.
const ROWS: u32 = 25;

/// As many alerts stand on every page of a site; the rest are on the page of alerts.
const PANELS: usize = 2;

/// A site's alerts.
#[derive(Debug, Template)]
#[template(path = "pages/site_alerts.html")]
pub(crate) struct AlertsPage {
    /// The rail.
    pub(crate) shell: Shell,
    /// The head.
    pub(crate) site: SiteHead,
    /// Those that are open, oldest first.
    pub(crate) open: Vec<AlertPanel>,
    /// Those that ended, newest first.
    pub(crate) past: Vec<PastRow>,
    /// Whether this is not the first page of those.
    pub(crate) has_before: bool,
    /// The next page's cursor.
    pub(crate) next: Option<String>,
    /// What is watched for.
    pub(crate) rules: Vec<RulePart>,
    /// Whether somebody looks at all.
    pub(crate) is_watched: bool,
    /// Whether visits are kept in Analytics Engine, where nobody looks.
    pub(crate) is_elsewhere: bool,
    /// Whether alerts are sent to a webhook.
    pub(crate) has_webhook: bool,
    /// Why the rules were not saved.
    pub(crate) problem: Option<ProblemPanel>,
}

/// An open alert.
#[derive(Debug, Clone)]
pub(crate) struct AlertPanel {
    /// Its id.
    pub(crate) id: String,
    /// What happened.
    pub(crate) title: String,
    /// With its figures.
    pub(crate) detail: String,
    /// Why it may be so.
    pub(crate) causes: Vec<&'static str>,
    /// What to do.
    pub(crate) remedies: Vec<&'static str>,
    /// The question that shows its visits on the Traffic tab.
    pub(crate) query: String,
    /// When it opened.
    pub(crate) opened: When,
    /// Since when it is so no more.
    pub(crate) clear: Option<When>,
    /// Who has seen it, and when.
    pub(crate) seen: Option<(String, When)>,
}

/// An alert that ended.
#[derive(Debug, Clone)]
pub(crate) struct PastRow {
    /// What happened.
    pub(crate) title: String,
    /// With its figures.
    pub(crate) detail: String,
    /// The question that shows its visits on the Traffic tab.
    pub(crate) query: String,
    /// When it opened.
    pub(crate) opened: Stamp,
    /// When it ended.
    pub(crate) ended: Stamp,
    /// Why.
    pub(crate) state: State,
    /// Who has seen it.
    pub(crate) seen_by: Option<String>,
}

/// A rule in the form.
#[derive(Debug, Clone)]
pub(crate) struct RulePart {
    /// Its field's name.
    pub(crate) name: &'static str,
    /// What it is about.
    pub(crate) title: &'static str,
    /// What it says.
    pub(crate) words: &'static str,
    /// Whether it is watched for.
    pub(crate) is_on: bool,
    /// Its thresholds.
    pub(crate) numbers: Vec<RuleNumber>,
}

/// A threshold in the form.
#[derive(Debug, Clone)]
pub(crate) struct RuleNumber {
    /// Its field's name, as in the API.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) label: &'static str,
    /// Its least.
    pub(crate) min: u64,
    /// Its most.
    pub(crate) max: u64,
    /// What it is set to, or what was typed.
    pub(crate) value: String,
}

/// What the form sends: `errors` for a ticked box, `errors.percent` for a number.
type RulesForm = BTreeMap<String, String>;

/// The panels of a site's pages, how many more there are, and how many alerts are open in all.
pub(super) async fn panels(desk: &Desk, site: &Site) -> Outcome<(Vec<AlertPanel>, usize, usize)> {
    let open = desk.app().store.open_alerts(desk.ws(), site.id).await?;
    let unseen: Vec<&Alert> = open
        .iter()
        .filter(|alert| alert.acknowledged.is_none())
        .collect();
    let more = unseen.len().saturating_sub(PANELS);
    let panels = unseen
        .iter()
        .rev()
        .take(PANELS)
        .map(|alert| panel(alert, desk.now()))
        .collect();
    Ok((panels, more, open.len()))
}

fn panel(alert: &Alert, now: Millis) -> AlertPanel {
    let words = alerts::opened(&alert.finding);
    let when = |at| When { at, now };
    AlertPanel {
        id: alert.id.to_string(),
        title: words.title,
        detail: words.detail,
        causes: words.causes,
        remedies: words.remedies,
        query: words.query,
        opened: when(alert.opened_at),
        clear: alert.clear_since.map(when),
        seen: alert.acknowledged.clone().map(|(at, by)| (by, when(at))),
    }
}

fn past(alert: &Alert) -> PastRow {
    let words = alerts::opened(&alert.finding);
    let (ended, ending) = alert.resolved.unwrap_or((alert.updated_at, Ending::Over));
    PastRow {
        title: words.title,
        detail: words.detail,
        query: words.query,
        opened: Stamp(alert.opened_at),
        ended: Stamp(ended),
        state: match ending {
            Ending::Over => State::new("ok", Mark::Tick, "Over"),
            Ending::RuleOff => State::new("idle", Mark::Bar, "Rule switched off"),
        },
        seen_by: alert.acknowledged.as_ref().map(|(_, by)| by.clone()),
    }
}

/// The form, with what is set, or with what was typed.
pub(crate) fn rule_parts(rules: &Rules, typed: Option<&BTreeMap<String, String>>) -> Vec<RulePart> {
    let is_on = |name: &str, is_set: bool| typed.map_or(is_set, |form| form.contains_key(name));
    let number = |name: &'static str, label: &'static str, (min, max), set: u64| RuleNumber {
        name,
        label,
        min,
        max,
        value: typed
            .and_then(|form| form.get(name).cloned())
            .unwrap_or_else(|| set.to_string()),
    };
    let many = (1, 1_000_000_000);
    let (stopped, errors, unknown, contradicted) = (
        &rules.agent_stopped,
        &rules.errors,
        &rules.unknown_bot,
        &rules.contradicted,
    );
    vec![
        RulePart {
            name: "agentStopped",
            title: "An agent stopped coming",
            words: "It came regularly in the seven days before, and then not at all",
            is_on: is_on("agentStopped", stopped.enabled),
            numbers: vec![
                number(
                    "agentStopped.silentHours",
                    "Hours without a visit",
                    (12, 168),
                    stopped.silent_hours.into(),
                ),
                number(
                    "agentStopped.days",
                    "Days with visits before",
                    (1, 7),
                    stopped.days.into(),
                ),
                number("agentStopped.visits", "Visits before", many, stopped.visits),
            ],
        },
        RulePart {
            name: "errors",
            title: "Agents get errors",
            words: "They get the page that people get, since KV was slow or failed",
            is_on: is_on("errors", errors.enabled),
            numbers: vec![
                number(
                    "errors.percent",
                    "Share of the visits, %",
                    (1, 100),
                    errors.percent,
                ),
                number("errors.visits", "Of so many visits", many, errors.visits),
                number(
                    "errors.hours",
                    "In so many hours",
                    (1, 24),
                    errors.hours.into(),
                ),
            ],
        },
        RulePart {
            name: "unknownBot",
            title: "A bot that is not known comes often",
            words: "It calls itself a bot, or asks for Markdown by name, and is in no list",
            is_on: is_on("unknownBot", unknown.enabled),
            numbers: vec![number(
                "unknownBot.visits",
                "Visits in 24 hours",
                many,
                unknown.visits,
            )],
        },
        RulePart {
            name: "contradicted",
            title: "More visits under a false name",
            words: "Contradicted ones among those of 24 hours that could be checked, against the seven days before",
            is_on: is_on("contradicted", contradicted.enabled),
            numbers: vec![
                number(
                    "contradicted.percent",
                    "Share of the visits, %",
                    (1, 100),
                    contradicted.percent,
                ),
                number(
                    "contradicted.times",
                    "Times the share before",
                    (1, 100),
                    contradicted.times,
                ),
                number(
                    "contradicted.visits",
                    "At least so many visits",
                    many,
                    contradicted.visits,
                ),
            ],
        },
    ]
}

/// The rules that a form asks for.
fn rules_of(form: &RulesForm) -> Outcome<Rules> {
    let number = |name: &str| -> Outcome<u64> {
        let text = form.get(name).map(|text| text.trim()).unwrap_or_default();
        text.parse()
            .map_err(|_| Problem::field(name, "must be a whole number"))
    };
    // What is too large for the type is too large for the rule, too, which says so.
    let small = |name: &str| Ok::<_, Problem>(u32::try_from(number(name)?).unwrap_or(u32::MAX));
    let mut rules = Rules::default();
    rules.agent_stopped.enabled = form.contains_key("agentStopped");
    rules.agent_stopped.silent_hours = small("agentStopped.silentHours")?;
    rules.agent_stopped.days = small("agentStopped.days")?;
    rules.agent_stopped.visits = number("agentStopped.visits")?;
    rules.errors.enabled = form.contains_key("errors");
    rules.errors.percent = number("errors.percent")?;
    rules.errors.visits = number("errors.visits")?;
    rules.errors.hours = small("errors.hours")?;
    rules.unknown_bot.enabled = form.contains_key("unknownBot");
    rules.unknown_bot.visits = number("unknownBot.visits")?;
    rules.contradicted.enabled = form.contains_key("contradicted");
    rules.contradicted.percent = number("contradicted.percent")?;
    rules.contradicted.times = number("contradicted.times")?;
    rules.contradicted.visits = number("contradicted.visits")?;
    Ok(rules)
}

async fn view(
    desk: &Desk,
    site: &Site,
    after: &str,
    refused: Option<(RulesForm, Problem)>,
) -> Outcome<AlertsPage> {
    let (app, ws) = (desk.app(), desk.ws());
    let open = app.store.open_alerts(ws, site.id).await?;
    let wanted = page_after(after, ROWS);
    let ended = AlertFilter::Resolved;
    let listed = alerts::of_site(app, ws, site.id, ended, &wanted).await?;
    let rules = app.store.alert_rules(ws, site.id).await?;
    let (typed, problem) = refused.unzip();
    Ok(AlertsPage {
        shell: desk.shell(&site.id.to_string()),
        site: head(desk, site, "alerts").await?,
        open: open.iter().map(|alert| panel(alert, desk.now())).collect(),
        past: listed.items.iter().map(past).collect(),
        has_before: !after.is_empty(),
        next: listed.next,
        rules: rule_parts(&rules, typed.as_ref()),
        is_watched: app.config.alerts_every.is_some(),
        is_elsewhere: traffic::store_of(site) == VisitStore::AnalyticsEngine,
        has_webhook: app.store.webhook(ws).await?.is_some(),
        problem: problem.map(ProblemPanel::new),
    })
}

/// What the address of the page may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AlertsQuery {
    after: String,
}

/// The page.
pub(crate) async fn index(
    desk: Desk,
    Path(text): Path<String>,
    Query(query): Query<AlertsQuery>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    Ok(page(&view(&desk, &site, &query.after, None).await?))
}

/// Saves what is watched for.
pub(crate) async fn save_rules(
    desk: Desk,
    Path(text): Path<String>,
    Form(form): Form<RulesForm>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let saved = match rules_of(&form) {
        Ok(rules) => alerts::set_rules(desk.app(), desk.ws(), site.id, &rules).await,
        Err(problem) => Err(problem),
    };
    match saved {
        Ok(()) => {
            desk.record(Event::site(Kind::SiteAlertRulesChanged, &site))
                .await;
            Ok(done(&format!("/sites/{}/alerts", site.id), "saved"))
        }
        Err(problem) => {
            let view = view(&desk, &site, "", Some((form, problem))).await?;
            Ok(refused(&view, view.problem.as_ref()))
        }
    }
}

/// Notes that somebody has seen an alert.
pub(crate) async fn saw(
    desk: Desk,
    Path((text, alert)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let site = load(&desk, &text).await?;
    let alert = id::<AlertId>(&alert, "alert")?;
    alerts::acknowledge(desk.app(), &desk.actor(), alert, desk.me.by()).await?;
    Ok(done(&format!("/sites/{}/alerts", site.id), "alert-seen"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form_of(rules: &Rules) -> RulesForm {
        let mut form = RulesForm::new();
        for part in rule_parts(rules, None) {
            if part.is_on {
                form.insert(part.name.to_owned(), "yes".to_owned());
            }
            for number in part.numbers {
                form.insert(number.name.to_owned(), number.value);
            }
        }
        form
    }

    #[test]
    fn the_form_says_what_the_rules_say() {
        let mut rules = Rules::default();
        rules.errors.enabled = false;
        rules.contradicted.times = 7;
        rules.agent_stopped.silent_hours = 100;
        assert_eq!(rules_of(&form_of(&rules)).expect("good"), rules);
        let mut form = form_of(&rules);
        form.insert("errors.percent".to_owned(), "many".to_owned());
        let problem = rules_of(&form).expect_err("no number");
        assert_eq!(problem.errors[0].field, "errors.percent");
        let again = rule_parts(&rules, Some(&form));
        assert_eq!(again[1].numbers[0].value, "many", "what was typed stays");
        form.insert("agentStopped.days".to_owned(), "99999999999".to_owned());
        form.insert("errors.percent".to_owned(), "5".to_owned());
        assert!(rules_of(&form).expect("numbers").check().is_err());
    }

    #[test]
    fn the_forms_ranges_are_those_of_the_rules() {
        for number in rule_parts(&Rules::default(), None)
            .into_iter()
            .flat_map(|part| part.numbers)
        {
            for (value, is_good) in [
                (number.min, true),
                (number.max, true),
                (number.min - 1, false),
                (number.max + 1, false),
            ] {
                let mut form = form_of(&Rules::default());
                form.insert(number.name.to_owned(), value.to_string());
                let checked = rules_of(&form).expect("numbers").check();
                assert_eq!(checked.is_ok(), is_good, "{} {value}", number.name);
            }
        }
    }
}
