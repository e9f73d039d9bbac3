//! What the demo says when it is ready.

use super::{
    Demo, EMAIL, PASSWORD,
    state::{BLOG, SHOP, TOKENS},
};
use crate::commands::print_line;
use serde_json::{Map, Value, json};
use std::io::IsTerminal;

const GPTBOT: &str = "GPTBot/1.2";

/// Prints where everything is and what to do next.
pub(super) fn greet(demo: &Demo, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return print_line(&machine(demo).to_string());
    }
    print_line(&people(demo, &Ink::for_stdout()))
}

fn machine(demo: &Demo) -> Value {
    let tokens: Map<String, Value> = TOKENS
        .iter()
        .map(|token| (token.key.to_owned(), token.value.into()))
        .collect();
    json!({
        "console": demo.console(),
        "email": EMAIL,
        "password": PASSWORD,
        "cloudflareApi": format!("{}/client/v4", demo.api()),
        "cloudflareControl": format!("{}/__emulator", demo.api()),
        "edge": demo.edge(),
        "origin": format!("http://{}", demo.origin.address()),
        "hosts": [SHOP, BLOG],
        "tokens": tokens,
        "dataDir": demo.data.path(),
        "environment": environment(demo).into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect::<Map<_, _>>(),
    })
}

/// What other commands need in order to work on this demo.
fn environment(demo: &Demo) -> [(&'static str, String); 4] {
    let data = demo.data.path();
    [
        (
            "CLOUDFLARE_API_BASE_URL",
            format!("{}/client/v4", demo.api()),
        ),
        ("EDGE_DELIVERY_EDGE_URL", demo.edge()),
        (
            "EDGE_DELIVERY_DATABASE_URL",
            format!("sqlite://{}", data.join("edge-delivery.db").display()),
        ),
        (
            "EDGE_DELIVERY_KEY_FILE",
            data.join("edge-delivery.key").display().to_string(),
        ),
    ]
}

/// A word for a POSIX shell, quoted where it must be.
fn shell(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/:._-".contains(c);
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Bold and dim where a terminal shows them.
pub(super) struct Ink {
    pub(super) bold: &'static str,
    pub(super) dim: &'static str,
    pub(super) good: &'static str,
    pub(super) bad: &'static str,
    pub(super) off: &'static str,
}

impl Ink {
    /// Plain in a pipe, and where `NO_COLOR` asks for it.
    pub(super) fn for_stdout() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if !plain && std::io::stdout().is_terminal() {
            Self {
                bold: "\x1b[1m",
                dim: "\x1b[2m",
                good: "\x1b[32m",
                bad: "\x1b[31m",
                off: "\x1b[0m",
            }
        } else {
            Self {
                bold: "",
                dim: "",
                good: "",
                bad: "",
                off: "",
            }
        }
    }
}

fn people(demo: &Demo, ink: &Ink) -> String {
    let Ink { bold, dim, off, .. } = ink;
    let (console, edge) = (demo.console(), demo.edge());
    let shop = on_host(&edge, SHOP);
    let blog = on_host(&edge, BLOG);
    let api = demo.api();
    let tokens: String = TOKENS
        .iter()
        .map(|token| format!("  {:<24}{}\n", token.what, token.value))
        .collect();
    let data = demo.data.path().display();
    let kept = if demo.data.is_temporary() {
        format!("{data}, removed at the end")
    } else {
        format!("{data}; the local Cloudflare itself starts empty each time")
    };
    let exports: String = environment(demo)
        .iter()
        .map(|(name, value)| format!("     export {name}={}\n", shell(value)))
        .collect();
    let program = std::env::current_exe().map_or_else(
        |_| "edge-delivery".to_owned(),
        |path| shell(&path.display().to_string()),
    );
    format!(
        "
{bold}Edge Delivery is running on this machine alone.{off}

  Console                 {bold}{console}{off}
  Sign in as              {EMAIL}
  Password                {PASSWORD}

  Sample sites            {shop}  {blog}
  Local Cloudflare        {api}/client/v4  {dim}(API){off}  {edge}  {dim}(edge){off}
  Data                    {kept}

{bold}Tokens to paste{off} {dim}(fakes that only this local Cloudflare knows){off}

{tokens}
{bold}What to do next{off}

  1  Open {console}, sign in, and connect with the good token. The other tokens show what goes wrong, and how it is told.
  2  Choose {SHOP}, look at the plan, deploy.
  3  Write a variant of /pricing and publish it.
  4  See what an AI agent gets, and what a person gets:

     curl -A '{GPTBOT}' {shop}/pricing
     curl {shop}/pricing

  5  Use the command line on it. Paste this in another terminal, then: {program} status

{exports}
{dim}Ctrl-C ends it and leaves nothing behind.{off}"
    )
}

/// The address of a host at the edge.
fn on_host(edge: &str, host: &str) -> String {
    let port = edge.rsplit(':').next().unwrap_or_default();
    format!("http://{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::shell;

    #[test]
    fn words_are_safe_to_paste() {
        assert_eq!(shell("sqlite:///a/b-c_d.db"), "sqlite:///a/b-c_d.db");
        assert_eq!(shell("/my data/it's"), r"'/my data/it'\''s'");
    }
}
