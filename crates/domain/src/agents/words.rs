//! Words that can never be an agent's token: they stand in the user agents of browsers, editors and libraries, or are so
//! common that they will.

/// Lower-case words.
const WORDS: &str = "\
    mozilla applewebkit webkit khtml gecko like version mobile safari chrome chromium crios crmo firefox fxios focus edg \
    edge edga edgios opr opera opt opios presto trident msie iemobile compatible windows nt win64 wow64 x64 x86 x86_64 \
    macintosh intel mac os linux ubuntu fedora android iphone ipad ipod cpu ios tizen web0s webos cros x11 wv kaios \
    samsungbrowser ucbrowser miuibrowser huaweibrowser heytapbrowser vivobrowser qqbrowser yabrowser yowser whale silk \
    vivaldi brave duckduckgo ddg seamonkey palemoon waterfox konqueror epiphany falkon iron comet atlas arc dia \
    headlesschrome electron code vscode cursor trae windsurf zed jetbrains intellij xcode obsidian notion slack discord \
    teams figma fban fbav fbios fb_iab instagram barcelona snapchat pinterest linkedinapp twitter tiktok musical_ly \
    bytedancewebview micromessenger wechat weixin qq line kakaotalk naver daumapps viber telegram messenger \
    reddit tumblr weibo gsa googleapp baiduboxapp aliapp chatgpt claude perplexity gemini copilot grok kimi doubao \
    deepseek qwen openai anthropic mistral meta facebook google apple amazon microsoft bing yahoo yandex baidu \
    playstation nintendo nintendobrowser xbox smart-tv smarttv tv roku hbbtv crkey bravia kindle tesla quest \
    oculusbrowser cubot slcc1 slcc2 media center pc net clr infopath touch tablet \
    curl wget python python-requests python-httpx python-urllib aiohttp httpx okhttp axios node node-fetch undici bun \
    deno go-http-client java apache-httpclient dalvik cfnetwork darwin postmanruntime insomnia httpie libwww-perl php \
    guzzlehttp ruby faraday reqwest ureq hyper scrapy dart lynx links w3m elinks dillo vlc thunderbird outlook office \
    agent agents ai api app apps assistant auto automation bot bots browser build cli client code crawl crawler crawlers \
    data desktop download engine extension fetch fetcher feed framework help home html http https image index indexer \
    info internet library link links local mail mobile model monitor news null online operator page phone plugin preview \
    proxy public reader research robot robots robots.txt rss scraper sdk search secure server service shop site spider \
    static system test tool tools unknown update user user-agent useragent video web webbot webcrawler website webview \
    worker www";

/// Whether a lower-case token is such a word.
pub(super) fn is_common(token: &str) -> bool {
    WORDS.split_ascii_whitespace().any(|word| word == token)
}
