// Who calls itself a bot and is in no list. The same function as `domain::agents::names_itself_a_bot`, where the rule is
// explained; both run the same lists of user agents. A person must never be taken for one.

const BOT_WORDS = /^[a-z0-9._-]*(?:bot|crawler|spider|fetcher|scraper|archiver)$/;
/** Whole words that say nothing without a version. */
const BARE_WORDS = /^(?:(?:ro)?bot|crawler|spider|fetcher|scraper|archiver)$/;
/** What only browsers, and the apps that people use, name. */
const PEOPLES =
  /applewebkit|gecko\/|firefox\/|chrome\/|safari\/|trident\/|msie |presto\/|cfnetwork|darwin\/|dalvik\/|electron\/|android|iphone/;
/** Programs that name their authors' page when nobody tells them another. */
const PROGRAMS = /^(?:node-fetch|scrapy|colly|rome|simplepie|magpierss)$/;

/** @param {string} userAgent */
function namesItselfABot(userAgent) {
  const lower = userAgent.slice(0, USER_AGENT_MAX).toLowerCase();
  const hasContact = lower.includes('+http');
  // Nearly everybody ends here.
  if (!hasContact && !/bot|crawler|spider|fetcher|scraper|archiver/.test(lower)) return false;
  const isPeoples = PEOPLES.test(lower);
  const isCompatible = lower.includes('compatible;') && !lower.includes('msie ');
  const counts = !isPeoples || hasContact || isCompatible;
  let first;
  for (const piece of lower.split(UA_DELIMITERS)) {
    const slash = piece.indexOf('/');
    const name = slash < 0 ? piece : piece.slice(0, slash);
    if (name === '') continue;
    if (first === undefined) first = name;
    if (counts && name !== 'cubot' && BOT_WORDS.test(name) && (slash >= 0 || !BARE_WORDS.test(name))) return true;
  }
  return hasContact && !isPeoples && !(first !== undefined && PROGRAMS.test(first));
}
