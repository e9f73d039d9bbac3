//! What can be done, by its stable word and in words for people.

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $title:literal;)*) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind { $($(#[$doc])* $variant),* }

        impl Kind {
            const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word in the database and in answers: `connection.replaced`.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The same for people.
            const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }
        }
    };
}

kinds! {
    /// A token was checked and stored.
    ConnectionConnected = "connection.connected", "Connected Cloudflare";
    /// Another token was put in the place of the stored one.
    ConnectionReplaced = "connection.replaced", "Replaced the token";
    /// The stored token was checked.
    ConnectionChecked = "connection.checked", "Checked the connection";
    /// It got another name.
    ConnectionRenamed = "connection.renamed", "Renamed the connection";
    /// The sealed token was deleted.
    ConnectionDisconnected = "connection.disconnected", "Disconnected";
    /// Its sites are being removed; it is disconnected after the last of them.
    ConnectionLeaving = "connection.leaving", "Began to disconnect";
    /// It was to be disconnected after its last site, and stays.
    ConnectionKept = "connection.kept", "Kept the connection";
    /// A token was refused; nothing was stored.
    TokenRefused = "token.refused", "Token refused";
    /// A site was made.
    SiteCreated = "site.created", "Made the site";
    /// Its name, hosts or settings were changed.
    SiteChanged = "site.changed", "Changed the site";
    /// It is gone, here and at Cloudflare.
    SiteRemoved = "site.removed", "Removed the site";
    /// A deployment or removal was asked for.
    DeploymentRequested = "deployment.requested", "Asked for a deployment";
    /// A deployment was told to stop.
    DeploymentCancelled = "deployment.cancelled", "Cancelled a deployment";
    /// A deployment that had failed or was cancelled goes on.
    DeploymentContinued = "deployment.continued", "Continued a deployment";
    /// The Worker of an earlier deployment was brought back.
    DeploymentRolledBack = "deployment.rolled_back", "Rolled back";
    /// What a deployment changed was taken back.
    DeploymentUndone = "deployment.undone", "Undid a deployment";
    /// Variants were published.
    VariantPublished = "variant.published", "Published";
    /// A revision was saved without being published.
    VariantSaved = "variant.saved", "Saved a draft";
    /// A variant was taken off the edge.
    VariantUnpublished = "variant.unpublished", "Unpublished";
    /// An earlier revision was published again.
    VariantRolledBack = "variant.rolled_back", "Rolled back a variant";
    /// Times were set for publishing a variant or taking it off.
    VariantScheduled = "variant.scheduled", "Scheduled";
    /// What was set for a variant is not to happen.
    VariantScheduleCancelled = "variant.schedule_cancelled", "Cancelled a schedule";
    /// A variant was deleted with its revisions.
    VariantDeleted = "variant.deleted", "Deleted a variant";
    /// It was said which agents get variants at a site.
    SiteAgentsChanged = "site.agents_changed", "Changed who gets variants";
    /// It was said what a site's traffic is watched for.
    SiteAlertRulesChanged = "site.alert_rules_changed", "Changed what is watched for";
    /// Somebody has seen an alert.
    AlertAcknowledged = "alert.acknowledged", "Saw an alert";
    /// Every visit of a site that had come was deleted.
    SiteVisitsDeleted = "site.visits_deleted", "Deleted all visits";
    /// A site's Worker was to get another key.
    SiteKeyRotated = "site.key_rotated", "Made a new key for the Worker";
    /// A registry of agents was taken in, to be looked at.
    AgentsStaged = "agents.staged", "Staged a registry of agents";
    /// The staged registry was put in force.
    AgentsActivated = "agents.activated", "Put a registry of agents in force";
    /// The staged registry was forgotten.
    AgentsDiscarded = "agents.discarded", "Discarded a registry of agents";
    /// An earlier registry was put in force again.
    AgentsReverted = "agents.reverted", "Went back to a registry of agents";
    /// A link to a preview was made.
    PreviewMade = "preview.made", "Made a preview link";
    /// A link to a preview was revoked.
    PreviewRevoked = "preview.revoked", "Revoked a preview link";
    /// Every preview link was revoked by another key.
    PreviewKeyRotated = "preview.key_rotated", "Made a new preview key";
    /// Drafts were asked for, to be made from live pages.
    VariantsMaking = "variant.making", "Had variants made";
    /// The making of drafts was told to stop.
    VariantsMakingCancelled = "variant.making_cancelled", "Stopped making variants";
    /// A variant is withheld from the edge, since the origin does not show the page.
    VariantWithheld = "variant.withheld", "Withheld a variant";
    /// A withheld variant is wanted at the edge again.
    VariantReleased = "variant.released", "Released a variant";
    /// A variant is served whatever its page is, or no longer.
    VariantOverride = "variant.override", "Decided about withholding";
    /// A published page's main text is another one than its variant was made of.
    PageChanged = "variant.page_changed", "Page changed";
    /// Somebody looked at the page and left the variant as it is.
    PageChangeAccepted = "variant.change_accepted", "Accepted a changed page";
    /// The webhook was set.
    WebhookSet = "webhook.set", "Set the webhook";
    /// The webhook was deleted, with what waited for it.
    WebhookDeleted = "webhook.deleted", "Deleted the webhook";
    /// A test message was sent to the webhook.
    WebhookTested = "webhook.tested", "Tested the webhook";
    /// What agents are verified by was to be fetched again.
    VerificationRefreshed = "verification.refreshed", "Fetched the verification lists";
    /// An access key was made.
    AccessKeyMade = "access_key.made", "Made an access key";
    /// An access key was revoked.
    AccessKeyRevoked = "access_key.revoked", "Revoked an access key";
    /// Somebody signed in.
    PersonSignedIn = "person.signed_in", "Signed in";
    /// Somebody tried to.
    PersonSignInFailed = "person.sign_in_failed", "Sign-in failed";
    /// Every session of a person was ended.
    PersonSignedOutEverywhere = "person.signed_out_everywhere", "Signed out everywhere";
    /// A person's password was changed; their other sessions ended.
    PersonPasswordChanged = "person.password_changed", "Changed the password";
    /// Somebody may sign in from now on.
    AdministratorMade = "administrator.made", "Made an administrator";
    /// Everything is sealed under another key.
    KeyRotated = "key.rotated", "Rotated the key";
    /// The database was copied.
    BackupMade = "backup.made", "Made a backup";
    /// The database was replaced by a backup.
    BackupRestored = "backup.restored", "Restored a backup";
}

