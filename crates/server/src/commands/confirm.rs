//! The question before what cannot simply be taken back.

use std::io::IsTerminal;

/// Whether somebody sits there who can be asked.
pub(super) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks yes or no; whoever leaves the question says no.
///
/// # Errors
///
/// When the terminal cannot be read.
pub(super) async fn is_yes(question: String) -> anyhow::Result<bool> {
    let asked = move || {
        inquire::Confirm::new(&question)
            .with_default(false)
            .prompt()
    };
    answered(tokio::task::spawn_blocking(asked).await?).map(Option::unwrap_or_default)
}

/// What was answered; `None`: the question was left.
///
/// # Errors
///
/// When the terminal cannot be read.
pub(super) fn answered<T>(answer: Result<T, inquire::InquireError>) -> anyhow::Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(
            inquire::InquireError::OperationCanceled | inquire::InquireError::OperationInterrupted,
        ) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
