//! The console's forms and pages around a site, as a browser without scripts uses them.

use crate::{bare::cookie_of, local_cloudflare::client, story::Story};
use serde_json::json;

/// A browser that is signed in.
pub(crate) struct Console {
    base: String,
    cookie: String,
    client: reqwest::Client,
}

/// What a page answered.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) text: String,
}

impl Console {
    /// Makes the first administrator, as the first-run page does over loopback.
    pub(crate) async fn open(story: &Story) -> Self {
        let client = client();
        let base = story.program.base().to_owned();
        let fields = [
            ("email", "owner@example.com"),
            ("password", "canary-password-0000"),
        ];
        let answer = client
            .post(format!("{base}/first-run"))
            .form(&fields)
            .send()
            .await;
        let answer = answer.expect("the program answers");
        let cookie = cookie_of(&answer).expect("somebody is signed in");
        Self {
            base,
            cookie,
            client,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        self.send(self.client.get(format!("{}{path}", self.base)))
            .await
    }

    /// Sends a form as it stands.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Page {
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned());
        self.send(request).await
    }

    /// Sends a form with one file.
    pub(crate) async fn upload(&self, path: &str, field: &'static str, content: &str) -> Page {
        let part = reqwest::multipart::Part::text(content.to_owned()).file_name("file.json");
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .multipart(reqwest::multipart::Form::new().part(field, part));
        self.send(request).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Page {
        let answer = request
            .header("cookie", &self.cookie)
            .header("accept", "text/html")
            .send()
            .await
            .expect("the program answers");
        Page {
            status: answer.status().as_u16(),
            location: crate::bare::header(&answer, "location"),
            text: answer.text().await.expect("text"),
        }
    }
}

async fn paths(story: &Story) -> Vec<String> {
    let listed = story
        .program
        .ok("GET", &format!("/sites/{}/variants", story.site), None)
        .await;
    let items = listed["items"].as_array().expect("a list");
    items
        .iter()
        .map(|item| item["path"].as_str().expect("a path").to_owned())
        .collect()
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let story = Story::begin().await;
    let console = Console::open(&story).await;
    let save = format!("/sites/{}/variants/save", story.site);
    let page = console
        .post(&save, "format=html&path=%2Fx&content=a%ff")
        .await;
    assert_eq!(page.status, 422);
    assert!(
        page.text.contains("The source is not UTF-8 text"),
        "{}",
        page.text
    );
    assert!(page.text.contains("<h1>"), "it is a page: {}", page.text);
    let page = console
        .post(&save, "format=html&path=%2F%ff&content=a")
        .await;
    assert!(
        page.text.contains("The path of the page is not UTF-8 text"),
        "{}",
        page.text
    );
    for (path, form) in [
        (format!("/sites/{}/settings", story.site), "name=a%ff"),
        ("/settings/access-keys".to_owned(), "name=a%ff"),
        (
            format!("/connections/{}/name", story.connection),
            "name=a%ff",
        ),
    ] {
        assert_eq!(console.post(&path, form).await.status, 422, "{path}");
    }
    assert!(paths(&story).await.is_empty());
}

#[tokio::test]
async fn a_path_may_be_pasted_as_an_address() {
    let story = Story::begin().await;
    let console = Console::open(&story).await;
    let save = format!("/sites/{}/variants/save", story.site);
    let typed = |path: &str| format!("format=html&then=draft&content=%3Ch1%3EOak&path={path}");
    let page = console
        .post(&save, &typed("https%3A%2F%2Fshop.localhost%2Foak"))
        .await;
    assert!(
        page.location.ends_with("&done=draft"),
        "{} {}",
        page.location,
        page.text
    );
    let page = console.post(&save, &typed("%2Fpricing%3Fa%3Db%23c")).await;
    assert_eq!(page.status, 303, "{}", page.text);
    let told = console.get(&page.location).await;
    assert!(
        told.text
            .contains("after ? or # and makes no other page of this site was left out"),
        "{}",
        told.text
    );
    assert_eq!(paths(&story).await, ["/oak", "/pricing"]);
    let page = console
        .post(&save, &typed("http%3A%2F%2F127.0.0.1%3A1%2F"))
        .await;
    assert_eq!(page.status, 422);
    assert!(
        page.text.contains("is not a host name of this site"),
        "{}",
        page.text
    );

    // There is one already.
    let page = console
        .post(&save, &typed("%2Foak").replace("Oak", "Elm-tree"))
        .await;
    assert_eq!(page.status, 409);
    for part in [
        "/oak has an html variant already",
        "/variants/edit?format=html&#38;path=%2Foak",
        "srcdoc=\"&#60;h1&#62;Elm-tree",
    ] {
        assert!(page.text.contains(part), "{part} in {}", page.text);
    }
    assert!(!page.text.contains("changed meanwhile"), "{}", page.text);
}

