// Every number and name that the rest refers to. All files of this folder share one function scope.

const WORKER_VERSION = '0.1.0';

const HEALTH_PATH = '/.well-known/edge-delivery';
const PREVIEW_MARKER = 'ed-preview=';
/** Where a signed preview's draft is in KV, before the link's own part. */
const PREVIEW_PREFIX = 'p/';

/** Marks our own looks at a site, which are answered like any other request and not counted. */
const PROBE_HEADER = 'x-edge-delivery-probe';

/** Bytes of a user agent that are looked at. */
const USER_AGENT_MAX = 1024;
/** User agents whose classification is remembered, by isolate. */
const USER_AGENTS_REMEMBERED = 512;
/** Characters of an Accept header that are looked at. */
const ACCEPT_MAX = 2048;
/** Bytes of a path, before and after it is normalised. */
const PATH_MAX = 2048;
/** Bytes of a query of which a parameter matters. */
const QUERY_MAX = 4096;
/** Bytes of a KV key. */
const KV_KEY_MAX = 512;

/** Milliseconds that an agent waits for KV, when the configuration has no usable number. */
const KV_DEADLINE_MS = 300;
const KV_DEADLINE_MIN_MS = 50;
const KV_DEADLINE_MAX_MS = 2000;

/** An index older than this is renewed in the background. */
const INDEX_FRESH_MS = 5000;
/** An index older than this is not believed any more: the path's own key is read. */
const INDEX_BELIEVED_MS = 15000;
/** A load is given up after this long, and the next one is begun no earlier. */
const INDEX_LOAD_MS = 5000;
/** While loads fail, the last good index is believed for this long. */
const INDEX_KEPT_MS = 600000;
/** Milliseconds that a signed health question waits for the index. */
const HEALTH_INDEX_MS = 2000;
/** Seconds that a location may answer a read of KV from its cache, misses too. The least that KV takes. */
const KV_CACHE_S = 30;

/** The KV key of the index, and what the keys of filters begin with. */
const INDEX_KEY = 'index';
const FILTER_PREFIX = 'i/';
/** The form of index that this Worker reads. */
const INDEX_VERSION = 2;
/** `EDIX` and `EDIF`, as little-endian words. */
const POINTER_MAGIC = 0x58494445;
const FILTER_MAGIC = 0x46494445;
/** Bytes of the heads. */
const POINTER_HEAD = 64;
const FILTER_HEAD = 16;
/** Bytes of a pointer: more is none of ours. */
const POINTER_MAX = 64 * 1024;
/** Hashes of a filter: 16 MB, of the 128 MB that a Worker has. */
const FILTER_COUNT_MAX = 4000000;
/** Hashes of a filter that are looked at when it is loaded. */
const FILTER_SAMPLES = 4096;

/** An index that has stood for so long, in milliseconds: then KV answers with nothing older any more. */
const HOT_AFTER_MS = 120000;
/** How long a variant that was read is kept, in milliseconds. */
const HOT_MS = 60000;
/** How many are kept, their bytes together, and of one: a Worker has 128 MB. */
const HOT_KEPT = 1000;
const HOT_BYTES = 8 * 1024 * 1024;
const HOT_CONTENT_MAX = 512 * 1024;

/** Visits kept in one isolate, beside those in batches; more are counted as dropped. */
const VISITS_KEPT = 1000;
/** Visits in one batch. */
const VISITS_PER_BATCH = 200;
/** Batches that are not settled while full ones are still made, and at all: on their way, or waiting to be tried again. */
const VISITS_FULL_BATCHES = 4;
const VISITS_BATCHES = 5;
/** Milliseconds that a batch which is not full waits for company. */
const VISITS_DELAY_MS = 1000;
/** Milliseconds that one try may take. */
const VISITS_TRY_MS = 5000;
/**
 * Milliseconds after its beginning at which a delivery may make its last try, so that it is over within 25 seconds. Cloudflare ends
 * what stands in `waitUntil` 30 seconds after the answer, or after the visitor left (official: Workers documentation, Context
 * and Limits; workerd itself sets no limit, so this is not tested).
 */
const VISITS_LAST_TRY_MS = 20000;
/** Milliseconds after which a delivery leaves new visits to the next one. */
const VISITS_GATHERING_MS = 10000;
/** Milliseconds before each try that one delivery makes of a batch. */
const VISITS_BACKOFF_MS = [0, 3000, 8000];
/** Tries of one batch in all: those of the delivery that made it, and of later ones. */
const VISITS_TRIES_MAX = 6;
/** Milliseconds by which a delivery may be late before it is believed dead. */
const VISITS_SLACK_MS = 2000;
/** The most milliseconds that the console's Retry-After is kept to. */
const VISITS_RETRY_AFTER_MAX_MS = 600000;
/** Lost visits are counted so far: the console keeps no more of one batch. */
const VISITS_DROPPED_MAX = 2147483647;
/** The most milliseconds that a visit tells of. */
const VISIT_MS_MAX = 60000;
/** Characters of each header of a signature, and of the path that it may cover. */
const VISIT_SIGNATURE_MAX = 2048;
/** Characters of a user agent in a visit. */
const VISIT_UA_MAX = 256;

/** Seconds that a signed health question is good for, before and after its time. */
const HEALTH_WINDOW_S = 300;

/** Seconds that a signed preview is good for at most, and what clocks may differ. */
const PREVIEW_MAX_S = 3600 + 300;
/** Milliseconds that the holder of a preview link waits for KV. */
const PREVIEW_DEADLINE_MS = 2000;
