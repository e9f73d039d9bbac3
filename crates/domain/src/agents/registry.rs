//! The one list of user agents that we know.
//!
//! `Evidence::Operator` means that the operator's own documentation (in `docs`) names the token;
//! `Evidence::Reported` that it is known from logs and public lists only. Whatever could not be confirmed either way
//! is left out. Where an operator publishes no way to verify its agent, or we could not confirm it, the verification is
//! [`Verification::None`]: such a visit stays *claimed*.
//!
//! After a change here run `cargo run -p domain --example generate`, which writes `worker/generated/agents.js`.

use super::{
    Agent,
    Evidence::{Operator, Reported},
    Excluded, ExcludedKind, Purpose, RobotsOnly, Verification,
};
use ExcludedKind::{Dual, LinkPreview, SearchEngine};
use Purpose::{Search, Training, User};
use Verification::{None as Unverifiable, PublishedIps, ReverseDns};

const OPENAI: &str = "https://platform.openai.com/docs/bots";
const ANTHROPIC: &str = "https://support.claude.com/en/articles/8896518-does-anthropic-crawl-data-from-the-web-and-how-can-site-owners-block-the-crawler";
const ANTHROPIC_IPS: Verification = PublishedIps {
    url: "https://claude.com/crawling/bots.json",
};
const PERPLEXITY: &str = "https://docs.perplexity.ai/guides/bots";
const META: &str = "https://developers.facebook.com/docs/sharing/webmasters/web-crawlers";
const GOOGLE_CRAWLERS: &str =
    "https://developers.google.com/crawling/docs/crawlers-fetchers/google-common-crawlers";
const GOOGLE_FETCHERS: &str =
    "https://developers.google.com/crawling/docs/crawlers-fetchers/google-user-triggered-fetchers";
const GOOGLE_FETCHER_NAMES: Verification = ReverseDns {
    suffix: ".google.com",
};
const AMAZON: &str = "https://developer.amazon.com/amazonbot";
const AMAZON_NAMES: Verification = ReverseDns {
    suffix: ".crawl.amazonbot.amazon",
};

#[rustfmt::skip]
const fn agent(token: &'static str, operator: &'static str, purpose: Purpose, evidence: super::Evidence, verification: Verification, docs: &'static str) -> Agent {
    Agent { token, name: token, operator, purpose, verification, docs: if docs.is_empty() { None } else { Some(docs) }, evidence }
}

#[rustfmt::skip]
const fn engine(token: &'static str, operator: &'static str, kind: ExcludedKind) -> Excluded {
    Excluded { token, operator, kind }
}