#[tokio::test]
async fn an_untouched_template_is_not_published() {
    let story = Story::begin().await;
    let console = Console::open(&story).await;
    for format in ["html", "markdown"] {
        let new = format!(
            "/sites/{}/variants/new?format={format}&path=%2Fx",
            story.site
        );
        let page = console.get(&new).await;
        let (_, rest) = page.text.split_once("<textarea").expect("an editor");
        let (_, rest) = rest.split_once(">\n").expect("its text");
        let (text, _) = rest.split_once("</textarea>").expect("its end");
        let text = text
            .replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&#34;", "\"")
            .replace("&#35;", "#");
        // As a browser sends it.
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("format", format)
            .append_pair("path", "/x")
            .append_pair("content", &text.replace('\n', "\r\n"))
            .append_pair("then", "publish")
            .finish();
        let save = format!("/sites/{}/variants/save", story.site);
        let page = console.post(&save, &form).await;
        assert_eq!(page.status, 422, "{format}: {}", page.location);
        assert!(
            page.text.contains("is still the empty template"),
            "{}",
            page.text
        );
        assert!(page.text.contains("Fill in the title"), "{}", page.text);
    }
    assert!(paths(&story).await.is_empty());
}

#[tokio::test]
async fn a_long_variant_opens_without_its_text() {
    let story = Story::begin().await;
    let console = Console::open(&story).await;
    let content = format!("<h1>Long</h1>{}", "<p>0123456789</p>".repeat(300_000));
    story
        .program
        .publish(&story.site, "long%2Fone", &content)
        .await;
    let edit = format!(
        "/sites/{}/variants/edit?format=html&path=%2Flong%252Fone",
        story.site
    );
    let page = console.get(&edit).await;
    assert_eq!(page.status, 200);
    assert!(page.text.len() < 100_000, "{} bytes", page.text.len());
    for part in [
        "5,100,013 bytes",
        "&#60;h1&#62;Long",
        "variants push",
        "variants/unpublish",
        "variants/delete",
        "variants/html/long%2Fone",
    ] {
        assert!(page.text.contains(part), "{part}");
    }
    assert!(!page.text.contains("<textarea"));
    let (_, rest) = page.text.split_once("href=\"").map_or(("", ""), |_| {
        let at = page.text.find("/variants/download").expect("a download");
        page.text.split_at(at)
    });
    let link = rest
        .split('"')
        .next()
        .expect("its end")
        .replace("&#38;", "&");
    let file = console.get(&format!("/sites/{}{link}", story.site)).await;
    assert_eq!((file.status, file.text.len()), (200, content.len()));
}

#[tokio::test]
async fn visits_say_what_they_cannot_do() {
    let story = Story::begin().await;
    let console = Console::open(&story).await;
    let visit = |query: &str| format!("/sites/{}/visit?{query}", story.site);
    for (query, words) in [
        (
            "path=http%3A%2F%2F127.0.0.1%3A1%2F",
            "is an address of 127.0.0.1",
        ),
        (
            "path=%2F%2Fevil.example%2F",
            "is an address of evil.example",
        ),
        ("agent=nobody", "names nobody whose visits"),
        ("visitor=gptbot&beside=nobody", "names nobody whose visits"),
        ("host=evil.example", "is not one of the site’s host names"),
    ] {
        let page = console.get(&visit(query)).await;
        assert_eq!(page.status, 422, "{query}");
        let text = page.text.replace("&#39;", "’");
        assert!(text.contains(words), "{query}: {text}");
    }
    let page = console
        .get(&visit(
            "path=https%3A%2F%2Fshop.localhost%2Foak&agent=ClaudeBot",
        ))
        .await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(
        page.text.contains("origin of shop.localhost/oak"),
        "{}",
        page.text
    );
    assert!(page.text.contains("ClaudeBot"), "{}", page.text);
}

#[tokio::test]
async fn a_folder_is_pushed_and_what_is_passed_over_is_told() {
    let story = Story::begin().await;
    let pages = story.folder().join("pages");
    let folder = pages.to_str().expect("UTF-8");
    std::fs::create_dir_all(pages.join(".git")).unwrap();
    std::fs::write(pages.join(".git/x.html"), "<p>no").unwrap();
    std::fs::write(pages.join("logo.png"), "no").unwrap();
    let push = ["variants", "push", "shop", folder];
    let said = story.program.run(&push).await;
    let err = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(1));
    assert!(err.contains("There is no .html or .md file in"), "{err}");
    assert!(err.contains("1 hidden, 1 neither .html nor .md"), "{err}");

    std::fs::write(pages.join("Oak.HTML"), "<p>oak").unwrap();
    std::fs::write(pages.join("oak?x#y.html"), "<p>question").unwrap();
    let said = story.program.run(&push).await;
    let out = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success(), "{out}");
    assert!(
        out.contains("2 published") && out.contains("2 skipped"),
        "{out}"
    );
    assert_eq!(paths(&story).await, ["/Oak", "/oak%3Fx%23y"]);

    let site = &story.site;
    let body = json!({"format": "html", "path": "/Oak"});
    story
        .program
        .ok("POST", &format!("/sites/{site}/unpublish"), Some(&body))
        .await;
    let pulled = story.folder().join("pulled");
    let target = pulled.to_str().expect("UTF-8");
    let said = story
        .program
        .run(&["variants", "pull", "shop", target])
        .await;
    let out = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(out.contains("1 variant written"), "{out}");
    assert!(pulled.join("oak%3Fx%23y.html").exists());
}
