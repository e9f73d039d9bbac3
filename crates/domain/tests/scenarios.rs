//! One folder per situation in `tests/scenarios`: what is wanted, what is observed, and the plan that we expect to
//! see. To add one, write `goal.json` and `observed.json`, run the test with `INSTA_UPDATE=always`, and read the plan.

use domain::{
    desired::Goal,
    observed::Observed,
    plan::{Plan, check::check_complete, plan},
};
use std::{fmt::Write, fs, path::Path};

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn show(plan: &Plan) -> String {
    let mut text = String::new();
    let or_nothing = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
    for step in &plan.steps {
        writeln!(
            text,
            "{} {} {}{}\n    {} -> {}\n    because: {}{}",
            step.action.as_str(),
            step.resource.as_str(),
            step.name,
            step.id
                .as_ref()
                .map(|id| format!(" [{id}]"))
                .unwrap_or_default(),
            or_nothing(&step.before),
            or_nothing(&step.after),
            step.reason,
            if step.reversible {
                ""
            } else {
                " (cannot be taken back)"
            },
        )
        .expect("a String takes everything");
    }
    for conflict in &plan.conflicts {
        writeln!(
            text,
            "CONFLICT {:?}: {} {} held by {}\n    {}\n    {}\n    choices: {:?}",
            conflict.code,
            conflict.resource.as_str(),
            conflict.name,
            conflict.owner,
            conflict.detail,
            conflict.remedies.join("\n    "),
            conflict.choices,
        )
        .expect("a String takes everything");
    }
    for warning in &plan.warnings {
        writeln!(text, "warning {}: {}", warning.code, warning.detail)
            .expect("a String takes everything");
    }
    for found in &plan.differences {
        writeln!(
            text,
            "changed outside: {} {}, {}{}\n    ours: {} | theirs: {} | last applied: {}{}",
            found.resource.as_str(),
            found.name,
            found.what,
            found
                .by
                .as_ref()
                .map(|by| format!(" (by {by})"))
                .unwrap_or_default(),
            or_nothing(&found.ours),
            or_nothing(&found.theirs),
            or_nothing(&found.last_applied),
            if found.repaired { "" } else { " | left alone" },
        )
        .expect("a String takes everything");
    }
    for route in &plan.other_routes {
        writeln!(
            text,
            "beside {}: {} of {} is {}, {} answers {}",
            route.ours,
            route.pattern,
            or_nothing(&route.script),
            route.relation.title(),
            if route.ours_wins { "ours" } else { "theirs" },
            route.shared,
        )
        .expect("a String takes everything");
    }
    if plan.is_in_sync() {
        text.push_str("in sync\n");
    }
    text
}

#[test]
fn every_scenario_gives_its_plan() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut folders: Vec<_> = fs::read_dir(&root)
        .expect("the folder is in the repository")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(
        folders.len() >= 90,
        "only {} scenarios found",
        folders.len()
    );
    for folder in folders {
        let goal: Goal = read(&folder.join("goal.json"));
        let observed: Observed = read(&folder.join("observed.json"));
        let plan = plan(&goal, &observed);
        assert_eq!(
            check_complete(&goal, &observed, &plan),
            Ok(()),
            "{}",
            folder.display()
        );
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("plan", show(&plan)));
    }
}

/// What can happen to a deployed site behind our back, each a situation above.
const DRIFT: [&str; 28] = [
    "edited_in_the_dashboard",
    "secret_value_changed",
    "secret_removed",
    "kv_binding_removed",
    "binding_points_elsewhere",
    "config_changed_outside",
    "config_removed",
    "binding_added",
    "analytics_binding_removed",
    "analytics_binding_points_elsewhere",
    "compatibility_date_changed",
    "compatibility_flag_added",
    "tags_removed",
    "script_options_changed",
    "script_gone",
    "replaced_by_wrangler",
    "namespace_deleted_behind_our_back",
    "namespace_renamed",
    "route_removed",
    "route_repointed",
    "route_repointed_to_nothing",
    "route_pattern_changed",
    "fail_open_switched_off",
    "route_deleted_and_made_by_somebody_else",
    "broader_worker_came_later",
    "route_of_unknown_origin_to_our_script",
    "zone_left_cloudflare",
    "zone_moved_to_another_account",
];

#[test]
fn every_kind_of_drift_is_seen() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    for name in DRIFT {
        let goal: Goal = read(&root.join(name).join("goal.json"));
        let observed: Observed = read(&root.join(name).join("observed.json"));
        let plan = plan(&goal, &observed);
        let is_seen = !plan.differences.is_empty()
            || !plan.conflicts.is_empty()
            || !plan.steps.is_empty()
            || !plan.warnings.is_empty();
        assert!(is_seen, "{name}: {plan:#?}");
    }
}
