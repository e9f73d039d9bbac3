//! What a variant looks like, for a frame without scripts.

use crate::console::desk::Desk;
use axum::response::{Html, IntoResponse, Response};
use domain::variant::Format;

/// The HTML to show for a content. HTML is shown as it is: the frame runs no scripts.
pub(in crate::console) fn html_of(format: Format, content: &str) -> String {
    match format {
        Format::Html => content.to_owned(),
        Format::Markdown => {
            let options = pulldown_cmark::Options::ENABLE_TABLES
                | pulldown_cmark::Options::ENABLE_STRIKETHROUGH
                | pulldown_cmark::Options::ENABLE_FOOTNOTES;
            let mut html = String::new();
            pulldown_cmark::html::push_html(
                &mut html,
                pulldown_cmark::Parser::new_ext(content, options),
            );
            ammonia::clean(&html)
        }
    }
}

/// Markdown as HTML, while it is being written.
pub(in crate::console) async fn preview(_desk: Desk, markdown: String) -> Response {
    Html(html_of(Format::Markdown, &markdown)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_clean_html() {
        let html = html_of(
            Format::Markdown,
            "# Oak\n\n|a|b|\n|-|-|\n|1|2|\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))",
        );
        assert!(
            html.contains("<h1>Oak</h1>") && html.contains("<table>"),
            "{html}"
        );
        assert!(!html.contains("script"), "{html}");
    }
}
