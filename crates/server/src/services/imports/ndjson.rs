//! Lines of JSON, one at a time; a line that is too long is passed over without being held.

use super::{LINES_BYTES_MAX, batch::Batch, broken_off};
use crate::problem::{Code, Outcome, Problem};
use domain::variant::CONTENT_MAX;
use serde::Deserialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// The longest line: a content of which every character has to be escaped, and its path.
const LINE_MAX: usize = 2 * CONTENT_MAX + 64 * 1024;

/// One line of an import.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImportLine {
    /// The page's path.
    pub(crate) path: String,
    /// `html` or `markdown`.
    pub(crate) format: String,
    /// The content.
    pub(crate) content: String,
}

/// Reads to the end.
pub(super) async fn read(
    mut from: impl AsyncBufRead + Unpin + Send,
    batch: &mut Batch<'_>,
) -> Outcome<()> {
    let (mut line, mut bytes, mut number) = (Vec::new(), 0_u64, 0_u64);
    loop {
        let read = next_line(&mut from, &mut line)
            .await
            .map_err(|error| broken_off(&error))?;
        let Some(read) = read else { return Ok(()) };
        number += 1;
        bytes += read.bytes;
        batch.tell_read(bytes);
        if bytes > LINES_BYTES_MAX {
            return Err(Problem::new(
                Code::TooLarge,
                format!(
                    "The import is over its limit of {} GiB; it was read up to line {number}.",
                    LINES_BYTES_MAX / (1024 * 1024 * 1024)
                ),
            )
            .cause("More was sent than one import reads.")
            .remedy("Send the rest as another import; the lines before are saved."));
        }
        if read.is_too_long {
            let problem = Problem::new(
                Code::TooLarge,
                format!("is longer than {} MiB", LINE_MAX / (1024 * 1024)),
            )
            .remedy("Put one object a line; a content has at most 25 MiB.");
            batch.refuse(number, None, &problem, b"")?;
            continue;
        }
        let text = without_mark(number, line.trim_ascii());
        if text.is_empty() {
            continue;
        }
        match parse(text) {
            Err(problem) => batch.refuse(number, None, &problem, text)?,
            Ok(object) => match batch.name(&object.format, &object.path) {
                Err(problem) => batch.refuse(number, Some(&object.path), &problem, text)?,
                Ok(name) => {
                    let content = object.content.into_bytes();
                    batch.add(number, name, content, text).await?;
                }
            },
        }
        if line.capacity() > 1024 * 1024 {
            line = Vec::new();
        }
    }
}

/// Some editors begin a file with a byte order mark.
fn without_mark(number: u64, text: &[u8]) -> &[u8] {
    match text.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) if number == 1 => rest,
        _ => text,
    }
}

struct Line {
    bytes: u64,
    is_too_long: bool,
}

/// The next line without its end; `None` at the end of everything.
async fn next_line(
    from: &mut (impl AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
) -> std::io::Result<Option<Line>> {
    line.clear();
    let mut read = Line {
        bytes: 0,
        is_too_long: false,
    };
    loop {
        let piece = from.fill_buf().await?;
        if piece.is_empty() {
            return Ok((read.bytes > 0).then_some(read));
        }
        let end = piece.iter().position(|byte| *byte == b'\n');
        let (taken, used) = match end {
            Some(at) => (&piece[..at], at + 1),
            None => (piece, piece.len()),
        };
        if line.len() + taken.len() > LINE_MAX {
            read.is_too_long = true;
            *line = Vec::new();
        }
        if !read.is_too_long {
            line.extend_from_slice(taken);
        }
        read.bytes += used as u64;
        from.consume(used);
        if end.is_some() {
            return Ok(Some(read));
        }
    }
}

/// One object. Lists are refused: serde would read them as the fields in their order.
fn parse(text: &[u8]) -> Outcome<ImportLine> {
    if text.first() == Some(&b'{')
        && let Ok(line) = serde_json::from_slice(text)
    {
        return Ok(line);
    }
    let problem = match crate::api::extract::parse_json::<ImportLine>(text) {
        Ok(line) => return Ok(line),
        Err(problem) => problem,
    };
    let detail = match problem.code {
        Code::MalformedRequest => problem
            .detail
            .replace("The body is not JSON: line 1, ", "is not JSON: "),
        _ => problem
            .detail
            .replace("The JSON does not fit: ", "does not fit: "),
    };
    Err(Problem::new(problem.code, detail)
        .remedy("Write one object a line: {\"path\": \"/pricing\", \"format\": \"html\", \"content\": \"…\"}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(text: &[u8]) -> Vec<(u64, bool, Vec<u8>)> {
        // A buffer of three bytes: lines come in pieces.
        let mut from = tokio::io::BufReader::with_capacity(3, text);
        let (mut line, mut found) = (Vec::new(), Vec::new());
        while let Some(read) = next_line(&mut from, &mut line).await.expect("readable") {
            found.push((read.bytes, read.is_too_long, line.clone()));
        }
        found
    }

    #[tokio::test]
    async fn lines_come_whole() {
        let whole = |text: &str, bytes| (bytes, false, text.as_bytes().to_vec());
        assert_eq!(lines(b"").await, []);
        assert_eq!(lines(b"abcde").await, [whole("abcde", 5)]);
        assert_eq!(
            lines(b"abcde\n\nf\n").await,
            [whole("abcde", 6), whole("", 1), whole("f", 2)]
        );
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_not_held() {
        let mut text = vec![b'x'; LINE_MAX + 1];
        text.extend_from_slice(b"\ny");
        let mut from = tokio::io::BufReader::new(&text[..]);
        let mut line = Vec::new();
        let first = next_line(&mut from, &mut line).await.expect("readable");
        assert!(first.is_some_and(|line| line.is_too_long) && line.capacity() < LINE_MAX);
        next_line(&mut from, &mut line).await.expect("readable");
        assert_eq!(line, b"y");
    }

    #[test]
    fn objects_alone_are_lines() {
        let good = br#"{"path":"/a","format":"html","content":"x"}"#;
        assert_eq!(parse(good).expect("good").path, "/a");
        for (bad, words) in [
            (&b"nothing"[..], "is not JSON: column"),
            (br#"["/a","html","x"]"#, "does not fit: an object"),
            (br#"{"path":"/a","format":"html"}"#, "missing field"),
            (
                br#"{"path":"/a","format":"html","content":1}"#,
                "does not fit",
            ),
            (
                br#"{"path":"/a","format":"html","content":"x","more":1}"#,
                "unknown field",
            ),
        ] {
            let problem = parse(bad).expect_err("bad");
            assert!(problem.detail.contains(words), "{}", problem.detail);
            assert!(!problem.remedies.is_empty());
        }
    }
}
