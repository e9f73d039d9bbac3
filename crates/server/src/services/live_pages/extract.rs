//! The main content of a page, by Mozilla's algorithm, cleaned; as HTML and as Markdown.

use askama::Template;
use dom_smoothie::{Config, Readability};
use domain::variant::{Format, Revision};
use std::collections::HashSet;

/// A page with more tags is not looked at: no reader would read it either.
const TAGS_MAX: usize = 200_000;

/// The least part of the page's main part that the algorithm's choice must be, in percent: of one that is marked as such
/// (`<main>`), and of a whole body, where the algorithm knows better what is around the text.
const LEAST_OF_MAIN: usize = 75;
const LEAST_OF_BODY: usize = 25;

/// Menus, footers, what is beside the text, forms, and what nobody sees.
const AROUND: &str =
    "nav, [role=navigation], footer, aside, form, noscript, template, [hidden], [aria-hidden=true]";

/// Nesting costs stack: as much as [`TAGS_MAX`] deep needs, of which only what is used is ever real.
const STACK: usize = 256 * 1024 * 1024;

/// What a page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LivePage {
    /// Its title.
    pub(crate) title: String,
    /// Its language, as `lang` says.
    lang: String,
    /// Its own address.
    canonical: String,
    /// Its first heading, else its title.
    heading: String,
    /// The main content, clean HTML.
    main: String,
    /// The hash of the main text: another one when the text changed, and not when only the page around it did.
    pub(crate) text_hash: String,
}

/// The page of a variant.
#[derive(Template)]
#[template(path = "live_page.html")]
struct Document<'a> {
    page: &'a LivePage,
    has_heading: bool,
}

impl LivePage {
    /// The content of a variant.
    pub(crate) fn content(&self, format: Format) -> String {
        let has_heading = self.main.contains("<h1");
        match format {
            Format::Html => Document {
                page: self,
                has_heading,
            }
            .render()
            .unwrap_or_default(),
            Format::Markdown => {
                let text = markdown_of(&self.main);
                if has_heading || self.heading.is_empty() {
                    format!("{}\n", text.trim())
                } else {
                    format!("# {}\n\n{}\n", self.heading, text.trim())
                }
            }
        }
    }
}

/// HTML as Markdown; what stands in its head is left out.
pub(crate) fn markdown_of(html: &str) -> String {
    htmd::HtmlToMarkdown::builder()
        .skip_tags(vec![
            "head", "script", "style", "template", "noscript", "iframe", "svg",
        ])
        .build()
        .convert(html)
        .unwrap_or_default()
}

/// Takes the main content out of a page whose address is `url`. It works for a while: not on a thread that answers requests.
pub(crate) async fn extract(html: String, url: String) -> Result<LivePage, String> {
    apart(move || extract_now(&html, &url)).await?
}

/// Derives Markdown from HTML on a thread of its own.
pub(crate) async fn markdown(html: String) -> Result<String, String> {
    if html.matches('<').count() > TAGS_MAX {
        return Err("the page has too many tags".to_owned());
    }
    apart(move || markdown_of(&html)).await
}

async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (send, receive) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("live page".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            // When nobody waits any more, the result is nobody's.
            let _ = send.send(work());
        })
        .map_err(|error| format!("no thread to read the page with: {error}"))?;
    receive
        .await
        .map_err(|_| "the page could not be read".to_owned())
}

fn extract_now(html: &str, url: &str) -> Result<LivePage, String> {
    if html.matches('<').count() > TAGS_MAX {
        return Err("the page has too many tags".to_owned());
    }
    let unreadable =
        |error: dom_smoothie::ReadabilityError| format!("the page cannot be read: {error}");
    let mut reader =
        Readability::new(html, Some(url), Some(Config::default())).map_err(unreadable)?;
    let title = words(&reader.get_article_title());
    let heading = words(&reader.doc.select("h1").first().text());
    let lang = reader
        .doc
        .select("html")
        .attr("lang")
        .map(|lang| lang.to_string())
        .unwrap_or_default();
    // What is around the text of every page is no part of any.
    reader.doc.select(AROUND).remove();
    let (whole, least) = whole_main(&reader);
    let whole_text = text_of(&whole);
    // The algorithm is made for articles. Where it finds none, or leaves out most of what stands in the page's main part,
    // that part is taken whole.
    let main = match reader.parse() {
        Ok(article) => {
            let main = clean(&article.content, url);
            let length = text_of(&main).len();
            let is_too_little = length * 100 < whole_text.len() * least;
            if is_too_little || length > whole_text.len() {
                clean(&whole, url)
            } else {
                main
            }
        }
        Err(_) => clean(&whole, url),
    };
    let text = text_of(&main);
    if text.is_empty() {
        return Err("the page has no text without scripts".to_owned());
    }
    let heading = if heading.is_empty() {
        title.clone()
    } else {
        heading
    };
    let main = if main.contains("<h1") {
        main
    } else {
        without_heading(&main, &heading)
    };
    Ok(LivePage {
        heading,
        text_hash: Revision::of(text.as_bytes()).to_string(),
        title,
        lang: if lang.is_empty() {
            "en".to_owned()
        } else {
            lang
        },
        canonical: url.to_owned(),
        main,
    })
}

/// The algorithm makes second headings of first ones; the page's own stands before its content again.
fn without_heading(main: &str, heading: &str) -> String {
    let escaped = heading
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    main.replacen(&format!("<h2>{escaped}</h2>"), "", 1)
}

