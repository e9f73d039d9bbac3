// The Worker in service-worker form: when this returns without respondWith, the runtime hands the request to the
// origin natively, as if no Worker were there. Everything synchronous stands in one try; whatever goes wrong later ends
// at the origin too.

addEventListener('fetch', (event) => {
  event.passThroughOnException();
  try {
    const { method, headers, url } = event.request;
    if (method !== 'GET' && method !== 'HEAD') return;
    const visitor = visitorOf(headers.get('user-agent'));
    const markdown = visitor.kind !== 'excluded' && prefersMarkdown(headers.get('accept'));
    const asksHealth = url.includes(HEALTH_PATH);
    const asksPreview = url.includes(PREVIEW_MARKER);
    if (visitor.kind === 'other' && !markdown && !asksHealth && !asksPreview) {
      // Somebody who calls itself a bot is counted, and goes to the origin like everybody else.
      if (visitor.isBot) noteUnknown(event);
      return;
    }
    if (asksPreview) {
      // Bots that follow a link which somebody shared see what is public.
      if (visitor.kind === 'other' && !headers.has('upgrade')) answerPreview(event);
      return;
    }

    const config = readConfig();
    if (config === undefined) return;
    const rawPath = rawPathOf(url);
    if (asksHealth && rawPath === HEALTH_PATH) return answerHealth(event, config);

    const wish = wishOf(visitor, markdown, config);
    if (wish === undefined || headers.has('upgrade')) return;
    if (config.hosts.length > 0 && !config.hosts.includes(hostOf(url))) return;
    const path = pageOf(targetOf(url), config.paths);
    if (path === undefined) return;
    answerWish(event, config, wish, path);
  } catch {
    return;
  }
});

/** @param {any} event @param {Config} config */
function answerHealth(event, config) {
  const siteKey = globalThis.SITE_KEY;
  const question = healthQuestion(event.request.url, Date.now());
  if (question === undefined || typeof siteKey !== 'string' || siteKey === '') return;
  event.respondWith(
    isSigned(question, siteKey)
      .catch(() => false)
      .then((signed) => (signed ? healthAnswer(config, Date.now()) : fetch(event.request))),
  );
}

/** @param {any} event */
function answerPreview(event) {
  const { request } = event;
  const [config, kv, previewKey] = [readConfig(), globalThis.VARIANTS, globalThis.PREVIEW_KEY];
  if (config === undefined || typeof previewKey !== 'string' || previewKey === '') return;
  const preview = previewAsked(request.url, config, Date.now());
  if (preview === undefined || kv === null || typeof kv !== 'object') return;
  event.respondWith(
    within(readPreview(kv, previewKey, preview), PREVIEW_DEADLINE_MS)
      .then((draft) => (draft instanceof ArrayBuffer ? previewAnswer(request.method, preview, draft) : undefined))
      .catch(() => undefined)
      .then((answer) => answer || fetch(request)),
  );
}

/** @param {any} event @param {Config} config @param {Wish} wish @param {string} path */
function answerWish(event, config, wish, path) {
  const now = Date.now();
  const kv = globalThis.VARIANTS;
  let formats = [];
  if (wish.formats.length > 0 && kv !== null && typeof kv === 'object') {
    formats = formatsWorthReading(wish.formats, path, now);
    if (indexLoadDue(now)) event.waitUntil(loadIndex(kv, now));
  }
  const visit = visitOf(event.request, wish, path, now);
  if (formats.length === 0) return takeNote(event, config, visit);
  const known = hotVariant(formats[0], path, now);
  if (known !== undefined) event.respondWith(answerWith(event, config, wish, path, known, visit));
  else event.respondWith(answerFromKv(event, config, wish, path, kv, formats, visit));
}

/** Counts a bot that is in no list, whose request goes to the origin natively. @param {any} event */
function noteUnknown(event) {
  const { headers, url } = event.request;
  const config = readConfig();
  if (config === undefined || (config.ingest === '' && !config.engine) || headers.has('upgrade')) return;
  if (config.hosts.length > 0 && !config.hosts.includes(hostOf(url))) return;
  const path = pageOf(targetOf(url), config.paths);
  if (path === undefined) return;
  takeNote(event, config, visitOf(event.request, { agent: 'unknown', formats: [] }, path, Date.now()));
}

/** What is noted of a request. @param {any} request @param {Wish} wish @param {string} path @param {number} now @returns {Visit} */
function visitOf(request, wish, path, now) {
  /** @type {Visit} */
  const visit = { t: now, agent: wish.agent, path, outcome: 'origin', status: 0 };
  const ua = request.headers.get('user-agent');
  if (ua !== null) visit.ua = ua.slice(0, VISIT_UA_MAX);
  return visit;
}

/** The answer with a variant. @returns {Response} */
function answerWith(event, config, wish, path, variant, visit) {
  const { request } = event;
  const answer = variantAnswer(
    {
      method: request.method,
      ifNoneMatch: request.headers.get('if-none-match'),
      page: originOf(request.url) + path,
      agent: wish.agent,
      isListed: (format) => isListed(format, path),
    },
    variant,
  );
  visit.outcome = answer.status === 304 ? 'not_modified' : 'variant';
  visit.status = answer.status;
  visit.revision = variant.revision;
  visit.format = variant.format;
  takeNote(event, config, visit);
  return answer;
}

/**
 * The variant, or the origin's answer when there is none in time.
 * @returns {Promise<Response>}
 */
async function answerFromKv(event, config, wish, path, kv, formats, visit) {
  try {
    const revision = pathIndex === undefined ? -1 : pathIndex.revision;
    const variant = await within(readFirst(kv, formats, path), config.kvDeadlineMs);
    if (variant !== LATE && variant !== undefined) {
      // Another format than the one that is wanted most may be there soon.
      if (variant.format === formats[0]) keepHot(path, variant, revision, Date.now());
      return answerWith(event, config, wish, path, variant, visit);
    }
    if (variant === LATE) visit.outcome = 'error';
  } catch {
    visit.outcome = 'error';
  }
  const answer = await fetch(event.request);
  visit.status = answer.status;
  takeNote(event, config, visit);
  return answer;
}

/** Gathers a visit, where visits are wanted. Never throws. @param {any} event @param {Config} config @param {Visit} visit */
function takeNote(event, config, visit) {
  try {
    if (event.request.headers.has(PROBE_HEADER)) return;
    if (config.engine) return writeVisit(globalThis.VISITS, config.site, withDetails(visit, event.request));
    const siteKey = globalThis.SITE_KEY;
    if (config.ingest === '' || typeof siteKey !== 'string' || siteKey === '') return;
    noteVisit(withDetails(visit, event.request));
    const now = Date.now();
    if (deliveryDue(now)) event.waitUntil(deliverVisits(config, siteKey, now).catch(() => {}));
  } catch {
    // The visit is lost; the answer is not.
  }
}
