//! Many variants at once: NDJSON, ZIPs, folders, and deleting below a path; by the REST API and by commands.

use crate::{program::Program, story::Story};
use futures::stream;
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    fs,
    io::{Cursor, Write as _},
    path::Path,
    time::{Duration, Instant},
};
use zip::{ZipWriter, write::SimpleFileOptions};

async fn import(
    program: &Program,
    site: &str,
    query: &str,
    body: impl Into<reqwest::Body>,
) -> (u16, Value) {
    let answer = program
        .request(
            reqwest::Method::POST,
            &format!("/sites/{site}/variants:import{query}"),
        )
        .body(body)
        .timeout(Duration::from_secs(1_200))
        .send()
        .await
        .expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

fn line(path: &str, content: &str) -> String {
    json!({"path": path, "format": "html", "content": content}).to_string()
}

async fn count(story: &Story, prefix: &str) -> usize {
    let path = format!("/sites/{}/variants?limit=200&prefix={prefix}", story.site);
    let listed = story.program.ok("GET", &path, None).await;
    listed["items"].as_array().expect("a list").len()
}

#[tokio::test]
async fn a_dry_run_tells_the_same_and_saves_nothing() {
    let story = Story::begin().await;
    let body = [
        line("/a", "<p>a</p>"),
        line("/../b", "<p>b</p>"),
        String::new(),
        "no JSON".to_owned(),
        line("/c", ""),
        line("/a", "<p>a again</p>"),
    ]
    .join("\r\n");
    let (status, dry) = import(&story.program, &story.site, "?dryRun=true", body.clone()).await;
    assert_eq!((status, count(&story, "/").await), (200, 0), "{dry:#}");
    let (_, report) = import(&story.program, &story.site, "", body.clone()).await;
    assert_eq!(dry["taken"], report["taken"]);
    assert_eq!(dry["refused"], report["refused"]);
    assert_eq!(
        report["counts"],
        json!({"read": 5, "taken": 2, "unchanged": 0, "refused": 3, "skipped": 0})
    );
    let refused = report["refused"].as_array().expect("a list");
    for (at, number, path, words) in [
        (0, 2, json!("/../b"), "`.` or `..`"),
        (1, 4, Value::Null, "is not JSON"),
        (2, 5, json!("/c"), "is empty"),
    ] {
        let line = &refused[at];
        assert_eq!((&line["line"], &line["path"]), (&json!(number), &path));
        assert!(
            line["detail"].as_str().is_some_and(|it| it.contains(words)),
            "{line}"
        );
        assert_ne!(line["remedy"], "", "{line}");
    }
    // The last of several wins, and what is published just so is left alone.
    let path = format!("/sites/{}/variants?prefix=/a", story.site);
    let before = story.program.ok("GET", &path, None).await;
    assert_eq!(
        before["items"][0]["publishedRevision"],
        report["taken"][1]["revision"]
    );
    let (_, again) = import(
        &story.program,
        &story.site,
        "?taken=false",
        line("/a", "<p>a again</p>"),
    )
    .await;
    assert_eq!(
        (&again["counts"]["unchanged"], &again["taken"]),
        (&json!(1), &json!([]))
    );
    assert_eq!(story.program.ok("GET", &path, None).await, before);
    let (status, empty) = import(&story.program, &story.site, "", "\n \n").await;
    assert_eq!((status, &empty["code"]), (422, &json!("validation_failed")));
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default())
            .expect("a file");
        zip.write_all(content).expect("memory");
    }
    zip.finish().expect("a ZIP").into_inner()
}

