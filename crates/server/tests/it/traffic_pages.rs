//! What the traffic pages, their exports and the command line say of visits, as people read it.

use crate::{
    local_cloudflare::client,
    story::Story,
    traffic::{begin, is_all_counted, now, send},
};
use serde_json::{Value, json};

/// Off by whole hours, as those that are counted.
const ZONE: &str = "Asia/Tokyo";

/// Visits that missed, each by its agent and path, from now and from three hours ago.
fn missed(visits: &[(&str, &str)]) -> String {
    let at = |back: i64| {
        visits.iter().map(move |(agent, path)| {
            json!({ "t": now() - back, "agent": agent, "path": path, "outcome": "origin", "status": 0,
                "country": "DE", "asn": 64500, "ip": "192.0.2.7", "ms": 4,
                "ua": if *agent == "unknown" { "NewThingBot/0.1 (+https://newthing.example/bot)" } else { "" } })
        })
    };
    Value::Array(at(0).chain(at(3 * 3_600_000)).collect()).to_string()
}

/// What somebody who sits in Japan gets.
async fn seen(story: &Story, cookie: &str, path: &str) -> reqwest::Response {
    let answer = client()
        .get(format!("{}{path}", story.program.base()))
        .header("cookie", format!("{cookie}; time_zone={ZONE}"))
        .header("accept", "text/html")
        .send()
        .await
        .expect("the program answers");
    assert_eq!(answer.status(), 200, "{path}");
    answer
}

async fn html(story: &Story, cookie: &str, path: &str) -> String {
    seen(story, cookie, path).await.text().await.expect("text")
}

/// A deployed site to which some came, all of it counted; and the key of its Worker.
async fn visited() -> (Story, String) {
    let story = begin().await;
    story.deployed().await;
    let key = story.cloud.site_key();
    let visits = [
        ("GPTBot", "/robots.txt"),
        ("GPTBot", "/robots.txt"),
        ("GPTBot", "/.well-known/agents"),
        ("ClaudeBot", "/tea"),
        ("unknown", "/tea"),
    ];
    let (status, problem) = send(&story.program, &key, "one", missed(&visits)).await;
    assert_eq!(status, 204, "{problem:#}");
    is_all_counted(&story.program).await;
    (story, key)
}