/// AI agents: whoever gets HTML variants.
#[rustfmt::skip]
pub const AGENTS: &[Agent] = &[
    agent("GPTBot", "OpenAI", Training, Operator, PublishedIps { url: "https://openai.com/gptbot.json" }, OPENAI),
    agent("OAI-SearchBot", "OpenAI", Search, Operator, PublishedIps { url: "https://openai.com/searchbot.json" }, OPENAI),
    agent("ChatGPT-User", "OpenAI", User, Operator, PublishedIps { url: "https://openai.com/chatgpt-user.json" }, OPENAI),
    agent("ClaudeBot", "Anthropic", Training, Operator, ANTHROPIC_IPS, ANTHROPIC),
    agent("Claude-SearchBot", "Anthropic", Search, Operator, ANTHROPIC_IPS, ANTHROPIC),
    agent("Claude-User", "Anthropic", User, Operator, ANTHROPIC_IPS, ANTHROPIC),
    agent("Claude-Web", "Anthropic", User, Reported, Unverifiable, ""),
    agent("anthropic-ai", "Anthropic", Training, Reported, Unverifiable, ""),
    agent("PerplexityBot", "Perplexity", Search, Operator, PublishedIps { url: "https://www.perplexity.com/perplexitybot.json" }, PERPLEXITY),
    agent("Perplexity-User", "Perplexity", User, Operator, PublishedIps { url: "https://www.perplexity.com/perplexity-user.json" }, PERPLEXITY),
    agent("CCBot", "Common Crawl", Training, Operator, ReverseDns { suffix: ".crawl.commoncrawl.org" }, "https://commoncrawl.org/ccbot"),
    agent("Bytespider", "ByteDance", Training, Reported, Unverifiable, ""),
    agent("TikTokSpider", "ByteDance", Training, Reported, Unverifiable, ""),
    agent("meta-externalagent", "Meta", Training, Operator, Unverifiable, META),
    agent("meta-externalfetcher", "Meta", User, Operator, Unverifiable, META),
    agent("meta-webindexer", "Meta", Search, Operator, Unverifiable, META),
    agent("FacebookBot", "Meta", Training, Reported, Unverifiable, ""),
    agent("MistralAI-User", "Mistral AI", User, Operator, PublishedIps { url: "https://mistral.ai/mistralai-user-ips.json" }, "https://docs.mistral.ai/robots"),
    agent("cohere-ai", "Cohere", User, Reported, Unverifiable, ""),
    agent("cohere-training-data-crawler", "Cohere", Training, Reported, Unverifiable, ""),
    agent("DuckAssistBot", "DuckDuckGo", User, Operator, PublishedIps { url: "https://duckduckgo.com/duckassistbot.json" }, "https://duckduckgo.com/duckduckgo-help-pages/results/duckassistbot"),
    agent("Amzn-SearchBot", "Amazon", Search, Operator, AMAZON_NAMES, AMAZON),
    agent("Amzn-User", "Amazon", User, Operator, AMAZON_NAMES, AMAZON),
    agent("NovaAct", "Amazon", User, Reported, Unverifiable, ""),
    agent("bedrockbot", "Amazon", Search, Reported, Unverifiable, ""),
    agent("Google-CloudVertexBot", "Google", Search, Operator, ReverseDns { suffix: ".googlebot.com" }, GOOGLE_CRAWLERS),
    agent("Google-NotebookLM", "Google", User, Operator, GOOGLE_FETCHER_NAMES, GOOGLE_FETCHERS),
    agent("Google-Agent", "Google", User, Operator, GOOGLE_FETCHER_NAMES, GOOGLE_FETCHERS),
    agent("GoogleAgent-Mariner", "Google", User, Reported, Unverifiable, ""),
    agent("Gemini-Deep-Research", "Google", User, Reported, Unverifiable, ""),
    agent("AzureAI-SearchBot", "Microsoft", Search, Reported, Unverifiable, ""),
    agent("AI2Bot", "Ai2", Training, Operator, Unverifiable, "https://allenai.org/crawler"),
    agent("Ai2Bot-Dolma", "Ai2", Training, Reported, Unverifiable, "https://allenai.org/crawler"),
    agent("Diffbot", "Diffbot", Training, Reported, Unverifiable, "https://www.diffbot.com"),
    agent("YouBot", "You.com", Search, Reported, Unverifiable, ""),
    agent("PhindBot", "Phind", User, Reported, Unverifiable, ""),
    agent("ExaBot", "Exa", Search, Reported, Unverifiable, ""),
    agent("LinkupBot", "Linkup", Search, Reported, Unverifiable, ""),
    agent("FirecrawlAgent", "Firecrawl", User, Reported, Unverifiable, "https://www.firecrawl.dev"),
    agent("Manus-User", "Manus", User, Reported, Unverifiable, ""),
    agent("Devin", "Cognition", User, Reported, Unverifiable, ""),
    agent("atlassian-bot", "Atlassian", Search, Operator, Unverifiable, "https://support.atlassian.com/organization-administration/docs/connect-custom-website-to-rovo/"),
    agent("KlaviyoAIBot", "Klaviyo", Search, Operator, Unverifiable, "https://help.klaviyo.com/hc/en-us/articles/40496146232219"),
    agent("Cloudflare-AutoRAG", "Cloudflare", Search, Reported, Unverifiable, "https://developers.cloudflare.com/autorag"),
    agent("DeepSeekBot", "DeepSeek", Training, Reported, Unverifiable, ""),
    agent("ChatGLM-Spider", "Zhipu AI", Training, Reported, Unverifiable, ""),
    agent("PanguBot", "Huawei", Training, Reported, Unverifiable, ""),
    agent("Timpibot", "Timpi", Training, Reported, Unverifiable, ""),
    agent("omgili", "Webz.io", Training, Reported, Unverifiable, ""),
    agent("omgilibot", "Webz.io", Training, Reported, Unverifiable, ""),
    agent("ImagesiftBot", "ImageSift", Training, Reported, Unverifiable, "https://imagesift.com/about"),
    agent("ICC-Crawler", "NICT", Training, Reported, Unverifiable, "https://nict.go.jp"),
    agent("Cotoyogi", "ROIS", Training, Operator, Unverifiable, "https://ds.rois.ac.jp/en_center8/en_crawler/"),
    agent("iAskBot", "iAsk", Search, Reported, Unverifiable, ""),
    agent("iaskspider", "iAsk", Search, Reported, Unverifiable, ""),
    agent("Andibot", "Andi", Search, Reported, Unverifiable, ""),
    agent("LinerBot", "Liner", User, Reported, Unverifiable, ""),
];