/// `<main>`, or what stands for it, and how much of it the algorithm's choice must be.
fn whole_main(reader: &Readability) -> (String, usize) {
    let doc = &reader.doc;
    for name in ["main", "[role=main]", "article", "body"] {
        let found = doc.select(name);
        if found.length() > 0 && !found.text().trim().is_empty() {
            let least = if name == "body" {
                LEAST_OF_BODY
            } else {
                LEAST_OF_MAIN
            };
            return (found.first().inner_html().to_string(), least);
        }
    }
    (String::new(), LEAST_OF_BODY)
}

/// What may stand in a variant: text, structure, links and pictures; no scripts, styles, forms, frames.
fn clean(html: &str, url: &str) -> String {
    let mut cleaner = ammonia::Builder::default();
    if let Ok(base) = url::Url::parse(url) {
        cleaner.url_relative(ammonia::UrlRelative::RewriteWithBase(base));
    }
    cleaner
        .link_rel(None)
        .rm_tags(["map", "area"])
        .add_tags(["main", "section"])
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel"]))
        .clean(html)
        .to_string()
        .trim()
        .to_owned()
}

/// The text of clean HTML, its words one space apart.
fn text_of(html: &str) -> String {
    let spaced = html.replace('<', " <");
    let document = dom_query::Document::from(spaced.as_str());
    words(&document.select("body").text())
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://shop.example/guides/returns";

    fn article(inside: &str) -> String {
        let prose = "<p>You may send anything back within thirty days, as long as it was not used, in its own box, and with the receipt in it.</p>".repeat(6);
        format!(
            "<!doctype html><html lang=\"de\"><head><title>Returns | Shop</title></head><body>\
             <nav><a href=\"/\">Home</a> <a href=\"/cart\">Cart</a></nav>\
             <main><h1>Returns</h1>{prose}{inside}<p>See <a href=\"/contact\">contact</a>.</p>\
             <script>alert(1)</script></main><footer>© Shop, all rights reserved</footer></body></html>"
        )
    }

    fn made(html: &str) -> LivePage {
        extract_now(html, URL).expect("a page")
    }

    #[test]
    fn the_main_content_stays_and_the_rest_goes() {
        let page = made(&article("<table><tr><td>Size</td><td>L</td></tr></table>"));
        let html = page.content(Format::Html);
        for there in [
            "<html lang=\"de\">",
            "thirty days",
            "<td>L</td>",
            "href=\"https://shop.example/contact\"",
            "<link rel=\"canonical\" href=\"https://shop.example/guides/returns\">",
        ] {
            assert!(html.contains(there), "{there}: {html}");
        }
        for gone in ["<script", "Cart", "all rights", "<nav"] {
            assert!(!html.contains(gone), "{gone}: {html}");
        }
        assert_eq!(html.matches("<h1").count(), 1, "{html}");
        let markdown = page.content(Format::Markdown);
        assert!(
            markdown.starts_with("# Returns")
                && markdown.contains("[contact](https://shop.example/contact)"),
            "{markdown}"
        );
        assert!(!markdown.contains('<'), "{markdown}");
    }

    #[test]
    fn only_the_main_text_counts_as_a_change() {
        let page = made(&article(""));
        let around = article("")
            .replace("Cart", "Basket (3)")
            .replace("alert(1)", "alert(2)");
        assert_eq!(made(&around).text_hash, page.text_hash);
        let spaced = article("").replace("<p>", "\n  <p>");
        assert_eq!(made(&spaced).text_hash, page.text_hash);
        let changed = article("").replace("thirty days", "sixty days");
        assert_ne!(made(&changed).text_hash, page.text_hash);
    }

    #[test]
    fn pages_that_are_no_articles() {
        let short = made("<h1>Pricing</h1><ul><li>Basic: 5 €</li><li>Pro: 10 €</li></ul>");
        let html = short.content(Format::Html);
        assert!(
            html.contains("Basic: 5 €")
                && html.contains("Pro: 10 €")
                && html.contains("<h1>Pricing</h1>"),
            "{html}"
        );
        for nothing in [
            "",
            "<div id=app></div><script>render()</script>",
            "\0\0",
            "<p> </p>",
        ] {
            assert!(extract_now(nothing, URL).is_err(), "{nothing:?}");
        }
    }

    #[test]
    fn hostile_pages_do_no_harm() {
        let hostile = made(&article(
            "<img src=x onerror=alert(1)><a href=\"javascript:alert(1)\">a</a><iframe src=//evil.example></iframe>",
        ));
        let html = hostile.content(Format::Html);
        for gone in ["onerror", "javascript:", "<iframe"] {
            assert!(!html.contains(gone), "{html}");
        }
        let named = made("<title>\"><script>alert(1)</script></title><p>text</p>");
        assert!(!named.content(Format::Html).contains("<script>"));
    }

    #[tokio::test]
    async fn deep_pages_are_read_or_refused() {
        let deep = format!("{}text", "<b>".repeat(20_000));
        let outcome = extract(deep, URL.to_owned()).await;
        assert!(outcome.is_ok() || outcome.is_err_and(|why| !why.is_empty()));
        assert!(
            extract("<b>".repeat(TAGS_MAX + 1), URL.to_owned())
                .await
                .is_err()
        );
    }
}