#[tokio::test]
async fn a_zip_is_a_folder() {
    let story = Story::begin().await;
    let zip = zip_of(&[
        ("index.html", b"<p>home</p>"),
        ("guides/returns.md", b"# Returns"),
        ("guides/index.html", b"<p>guides</p>"),
        ("../../etc/passwd.html", b"<p>out</p>"),
        ("/srv/absolute.html", b"<p>out</p>"),
        ("a\\..\\b.html", b"<p>out</p>"),
        ("latin.html", b"caf\xe9"),
        ("logo.png", b"not a page"),
        (".git/x.html", b"hidden"),
        ("__MACOSX/._index.html", b"hidden"),
    ]);
    let (status, report) = import(&story.program, &story.site, "", zip).await;
    assert_eq!(status, 200, "{report:#}");
    let told = |list: &str, field: &str| -> Vec<String> {
        let lines = report[list].as_array().expect("a list").iter();
        lines
            .map(|line| line[field].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(told("taken", "path"), ["/", "/guides/returns", "/guides/"]);
    assert_eq!(
        told("refused", "path"),
        [
            "../../etc/passwd.html",
            "/srv/absolute.html",
            "a\\..\\b.html",
            "/latin"
        ]
    );
    let why = told("refused", "detail");
    assert!(
        why[0].contains("leads out of the folder") && why[3].contains("not UTF-8"),
        "{why:?}"
    );
    assert_eq!(report["counts"]["skipped"], 3);
    assert_eq!(count(&story, "/").await, 3);
}

/// One file of zeros, a thousand times smaller packed.
fn bomb() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("index.html", SimpleFileOptions::default())
        .expect("a file");
    let zeros = vec![0; 1024 * 1024];
    for _ in 0..24 {
        zip.write_all(&zeros).expect("memory");
    }
    zip.finish().expect("a ZIP").into_inner()
}

#[tokio::test]
async fn zip_bombs_are_refused() {
    let story = Story::begin().await;
    let mut sharing = ZipWriter::new(Cursor::new(Vec::new()));
    sharing
        .start_file("a.html", SimpleFileOptions::default())
        .expect("a file");
    sharing.write_all(b"<p>many times</p>").expect("memory");
    sharing
        .shallow_copy_file("a.html", "b.html")
        .expect("the same bytes once more");
    let sharing = sharing.finish().expect("a ZIP").into_inner();
    let bomb = bomb();
    // The same bomb, claiming ten bytes: in its directory (PKWARE's APPNOTE, 4.3.12: the size stands 24 bytes in).
    let mut lying = bomb.clone();
    let directory = lying
        .windows(4)
        .position(|it| it == b"PK\x01\x02")
        .expect("a directory");
    lying[directory + 24..directory + 28].copy_from_slice(&10_u32.to_le_bytes());
    for (name, zip, words) in [
        ("a bomb", bomb, "times its size"),
        ("shared bytes", sharing, "share the same bytes"),
        (
            "cut off",
            b"PK\x03\x04 and nothing else".to_vec(),
            "cannot be read",
        ),
    ] {
        let (status, problem) = import(&story.program, &story.site, "", zip).await;
        assert_eq!(status, 422, "{name}: {problem:#}");
        let detail = problem["detail"].as_str().expect("words");
        assert!(
            detail.contains(words) && detail.contains("othing was saved"),
            "{name}: {detail}"
        );
    }
    let (status, report) = import(&story.program, &story.site, "", lying).await;
    assert_eq!(status, 200, "{report:#}");
    let why = report["refused"][0]["detail"].as_str().expect("words");
    assert!(
        why.contains("larger than its declared uncompressed size"),
        "{why}"
    );
    assert_eq!(count(&story, "/").await, 0);
    assert!(
        story.program.peak_memory() < 200,
        "{} MiB",
        story.program.peak_memory()
    );
}

#[tokio::test]
async fn what_is_below_a_path_is_deleted() {
    let story = Story::begin().await;
    let paths = ["/old/a", "/old/b", "/old/deep/c", "/older", "/new"];
    let body: Vec<String> = paths.iter().map(|path| line(path, path)).collect();
    import(&story.program, &story.site, "", body.join("\n")).await;
    let call = async |query: &str| {
        let path = format!("/sites/{}/variants{query}", story.site);
        story.program.call("DELETE", &path, None).await
    };
    let (status, counted) = call("?prefix=/old/&dryRun=true").await;
    assert_eq!(
        (status, &counted["variants"], &counted["dryRun"]),
        (200, &json!(3), &json!(true))
    );
    for (query, status) in [
        ("?prefix=/old/", 422),
        ("?prefix=/old/&confirm=2", 409),
        ("?prefix=old&confirm=3", 422),
        ("?confirm=3", 422),
    ] {
        let (answered, problem) = call(query).await;
        assert_eq!(answered, status, "{query}: {problem:#}");
    }
    assert_eq!(count(&story, "/").await, 5);
    let (status, deleted) = call("?prefix=/old/&confirm=3").await;
    assert_eq!(
        (status, &deleted["variants"]),
        (200, &json!(3)),
        "{deleted:#}"
    );
    assert_eq!(
        (count(&story, "/old").await, count(&story, "/new").await),
        (1, 1)
    );
    let audit = story
        .program
        .ok("GET", "/audit?kind=variant.deleted", None)
        .await;
    assert_eq!(
        audit["items"][0]["detail"],
        json!({"path": "/old/", "variants": 3})
    );
    let pending = story
        .program
        .ok("GET", &format!("/sites/{}/sync", story.site), None)
        .await;
    assert_eq!(pending["pending"], 2, "{pending:#}");
}

async fn command(story: &Story, args: &[&str]) -> (bool, String) {
    let output = story.program.run(args).await;
    let text = String::from_utf8(output.stdout).expect("text");
    let errors = String::from_utf8(output.stderr).expect("text");
    (output.status.success(), text + &errors)
}

#[tokio::test]
async fn by_commands() {
    let story = Story::begin().await;
    let folder = story.folder();
    let (file, bad) = (folder.join("in.ndjson"), folder.join("bad.ndjson"));
    let broken = line("/x", "<p>x</p>").replace("\"html\"", "\"htm\"");
    fs::write(
        &file,
        format!(
            "{}\n{broken}\n{}\n",
            line("/a", "<p>a</p>"),
            line("/b", "<p>b</p>")
        ),
    )
    .expect("written");
    let (file, bad) = (file.to_str().expect("text"), bad.to_str().expect("text"));
    let (good, said) = command(&story, &["variants", "import", "shop", file, "--dry-run"]).await;
    assert!(
        !good && said.contains("2 would be published, 0 unchanged, 1 refused"),
        "{said}"
    );
    assert_eq!(count(&story, "/").await, 0);
    let (good, said) = command(
        &story,
        &["variants", "import", "shop", file, "--errors", bad],
    )
    .await;
    assert!(
        !good && said.contains("refused line 2") && said.contains("`html` or `markdown`"),
        "{said}"
    );
    assert_eq!(
        fs::read_to_string(bad).expect("written"),
        format!("{broken}\n")
    );
    // Mended and sent again.
    fs::write(bad, broken.replace("\"htm\"", "\"html\"")).expect("written");
    let (good, said) = command(&story, &["variants", "import", "shop", bad, "--json"]).await;
    let said: Value = serde_json::Deserializer::from_str(&said)
        .into_iter()
        .next()
        .expect("something")
        .expect("JSON");
    assert!(good && said["counts"]["taken"] == 1, "{said}");
    assert_eq!(count(&story, "/").await, 3);
    pushed_and_pulled(&story, folder).await;
    let (good, said) = command(&story, &["variants", "delete", "shop", "--prefix", "/"]).await;
    assert!(!good && said.contains("say --yes"), "{said}");
    let (good, said) = command(
        &story,
        &["variants", "delete", "shop", "--prefix", "/", "--yes"],
    )
    .await;
    assert!(
        good && said.contains("4 variants below / deleted"),
        "{said}"
    );
    assert_eq!(count(&story, "/").await, 0);
}

async fn pushed_and_pulled(story: &Story, folder: &Path) {
    let pages = folder.join("pages");
    let (good, said) = command(
        story,
        &["variants", "pull", "shop", pages.to_str().expect("text")],
    )
    .await;
    assert!(good && said.contains("3 variants written"), "{said}");
    fs::write(pages.join("a.html"), "<p>another</p>").expect("written");
    fs::write(pages.join("d.md"), "# d").expect("written");
    fs::write(pages.join("e.html"), b"caf\xe9").expect("written");
    let pages = pages.to_str().expect("text");
    let (good, said) = command(story, &["variants", "push", "shop", pages, "--dry-run"]).await;
    assert!(
        !good && said.contains("2 would be published, 2 unchanged, 1 refused"),
        "{said}"
    );
    let (good, said) = command(story, &["variants", "push", "shop", pages]).await;
    assert!(
        !good && said.contains("2 published, 2 unchanged, 1 refused"),
        "{said}"
    );
    assert!(
        said.contains("refused e.html: content is not UTF-8"),
        "{said}"
    );
}

/// So many lines; `cargo xtask bench import` asks for a million.
fn lines_wanted() -> usize {
    let given = std::env::var("EDGE_DELIVERY_IMPORT_LINES").ok();
    given.and_then(|lines| lines.parse().ok()).unwrap_or(30_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_import_takes_little_memory() {
    let story = Story::begin().await;
    let lines = lines_wanted();
    // Thirty thousand lines of 4 KB are more than the memory that is allowed; a million are short.
    let filler = if lines > 100_000 { 200 } else { 4_000 };
    const PIECE: usize = 500;
    let pieces = (0..lines).step_by(PIECE).map(move |first| {
        let mut piece = String::new();
        for number in first..lines.min(first + PIECE) {
            // Pages differ from their first byte on, so that nothing is saved by their likeness.
            let content = format!(
                "<p>{number}</p>{}",
                format!("{:08x}", number * 7).repeat(filler / 8)
            );
            let path = if number % 100 == 99 {
                format!("/page/../{number}")
            } else {
                format!("/page/{number}")
            };
            writeln!(piece, "{}", line(&path, &content)).expect("text");
        }
        Ok::<_, std::io::Error>(piece)
    });
    let before = story.program.peak_memory();
    let begun = Instant::now();
    let body = reqwest::Body::wrap_stream(stream::iter(pieces));
    let (status, report) = import(&story.program, &story.site, "", body).await;
    let took = begun.elapsed();
    assert_eq!(status, 200);
    let bad = lines / 100;
    assert_eq!(
        report["counts"],
        json!({"read": lines, "taken": lines - bad, "unchanged": 0, "refused": bad, "skipped": 0})
    );
    let refused = report["refused"].as_array().expect("a list");
    assert!(
        refused
            .iter()
            .enumerate()
            .all(|(at, line)| line["line"] == 100 * (at + 1))
    );
    assert_eq!(report["taken"].as_array().map(Vec::len), Some(lines - bad));
    let peak = story.program.peak_memory();
    writeln!(
        std::io::stderr(),
        "import of {lines} lines, {bad} bad: {:.1} s, {:.0} lines a second, peak memory {peak} MiB ({before} MiB before)",
        took.as_secs_f64(),
        lines as f64 / took.as_secs_f64()
    )
    .expect("somebody reads");
    assert!(peak - before < 100, "{peak} MiB, {before} MiB before");
}
