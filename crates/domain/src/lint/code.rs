//! The codes of findings, with what follows from each and what to do.

/// What follows from a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The content is not taken.
    Error,
    /// It can be saved; publishing it needs a yes.
    Confirm,
    /// It is shown.
    Warning,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $severity:ident, $title:literal, $remedy:literal;)*) => {
        /// What a finding is; the word never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum LintCode { $($(#[$doc])* $variant),* }

        impl LintCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word in answers and in the documentation.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// What follows from it.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),* }
            }

            /// A short title for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            /// What to do.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy),* }
            }
        }
    };
}

codes! {
    /// Nothing but white space.
    Empty = "empty", Error, "Empty", "Give it a text, or delete the variant instead.";
    /// More than a KV value may hold.
    TooLarge = "too_large", Error, "Too large", "Leave out what an agent does not need; pictures belong in files of their own.";
    /// Bytes that are no UTF-8.
    NotUtf8 = "not_utf8", Error, "Not UTF-8", "Save the file as UTF-8, without a byte order mark.";
    /// A NUL character.
    Nul = "nul", Error, "NUL character", "Remove the character; the file may not be text at all.";
    /// The end is missing: of a comment, a tag, or an element that swallows the rest.
    Unfinished = "unfinished", Error, "Ends in the middle", "Close it. The file may have been cut off.";
    /// A script, an event handler or a `javascript:` address.
    Script = "script", Error, "Script", "Remove it: agents run none. If you need it, allow scripts in the site's settings.";
    /// Text in characters that nobody sees.
    InvisibleText = "invisible_text", Error, "Invisible text", "Delete these characters; what you want to say, say in the open.";
    /// Text that speaks to a language model instead of its reader.
    Instructions = "instructions", Confirm, "Instructions to a model", "Remove it: agents take it for an attack, and drop or distrust the page. If the page is about such texts, confirm it.";
    /// Text that people would not see.
    HiddenText = "hidden_text", Confirm, "Hidden text", "Show the text, or leave it out. A variant may not say what the page does not.";
    /// Characters that turn the direction of writing.
    BidiControl = "bidi_control", Confirm, "Turned writing direction", "Use the attribute `dir` or the element `bdi` instead, or confirm it.";
    /// A canonical address of another page.
    CanonicalElsewhere = "canonical_elsewhere", Confirm, "Canonical of another page", "Name this page, or leave it out: the edge sends the right one as a header.";
    /// A `<base>` of another host.
    BaseElsewhere = "base_elsewhere", Confirm, "Links lead to another host", "Remove `<base>`, or write the links in full.";
    /// A redirect in the page.
    Refresh = "refresh", Confirm, "Sends its readers away", "Remove it: a variant is the page itself.";
    /// `<base>` at all.
    Base = "base", Warning, "Base address", "Remove `<base>`, or check that every relative link is meant from there.";
    /// A canonical address without scheme and host.
    CanonicalRelative = "canonical_relative", Warning, "Canonical is not absolute", "Write the whole address with https and the host name, or leave it out.";
    /// More than one canonical address.
    CanonicalMany = "canonical_many", Warning, "Several canonicals", "Keep one; readers ignore all when they differ.";
    /// It asks not to be used.
    Noindex = "noindex", Warning, "Asks not to be indexed", "Remove it if agents are to use the page; many obey it.";
    /// It says that it is in another encoding.
    Charset = "charset", Warning, "Another charset", "Write `<meta charset=\"utf-8\">`, or leave it out: the edge says UTF-8.";
    /// A byte order mark.
    ByteOrderMark = "byte_order_mark", Warning, "Byte order mark", "Save the file without one.";
    /// Signs that it was read in the wrong encoding once.
    Mojibake = "mojibake", Warning, "Garbled characters", "Convert the file again from its true encoding.";
    /// Characters without a width inside words.
    ZeroWidth = "zero_width", Warning, "Zero-width characters", "Delete them: they split words for those who read the text.";
    /// Control characters.
    ControlCharacter = "control_character", Warning, "Control characters", "Delete them.";
    /// A frame or plug-in.
    Frame = "frame", Warning, "Embedded page", "Put its text into the variant: agents do not fetch it.";
    /// Nothing to read.
    NoText = "no_text", Warning, "Nothing to read", "Put the facts into text: agents get no more than this.";
}

impl LintCode {
    /// The code of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }
}