/// The row of a table that holds `text`.
fn row<'a>(html: &'a str, text: &str) -> &'a str {
    let rows = html.split("<tr>").skip(1);
    let mut found = rows.filter(|row| row.contains(text));
    let row = found
        .next()
        .unwrap_or_else(|| panic!("no row of {text}: {html}"));
    row.split("</tr>").next().expect("the row ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_files_and_commands_say_the_same() {
    let (story, _) = visited().await;
    let cookie = story.program.signed_in().await;
    let page = format!("/sites/{}/traffic", story.site);
    let all = html(&story, &cookie, &format!("{page}?from=24h")).await;
    let gptbot = row(&all, ">GPTBot</a>");
    assert!(gptbot.contains(r#"<svg class="spark""#), "{gptbot}");
    assert!(gptbot.contains(r#"aria-hidden="true""#), "{gptbot}");
    assert!(gptbot.contains(">6<") && gptbot.contains("new"), "{gptbot}");

    // Files are counted, after the pages, and no draft is offered of them.
    assert!(all.contains("1 page, 2 files"), "{all}");
    let missed = &all[all.find("<h2>Missed pages</h2>").expect("missed pages")..];
    let place = |path: &str| missed.find(&format!(">{path}</a>")).expect("it is there");
    assert!(place("/tea") < place("/robots.txt") && place("/tea") < place("/.well-known/agents"));
    assert!(row(missed, "/tea").contains("Make a draft of /tea"));
    for path in ["/robots.txt", "/.well-known/agents"] {
        let row = row(missed, path);
        assert!(
            row.contains("not a page") && !row.contains("<form"),
            "{row}"
        );
    }

    // Files to take away are called after the site, what is in them, and the days of whoever takes them.
    let zone = jiff::tz::TimeZone::get(ZONE).expect("a zone");
    let day = |back: i64| {
        let time = jiff::Timestamp::from_millisecond(now() - back).expect("a time");
        time.to_zoned(zone.clone()).date()
    };
    let days = format!("{}-{}", day(23 * 3_600_000), day(0));
    for (what, name) in [
        ("format=csv&table=agents", format!("shop-agents-{days}.csv")),
        ("format=json", format!("shop-traffic-{days}.json")),
    ] {
        let answer = seen(&story, &cookie, &format!("{page}/export?from=24h&{what}")).await;
        let said = answer.headers()["content-disposition"]
            .to_str()
            .expect("text");
        assert_eq!(said, format!("attachment; filename=\"{name}\""));
    }

    // Times are of the viewer's zone, and say so.
    let unknown = html(&story, &cookie, &format!("{page}/unknown")).await;
    let unknown = &unknown[unknown.find("<h2>Unknown bots").expect("the bots")..];
    assert!(unknown.contains(&format!("{ZONE}</time>")), "{unknown}");
    assert!(
        row(unknown, "NewThingBot").contains(&format!("{ZONE}\">")),
        "{unknown}"
    );
    assert!(!unknown.contains("UTC"), "{unknown}");
    for part in ["settings", "visits/delete"] {
        let text = html(&story, &cookie, &format!("/sites/{}/{part}", story.site)).await;
        assert!(text.contains(&format!("({ZONE})")), "{text}");
    }

    let said = story
        .program
        .run(&["traffic", "shop", "--from", "24h"])
        .await;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let table = &said[said.find("MISSED").expect("a table of missed pages")..];
    let lines: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], ["/tea", "4"], "{table}");
    assert_eq!(
        lines[1],
        ["/robots.txt", "4", "not", "a", "page"],
        "{table}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_in_no_list_is_told_and_answered() {
    let (story, key) = visited().await;
    // A Worker that was deployed with a registry which knew it.
    let (status, _) = send(&story.program, &key, "two", missed(&[("GPTBott", "/tea")])).await;
    assert_eq!(status, 204);
    is_all_counted(&story.program).await;
    let cookie = story.program.signed_in().await;
    let of = |agent: &str| format!("/sites/{}/traffic?from=24h&agent={agent}", story.site);
    for (agent, nearest, visits) in [("GPTBott", Some("GPTBot"), 2), ("zzzz", None, 0)] {
        let traffic = story.program.ok("GET", &of(agent), None).await;
        assert_eq!(traffic["totals"]["visits"], visits, "{agent}");
        let note = traffic["notes"][0].as_str().expect("a note").to_owned();
        assert!(
            note.starts_with(&format!("{agent} is no agent of the registry")),
            "{note}"
        );
        let page = html(&story, &cookie, &of(agent)).await;
        assert!(
            page.contains(&format!("{agent} is no agent of the registry")),
            "{page}"
        );
        let said = story
            .program
            .run(&["traffic", "shop", "--agent", agent])
            .await;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(
            said.starts_with(&format!("{agent} is no agent of the registry")),
            "{said}"
        );
        if let Some(nearest) = nearest {
            assert!(
                note.ends_with(&format!("The nearest name is {nearest}.")),
                "{note}"
            );
            assert!(page.contains(&format!(">{nearest}</a>.</p>")), "{page}");
        } else {
            assert!(
                note.ends_with("GET /api/v1/agents has all names."),
                "{note}"
            );
            assert!(
                page.contains(r#"<a href="/agents">All agents</a>"#),
                "{page}"
            );
            assert!(
                said.contains("`edge-delivery agents list` has all names."),
                "{said}"
            );
        }
    }
    for agent in ["gptbot", "unknown", "Googlebot"] {
        let traffic = story.program.ok("GET", &of(agent), None).await;
        assert_eq!(traffic["notes"], json!([]), "{agent}");
    }
}

/// Reads a stream until it says something.
async fn says(stream: &mut reqwest::Response, text: &str) -> String {
    let mut said = String::new();
    let reading = async {
        while !said.contains(text) {
            let chunk = stream.chunk().await.expect("it goes on");
            said.push_str(&String::from_utf8_lossy(&chunk.expect("more of it")));
        }
    };
    let wait = tokio::time::timeout(std::time::Duration::from_secs(60), reading).await;
    assert!(wait.is_ok(), "never {text}: {said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_tells_of_visits_that_came_since() {
    let (story, key) = visited().await;
    let cookie = story.program.signed_in().await;
    let page = format!("/sites/{}/traffic?agent=ClaudeBot", story.site);
    let shown = html(&story, &cookie, &page).await;
    let live = shown.split("hx-sse:connect=\"").nth(1).expect("a stream");
    let live = live.split('"').next().expect("its address");
    let live = live.replace("&#38;", "&").replace("&amp;", "&");
    assert!(live.contains("since="), "{live}");
    let mut stream = seen(&story, &cookie, &live).await;
    let first = says(&mut stream, "/tea").await;
    assert!(!first.contains("id=\"news\""), "nothing is new: {first}");
    // Two of it, and three that the page's filter leaves out.
    let visits = [("ClaudeBot", "/new"), ("GPTBot", "/new")];
    let (status, _) = send(&story.program, &key, "two", missed(&visits)).await;
    assert_eq!(status, 204);
    let then = says(&mut stream, "/new").await;
    let news = "<span data-news>2 new visits since this page was made</span>";
    assert!(then.contains(news), "{then}");
    assert!(
        then.contains(&format!("<a href=\"{page}\">Show them</a>")),
        "{then}"
    );
    // Days that are over get no new visits.
    let past = live.replace("agent=ClaudeBot", "from=2020-01-01&to=2020-01-02");
    let mut stream = seen(&story, &cookie, &past).await;
    let said = says(&mut stream, "/new").await;
    assert!(!said.contains("data-news"), "{said}");
}
