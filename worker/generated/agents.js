// Generated from the agent registry; do not edit. `cargo xtask generate` writes it anew.

/** Tokens of AI agents, by purpose. */
const AGENT_TOKENS = {
  training:
    'GPTBot ClaudeBot anthropic-ai CCBot Bytespider TikTokSpider imageSpider meta-externalagent FacebookBot MistralAI-Training cohere-training-data-crawler AI2Bot Ai2Bot-Dolma Diffbot KimiBot QwenBot ERNIEBot DeepSeekBot ChatGLM-Spider PanguBot SBIntuitionsBot Cotoyogi ICC-Crawler Timpibot omgili omgilibot webzio ImagesiftBot img2dataset LAIONDownloader laion-huggingface-processor aiHitBot ApifyBot ApifyWebsiteContentCrawler Brightbot Crawlspace CragCrawler Factset_spyderbot FriendlyCrawler ISSCyberRiskCrawler KunatoCrawler ExteContextCrawl Flyriverbot panscient.com EchoboxBot QuillBot Reflectionbot Thinkbot VelenPublicWebCrawler NagetBot MyCentralAIScraperBot',
  search:
    'OAI-SearchBot Claude-SearchBot PerplexityBot meta-webindexer MistralAI-Index Amzn-SearchBot bedrockbot amazon-kendra KendraBot amazon-QBusiness Google-CloudVertexBot CloudVertexBot AzureAI-SearchBot YouBot ExaBot ExaSearchBot LinkupBot TavilyBot ShapBot HenkBot QueritBot Querit-SearchBot TerraCotta AIWebIndex Anomura AddSearchBot Channel3Bot Aranet-SearchBot ZanistaBot Kimi-SearchBot atlassian-bot KlaviyoAIBot Cloudflare-AutoRAG iAskBot iaskspider Andibot',
  user:
    'ChatGPT-User Claude-User Claude-Web Perplexity-User DoubaoBot meta-externalfetcher MistralAI-User cohere-ai DuckAssistBot Amzn-User NovaAct AmazonBuyForMe Amazon-Bedrock-AgentCore-Browser Google-NotebookLM Google-GeminiNotebook Google-Agent GoogleAgent-Mariner GoogleAgent-URLContext Gemini-Deep-Research Google-Firebase AI2Bot-DeepResearchEval Diffbot-User PhindBot FirecrawlAgent Shap-User kagi-fetcher IsonAI-User Kimi-User Kimi-Agent TongyiBot YiyanBot WRTNBot Manus-User Devin TwinAgent UseAI Mozilla-Tabstack QualifiedBot Poggio-Citations bigsur.ai GeistHaus-PageFetcher wpbot BuddyBot LinerBot',
};
/** Tokens of bots that get the page that people get, by kind; each stands for its family (`token-…`) too. */
const EXCLUDED_TOKENS = {
  search_engine:
    'Googlebot Google-InspectionTool Google-Site-Verification Google-Read-Aloud Google-CWS Google-Safety Google-PageRenderer Google-Publisher-Plugin GoogleProducer Storebot-Google AdsBot-Google Mediapartners-Google APIs-Google FeedFetcher-Google DuplexWeb-Google Chrome-Lighthouse bingbot BingPreview adidxbot msnbot DuckDuckBot DuckDuckGo-Favicons-Bot YandexBot YandexMobileBot YandexImages YandexVideo YandexNews YandexRenderResourcesBot Baiduspider Sogou 360Spider YisouSpider Yeti Daum SeznamBot coccocbot-web coccocbot-image Slurp Qwantify Qwantbot MojeekBot Bravebot Kagibot Exabot-Thumbnails archive.org_bot ia_archiver OAI-AdsBot Google-Pinpoint YandexFavicons YandexWebmaster YandexMetrika YandexDirect YandexBlogs Daumoa Teoma Exabot-Images IsonSearchBot ZumBot Google-Speakr Google-Adwords-Instant iTMS yacybot Marginalia search.marginalia.nu Cliqzbot',
  dual:
    'GoogleOther Applebot Amazonbot YandexAdditionalBot PetalBot YandexAdditional',
  link_preview:
    'MicrosoftPreview facebookexternalhit facebookcatalog Facebot WhatsApp Twitterbot Slackbot Slack-ImgProxy LinkedInBot Discordbot TelegramBot Pinterestbot redditbot SkypeUriPreview Mastodon Embedly Iframely vkShare kakaotalk-scrap line-poker XING-contenttabreceiver Bluesky Synapse GoogleMessages meta-externalads LMArenaUnfurlBot ArenaUnfurlBot FlipboardProxy Pleroma Misskey SummalyBot bitlybot',
};
