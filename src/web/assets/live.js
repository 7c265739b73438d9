// @ts-check
// Keeps the page current: one stream per tab, which names the fragments and rows that changed.

const mark = document.getElementById("live");
/** @type {EventSource | null} */
let source = null;
/** Where the stream goes on from. */
let last = document.body.dataset.event ?? "";
let tries = 0;
/** @type {number | undefined} */
let retry;
/** @type {Date | null} */
let downSince = null;
/** @type {AbortController | null} */
let fetching = null;
/** How far the server's clock is ahead of ours. */
let ahead = Date.parse(document.body.dataset.now ?? "") - Date.now() || 0;

const wanted = () => document.body.hasAttribute("data-live");

/** @param {string} state @param {string} words */
function say(state, words) {
  if (!mark || mark.dataset.state === state && mark.textContent === words) return;
  mark.dataset.state = state;
  mark.textContent = words;
}

function up() {
  tries = 0;
  downSince = null;
  say("live", "Live");
}

function down() {
  downSince ??= new Date();
  const long = Date.now() - downSince.getTime() > 5000;
  if (long) say("stale", `Stale since ${downSince.toLocaleTimeString()}`);
  else say("reconnecting", "Reconnecting");
}

function later() {
  down();
  clearTimeout(retry);
  retry = setTimeout(connect, Math.min(10000, 500 * 2 ** tries++));
}

function disconnect() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

export function connect() {
  disconnect();
  if (!wanted() || document.hidden) return;
  const view = encodeURIComponent(location.pathname + location.search);
  const stream = new EventSource(`/events/stream?view=${view}&since=${encodeURIComponent(last)}`);
  source = stream;
  stream.addEventListener("hello", up);
  stream.addEventListener("patch", (event) => {
    up();
    last = event.lastEventId;
    patch(JSON.parse(event.data));
  });
  stream.addEventListener("reset", () => { disconnect(); refresh(); });
  stream.onerror = () => { if (source === stream) { disconnect(); later(); } };
}

/** @param {string} html @returns {Element | null} */
function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

/** Puts a new element in the place of an old one; what was unfolded or focused stays so. @param {Element} old @param {Element} fresh */
function replace(old, fresh) {
  for (const details of old.querySelectorAll("details[id]")) {
    const same = fresh.querySelector(`#${CSS.escape(details.id)}`);
    if (same instanceof HTMLDetailsElement && details instanceof HTMLDetailsElement) same.open = details.open;
  }
  const focused = old.contains(document.activeElement) ? document.activeElement?.id : "";
  old.replaceWith(fresh);
  if (focused) document.getElementById(focused)?.focus();
}

/** @param {{at: string, html: Record<string, string>, rows: Record<string, {set: Record<string, string>, order?: string[]}>}} change */
function patch(change) {
  ahead = Date.parse(change.at) - Date.now();
  for (const [id, html] of Object.entries(change.html)) {
    const old = document.getElementById(id), fresh = element(html);
    if (old && fresh) replace(old, fresh);
  }
  for (const [id, rows] of Object.entries(change.rows)) {
    const body = document.getElementById(id);
    if (!body) continue;
    const fresh = new Map();
    for (const [row, html] of Object.entries(rows.set)) {
      const node = element(html), old = document.getElementById(row);
      if (!node) continue;
      node.classList.add("changed");
      if (old) old.replaceWith(node); else fresh.set(row, node);
    }
    if (rows.order && !reorder(body, rows.order, fresh)) return refresh();
  }
}

/** Answers false where a row is not known here. @param {Element} body @param {string[]} order @param {Map<string, Element>} fresh */
function reorder(body, order, fresh) {
  let next = body.firstElementChild;
  for (const id of order) {
    const node = fresh.get(id) ?? document.getElementById(id);
    if (!node) return false;
    if (node === next) next = next.nextElementSibling;
    else body.insertBefore(node, next);
  }
  while (next) {
    const gone = next;
    next = next.nextElementSibling;
    gone.remove();
  }
  return true;
}

/** Fetches the page again and takes over what it shows; the box in which somebody types stays. */
export async function refresh() {
  fetching?.abort();
  const mine = fetching = new AbortController();
  disconnect();
  try {
    const answer = await fetch(location.href, { signal: mine.signal, headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const script = (/** @type {Document} */ of) => of.querySelector("script[type=module]")?.getAttribute("src");
    // Another build of the daemon: its scripts too.
    if (script(page) !== script(document)) return location.reload();
    const list = document.getElementById("q") && page.getElementById("q");
    const parts = list ? ["#found", ".scroll", "#pages", "#daemon"] : ["main", "#daemon"];
    for (const part of parts) {
      const old = document.querySelector(part), fresh = page.querySelector(part);
      if (old && fresh) replace(old, document.adoptNode(fresh));
    }
    document.title = page.title;
    last = page.body.dataset.event ?? "";
    ahead = Date.parse(page.body.dataset.now ?? "") - Date.now() || 0;
    document.body.toggleAttribute("data-live", page.body.hasAttribute("data-live"));
    if (!wanted()) say("none", "");
    connect();
  } catch (error) {
    if (!mine.signal.aborted) later();
  }
}

/** The words of the server, see `when.rs`. @param {number} seconds */
function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m`;
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

function tick() {
  if (downSince && !document.hidden) down();
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const words = span((Date.now() + ahead - Date.parse(time.getAttribute("datetime") ?? "")) / 1000);
    if (time.textContent !== words) time.textContent = words;
  }
}

export function start() {
  setInterval(() => { if (!document.hidden) tick(); }, 5000);
  setInterval(() => { if (downSince && !document.hidden) down(); }, 1000);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { disconnect(); return; }
    tick();
    connect();
  });
  // A page out of the browser's memory may be old.
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  addEventListener("pagehide", disconnect);
  connect();
}
