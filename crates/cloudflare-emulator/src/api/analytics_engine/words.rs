//! The words of a query.

/// A word, number, text or sign.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    /// A name or keyword, as written.
    Name(String),
    /// A number.
    Number(f64),
    /// A text without its quotes.
    Text(String),
    /// `( ) , * / % + - = < > <= >= != <>`
    Sign(&'static str),
}

const SIGNS: &[&str] = &[
    "<=", ">=", "!=", "<>", "(", ")", ",", "*", "/", "%", "+", "-", "=", "<", ">",
];

/// The words of a text, or what is wrong with it.
pub(super) fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, length) = if first == '\'' {
            quoted(rest)?
        } else if first.is_ascii_digit() {
            let length = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            let number = rest[..length]
                .parse()
                .map_err(|_| format!("{:?} is no number", &rest[..length]))?;
            (Word::Number(number), length)
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            (Word::Name(rest[..length].to_owned()), length)
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| format!("{first:?} is not understood here"))?;
            (Word::Sign(sign), sign.len())
        };
        words.push(word);
        rest = rest[length..].trim_start();
    }
    Ok(words)
}

/// A text in single quotes; within it a quote is doubled or follows a backslash.
fn quoted(rest: &str) -> Result<(Word, usize), String> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '\'' => match characters.peek() {
                Some((_, '\'')) => {
                    characters.next();
                    text.push('\'');
                }
                _ => return Ok((Word::Text(text), at + 1)),
            },
            '\\' => match characters.next() {
                Some((_, escaped)) => text.push(escaped),
                None => break,
            },
            other => text.push(other),
        }
    }
    Err("a text has no end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart() {
        assert_eq!(
            words("a>='it''s'").expect("words"),
            [
                Word::Name("a".to_owned()),
                Word::Sign(">="),
                Word::Text("it's".to_owned())
            ]
        );
        assert!(words("'open").is_err());
        assert!(words("1.2.3").is_err());
        assert!(words("a;b").is_err());
        assert!(words("é").is_err());
    }
}
