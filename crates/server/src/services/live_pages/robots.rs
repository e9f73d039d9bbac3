//! robots.txt: what the owner tells programs of the site's pages. It is respected unless the owner says otherwise.

use super::fetch::{ROBOTS_NAME, get};
use crate::app::App;
use domain::names::Hostname;
use std::time::Duration;
use texting_robots::Robot;

/// What it says is read up to this many bytes (RFC 9309, 2.5: at least 500 KiB).
const BYTES_MAX: usize = 512 * 1024;

/// The longest pause that it can ask for.
const DELAY_MAX: Duration = Duration::from_secs(10);

/// The rules of one host.
pub(crate) struct Robots(Option<Robot>);

impl Robots {
    /// No rules.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// The host's rules. Without a file everything is allowed; a host that fails may have rules that we cannot know, so
    /// nothing is (RFC 9309, 2.3.1.3 and 2.3.1.4).
    pub(crate) async fn of(app: &App, host: &Hostname) -> Result<Self, String> {
        let answer = get(app, host, "/robots.txt", "text/plain").await?;
        if answer.status.is_server_error() {
            return Err(format!(
                "robots.txt cannot be read: the origin answers {}",
                answer.status.as_u16()
            ));
        }
        if !answer.status.is_success() {
            return Ok(Self::none());
        }
        let text = &answer.body[..answer.body.len().min(BYTES_MAX)];
        // What cannot be read at all says nothing.
        Ok(Self(Robot::new(ROBOTS_NAME, text).ok()))
    }

    /// Whether a page may be fetched.
    pub(crate) fn allows(&self, path: &str) -> bool {
        self.0.as_ref().is_none_or(|robot| robot.allowed(path))
    }

    /// The pause that it asks for.
    pub(crate) fn delay(&self) -> Option<Duration> {
        let seconds = self.0.as_ref()?.delay?;
        Duration::try_from_secs_f32(seconds)
            .ok()
            .map(|delay| delay.min(DELAY_MAX))
    }

    /// The sitemaps that it names.
    pub(crate) fn sitemaps(&self) -> &[String] {
        self.0.as_ref().map_or(&[], |robot| &robot.sitemaps)
    }
}
