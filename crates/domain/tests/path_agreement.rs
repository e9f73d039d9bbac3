//! Paths as the Worker reads them, on random input: `worker/src/paths.js`, run by Node.js, gives the same page and the same
//! KV key as `domain::path`.

use domain::{
    path::{PathPolicy, TrailingSlash},
    variant::Format,
};
use proptest::{
    prelude::{Strategy, any, prop, prop_oneof},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use std::{
    io::Write,
    process::{Command, Stdio},
};

const PATHS: usize = 10_000;

/// Pieces that matter to the rules, random characters between them, and now and then a long one.
fn inputs() -> impl Strategy<Value = String> {
    let text = |pieces: &[&str], most: usize| {
        let pieces: Vec<String> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
        let piece = prop_oneof![
            12 => prop::sample::select(pieces),
            1 => any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(piece, 0..most).prop_map(|pieces| pieces.concat())
    };
    let path = text(
        &[
            "/", "/", "/a", "/B", "/é", "日", "%2e", "%2E", ".", "/a.b", "%2f", "%41", "%c3%a9",
            "~", "'", ";", ":", "+", "&", "=", "@", "[", " ", "\"", "%00", "%ff", "%5c", "\\", "%",
            "%2", "//", "/..", "/%2e",
        ],
        6,
    );
    let long = (1_usize..2_400, prop::sample::select(vec!["a", "é", "%61"]))
        .prop_map(|(times, piece)| format!("/{}", piece.repeat(times)));
    let query = text(
        &[
            "?",
            "&",
            "&",
            "=",
            "=",
            "q",
            "p",
            "q=",
            "&p=",
            "&q",
            "größe",
            "gr%c3%b6%c3%9fe",
            "%71",
            "x",
            "1",
            "é",
            "+",
            "%20",
            "%2b",
            "%26",
            "/",
            "!",
            "*",
            "(",
            "%0a",
            "%ff",
            "%",
            "#",
        ],
        12,
    );
    (prop_oneof![20 => path, 1 => long], query, any::<bool>()).prop_map(
        |(path, query, has_query)| {
            if has_query {
                format!("{path}?{query}")
            } else {
                path
            }
        },
    )
}

fn policies() -> impl Strategy<Value = PathPolicy> {
    let slash = prop::sample::select(TrailingSlash::ALL.to_vec());
    let names = prop::sample::subsequence(vec!["größe", "p", "q"], 0..=3);
    (slash, names).prop_map(|(slash, names)| {
        PathPolicy::new(slash, names.into_iter().map(str::to_owned)).expect("good names")
    })
}

#[test]
fn the_worker_reads_paths_as_we_do() {
    let mut runner = TestRunner::default();
    let strategy = (inputs(), policies());
    let (mut lines, mut pages) = (String::new(), 0);
    for _ in 0..PATHS {
        let (input, policy) = strategy.new_tree(&mut runner).expect("a value").current();
        let page = policy.page(&input).ok();
        pages += usize::from(page.is_some());
        let key = page.as_ref().map(|page| page.kv_key(Format::Markdown));
        lines.push_str(&serde_json::json!([input, policy, page, key]).to_string());
        lines.push('\n');
    }
    // Both answers must be there often, or nothing is compared.
    assert!(
        (PATHS / 10..PATHS * 9 / 10).contains(&pages),
        "{pages} pages"
    );
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../worker/test/paths.agree.js"
    );
    let mut node = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Node.js is needed for this test");
    let mut stdin = node.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let ended = node.wait_with_output().expect("Node.js ends");
    let _ = writer.join().expect("the writer ends");
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    assert_eq!(
        String::from_utf8_lossy(&ended.stdout).trim(),
        PATHS.to_string()
    );
}
