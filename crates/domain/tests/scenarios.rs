//! One folder per situation in `tests/scenarios`: what is wanted, what is observed, and the plan that we expect to
//! see. To add one, write `goal.json` and `observed.json`, run the test with `INSTA_UPDATE=always`, and read the plan.

use domain::{
    desired::Goal,
    observed::Observed,
    plan::{Plan, check::check, plan},
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
            "CONFLICT {} {} held by {}\n    {}\n    {}",
            conflict.resource.as_str(),
            conflict.name,
            conflict.owner,
            conflict.detail,
            conflict.remedies.join("\n    "),
        )
        .expect("a String takes everything");
    }
    for warning in &plan.warnings {
        writeln!(text, "warning {}: {}", warning.code, warning.detail)
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
        folders.len() >= 20,
        "only {} scenarios found",
        folders.len()
    );
    for folder in folders {
        let goal: Goal = read(&folder.join("goal.json"));
        let observed: Observed = read(&folder.join("observed.json"));
        let plan = plan(&goal, &observed);
        assert_eq!(
            check(&goal, &observed, &plan),
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
