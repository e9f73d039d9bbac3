//! User agents of others than agents, against which every registry is tried before it is taken.

/// Browsers of people, in-app browsers, editors, consoles, television sets, HTTP libraries, and traps for a match by
/// part of a word: one to a line. None of them may ever be an agent.
pub(super) fn people() -> impl Iterator<Item = &'static str> {
    include_str!("people.txt").lines()
}

/// Search engines and link previews: one to a line. None of them may ever be an agent.
pub(super) fn bots() -> impl Iterator<Item = &'static str> {
    include_str!("bots.txt").lines()
}