impl Kind {
    /// Whether this is the word of a kind, or its part before the dot.
    pub(crate) fn is_known(word: &str) -> bool {
        Self::ALL
            .iter()
            .any(|kind| kind.as_str() == word || kind.group() == word)
    }

    /// The part before the dot.
    fn group(self) -> &'static str {
        self.as_str().split('.').next().unwrap_or_default()
    }

    /// Every part before the dot, once.
    pub(crate) fn groups() -> Vec<&'static str> {
        let mut groups = Vec::new();
        for kind in Self::ALL {
            if !groups.contains(&kind.group()) {
                groups.push(kind.group());
            }
        }
        groups
    }

    /// A stored word for people. One of a newer version is shown as it is.
    pub(crate) fn in_words(word: &str) -> String {
        Self::ALL
            .iter()
            .find(|kind| kind.as_str() == word)
            .map_or_else(|| word.to_owned(), |kind| kind.title().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn words_are_groups_and_kinds() {
        for kind in Kind::ALL {
            let word = kind.as_str();
            assert_eq!(word.matches('.').count(), 1, "{word}");
            assert_eq!(Kind::in_words(word), kind.title());
            let same = Kind::ALL.iter().filter(|other| other.as_str() == word);
            assert_eq!(same.count(), 1, "{word}");
        }
        assert!(Kind::is_known("connection") && Kind::is_known("key.rotated"));
        assert!(!Kind::is_known("") && !Kind::is_known("connection."));
        assert_eq!(Kind::in_words("later.word"), "later.word");
    }

    #[test]
    fn kinds_are_documented() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operating.md");
        let documentation = std::fs::read_to_string(file).expect("the document is there");
        for kind in Kind::ALL {
            let name = format!("`{}`", kind.as_str());
            assert!(
                documentation.contains(&name),
                "docs/operating.md does not explain {name}"
            );
        }
    }
}
