//! Text that speaks to a language model instead of its reader: *prompt injection*. Rules can only find the usual wordings,
//! and pages about the matter quote them, so a finding is confirmed, not refused.

use super::{Findings, LintCode, place::Mapped};
use regex::Regex;
use std::sync::LazyLock;

/// The wordings, in words separated by white space.
const WORDINGS: &[&str] = &[
    r"(?:ignore|disregard|forget|override|bypass)\s+(?:(?:all|any|every|the|your|these|those|my|of)\s+){0,4}(?:previous|prior|above|preceding|earlier|former|existing|system|safety)\s+(?:instructions?|prompts?|directions?|rules|guidelines|context|messages?|commands?)",
    r"(?:ignore|disregard|forget)\s+(?:everything|all|anything)\s+(?:above|before\s+this|you\s+(?:were|have\s+been)\s+told)",
    r"(?:new|updated|hidden|secret|important|additional|special)\s+(?:system\s+)?instructions?\s+(?:for|to)\s+(?:the\s+|all\s+|any\s+)?(?:ai|llm|language\s+model|assistant|chatbot|model|agent)s?",
    r"(?:note|message|attention|instructions?|hint|notice)\s*:?\s+(?:for|to)\s+(?:all\s+|any\s+|the\s+)?(?:ais?|llms?|large\s+language\s+models?|language\s+models?|ai\s+(?:assistants?|agents?|models?|crawlers?)|chatgpt|claude|gemini|perplexity|copilot)",
    r"(?:if|when|since)\s+you(?:\s+are|['’]re)\s+(?:an?\s+)?(?:ai|llm|large\s+language\s+model|language\s+model|chatbot)",
    r"(?:ai|llms?|chatgpt|language\s+models?|ai\s+(?:assistants?|agents?|models?|crawlers?|systems?))\s*[,:]?\s*(?:you\s+)?(?:must|should\s+always|should\s+never|are\s+(?:instructed|required|directed)\s+to|please)\s+(?:always\s+|never\s+|not\s+)?(?:recommend|mention|say|tell|cite|rank|describe|summari[sz]e|ignore|include|respond|answer|output|state|prefer|promote)",
    r"(?:do\s+not|don['’]t|never)\s+(?:tell|reveal|mention|disclose|show|say)\s+(?:(?:this|it|these|that|anything)\s+)?(?:to\s+)?(?:the\s+)?users?",
    r"you\s+are\s+(?:now\s+)?(?:an?\s+|in\s+)?(?:unrestricted\s+ai|ai\s+(?:assistant|model)|developer\s+mode|jailbroken|language\s+model|dan\s+mode)",
    r"(?:reveal|print|output|repeat|show)\s+(?:me\s+)?(?:your|the)\s+(?:system\s+prompt|hidden\s+instructions?|initial\s+prompt)",
    r"(?:begin|start|end)\s+(?:of\s+)?system\s+(?:prompt|message|instructions?)",
    r"ignorier(?:e|en\s+sie|t)\s+(?:alle\s+)?(?:vorherigen|bisherigen|obigen|früheren)\s+(?:anweisungen|instruktionen|befehle)",
    r"ignore[zr]?\s+(?:toutes\s+)?les\s+instructions\s+(?:précédentes|ci-dessus|antérieures)",
    r"ignor[ae]\s+(?:todas\s+)?las\s+instrucciones\s+(?:anteriores|previas)",
];

/// Marks of the turns of a conversation, as models are trained on.
const TURNS: &str = r"<\|(?:im_start|im_end|system|user|assistant|endoftext)\|>|\[/?INST\]|<</?SYS>>|(?m:^)\s*#{2,}\s*(?:system|instruction)s?\s*:";

static FINDER: LazyLock<Regex> = LazyLock::new(|| {
    // Boundaries of ASCII words: those of Unicode would keep the fast engine from texts that are not ASCII.
    let pattern = format!(r"(?i)(?-u:\b)(?:{})(?-u:\b)|{TURNS}", WORDINGS.join("|"));
    Regex::new(&pattern).expect("a fixed pattern that the tests compile")
});

/// Finds them in a text; `whose` says what kind of text, for example ` in a comment`.
pub(super) fn check(mapped: &Mapped, whose: &str, found: &mut Findings) {
    let clean = (!mapped.text.is_ascii()).then(|| mapped.without_unseen());
    let mapped = clean.as_ref().unwrap_or(mapped);
    for at in FINDER.find_iter(&mapped.text) {
        found.at(
            LintCode::Instructions,
            mapped.source_of(&at.range()),
            format!("speaks to a language model{whose}"),
        );
    }
}