/// Search engines and link-preview bots: they always get the page that people get. A token stands for its whole
/// family: `Googlebot` also for `Googlebot-Image`.
#[rustfmt::skip]
pub const EXCLUDED: &[Excluded] = &[
    engine("Googlebot", "Google", SearchEngine),
    engine("GoogleOther", "Google", Dual),
    engine("Google-InspectionTool", "Google", SearchEngine),
    engine("Google-Site-Verification", "Google", SearchEngine),
    engine("Google-Read-Aloud", "Google", SearchEngine),
    engine("Google-CWS", "Google", SearchEngine),
    engine("Google-Safety", "Google", SearchEngine),
    engine("Google-PageRenderer", "Google", SearchEngine),
    engine("Google-Publisher-Plugin", "Google", SearchEngine),
    engine("GoogleProducer", "Google", SearchEngine),
    engine("Storebot-Google", "Google", SearchEngine),
    engine("AdsBot-Google", "Google", SearchEngine),
    engine("Mediapartners-Google", "Google", SearchEngine),
    engine("APIs-Google", "Google", SearchEngine),
    engine("FeedFetcher-Google", "Google", SearchEngine),
    engine("DuplexWeb-Google", "Google", SearchEngine),
    engine("Chrome-Lighthouse", "Google", SearchEngine),
    engine("bingbot", "Microsoft", SearchEngine),
    engine("BingPreview", "Microsoft", SearchEngine),
    engine("adidxbot", "Microsoft", SearchEngine),
    engine("MicrosoftPreview", "Microsoft", LinkPreview),
    engine("msnbot", "Microsoft", SearchEngine),
    engine("Applebot", "Apple", Dual),
    engine("Amazonbot", "Amazon", Dual),
    engine("DuckDuckBot", "DuckDuckGo", SearchEngine),
    engine("DuckDuckGo-Favicons-Bot", "DuckDuckGo", SearchEngine),
    engine("YandexBot", "Yandex", SearchEngine),
    engine("YandexMobileBot", "Yandex", SearchEngine),
    engine("YandexImages", "Yandex", SearchEngine),
    engine("YandexVideo", "Yandex", SearchEngine),
    engine("YandexNews", "Yandex", SearchEngine),
    engine("YandexRenderResourcesBot", "Yandex", SearchEngine),
    engine("YandexAdditionalBot", "Yandex", Dual),
    engine("Baiduspider", "Baidu", SearchEngine),
    engine("Sogou", "Sogou", SearchEngine),
    engine("360Spider", "Qihoo 360", SearchEngine),
    engine("YisouSpider", "Alibaba", SearchEngine),
    engine("PetalBot", "Huawei", Dual),
    engine("Yeti", "Naver", SearchEngine),
    engine("Daum", "Kakao", SearchEngine),
    engine("SeznamBot", "Seznam", SearchEngine),
    engine("coccocbot-web", "Coc Coc", SearchEngine),
    engine("coccocbot-image", "Coc Coc", SearchEngine),
    engine("Slurp", "Yahoo", SearchEngine),
    engine("Qwantify", "Qwant", SearchEngine),
    engine("Qwantbot", "Qwant", SearchEngine),
    engine("MojeekBot", "Mojeek", SearchEngine),
    engine("Bravebot", "Brave", SearchEngine),
    engine("Kagibot", "Kagi", SearchEngine),
    engine("Exabot-Thumbnails", "Exalead", SearchEngine),
    engine("archive.org_bot", "Internet Archive", SearchEngine),
    engine("ia_archiver", "Internet Archive", SearchEngine),
    engine("facebookexternalhit", "Meta", LinkPreview),
    engine("facebookcatalog", "Meta", LinkPreview),
    engine("Facebot", "Meta", LinkPreview),
    engine("WhatsApp", "Meta", LinkPreview),
    engine("Twitterbot", "X", LinkPreview),
    engine("Slackbot", "Slack", LinkPreview),
    engine("Slack-ImgProxy", "Slack", LinkPreview),
    engine("LinkedInBot", "LinkedIn", LinkPreview),
    engine("Discordbot", "Discord", LinkPreview),
    engine("TelegramBot", "Telegram", LinkPreview),
    engine("Pinterestbot", "Pinterest", LinkPreview),
    engine("redditbot", "Reddit", LinkPreview),
    engine("SkypeUriPreview", "Microsoft", LinkPreview),
    engine("Mastodon", "Mastodon servers", LinkPreview),
    engine("Embedly", "Embedly", LinkPreview),
    engine("Iframely", "Iframely", LinkPreview),
    engine("vkShare", "VK", LinkPreview),
    engine("Viber", "Viber", LinkPreview),
    engine("kakaotalk-scrap", "Kakao", LinkPreview),
    engine("line-poker", "LINE", LinkPreview),
    engine("Snapchat", "Snap", LinkPreview),
    engine("XING-contenttabreceiver", "XING", LinkPreview),
    engine("Bluesky", "Bluesky", LinkPreview),
    engine("Synapse", "Matrix servers", LinkPreview),
];

/// Words for robots.txt that no request ever carries as its user agent.
#[rustfmt::skip]
pub const ROBOTS_ONLY: &[RobotsOnly] = &[
    RobotsOnly { token: "Google-Extended", operator: "Google" },
    RobotsOnly { token: "Applebot-Extended", operator: "Apple" },
    RobotsOnly { token: "Webzio-Extended", operator: "Webz.io" },
];
