// The live feed (web/live.py): `change` events carry JSON {topic: "ticket", key: "INC-1", text?, url?}; topic "resync" means all.
//   [data-live~="ticket:INC-1"]   gets a `live` event: hx-trigger="live" refreshes it; data-live="ticket" hears of every ticket
//   [data-live-count~="alert"]    a banner “3 条新告警” (data-text="%(n)s 条新告警"), shown and counted
//   text                          a toast for this person
import { all, meta, text, typing } from "./dom.js";
import { toast } from "./toast.js";

const FIRST_MS = 1000, LAST_MS = 30000, SHOW_AFTER_MS = 2500, HIDDEN_MS = 60000, SETTLE_MS = 400;
let source = null, wait = FIRST_MS, lostTimer = 0, retryTimer = 0, hiddenTimer = 0, wasLost = false;
const WORDS = { lost: "liveLost", back: "liveBack", out: "liveOut" };
const pending = new Set();
let settle = 0, left = false;

function show(state) {
  document.querySelectorAll(".tx-live").forEach((node) => {
    node.dataset.state = state;
    const words = node.querySelector("[data-live-text]");
    if (words) words.textContent = WORDS[state] ? text(WORDS[state]) : "";
  });
  if (state === "back") setTimeout(() => show("ok"), 3000);
}

const words = (value) => (value ?? "").split(/\s+/);

/** Nobody's typing is swapped away: a part with the cursor in it waits until the cursor has left. */
function renew(node) {
  const here = document.activeElement;
  if (!node.contains(here) || !typing(here)) return window.htmx.trigger(node, "live");
  if (node.dataset.waiting) return;
  node.dataset.waiting = "1";
  here.addEventListener("blur", () => { delete node.dataset.waiting; setTimeout(() => renew(node), 200); }, { once: true });
}

/** Bursts are gathered, so that a storm of events refreshes each part of the page at most every 400 ms. */
function refresh(topics) {
  topics.forEach((topic) => pending.add(topic));
  settle ||= setTimeout(() => {
    settle = 0;
    const now = new Set(pending);
    pending.clear();
    all(document, "[data-live]").forEach((node) => {
      if (now.has("*") || words(node.dataset.live).some((topic) => now.has(topic))) renew(node);
    });
  }, SETTLE_MS);
}

function count(topics) {
  all(document, "[data-live-count]").forEach((node) => {
    if (!words(node.dataset.liveCount).some((topic) => topics.includes(topic))) return;
    const n = Number(node.dataset.n ?? 0) + 1;
    node.dataset.n = String(n);
    const target = node.querySelector("[data-live-text]") ?? node;
    target.textContent = (node.dataset.text ?? "").replace("%(n)s", String(n));
    node.hidden = false;
  });
}

function receive(event) {
  let data;
  try { data = JSON.parse(event.data); } catch { return; }
  if (data.topic === "resync") return refresh(["*"]);
  const topics = [data.topic, `${data.topic}:${data.key}`];
  refresh(topics);
  count(topics);
  // Whoever looks at the thing already sees it change.
  if (data.text && data.url !== window.location.pathname) toast(data.text, { url: data.url });
}

function lost() {
  clearTimeout(lostTimer);
  lostTimer = setTimeout(() => { wasLost = true; show("lost"); }, SHOW_AFTER_MS);
  // The browser retries by itself while CONNECTING; once CLOSED (an error status), we do, slower each time.
  if (source?.readyState === EventSource.CLOSED) {
    clearTimeout(retryTimer);
    signedOut().then((out) => { if (out) leave(); });
    retryTimer = setTimeout(connect, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, LAST_MS);
  }
}

/** EventSource hides the status of its refusal; asked plainly, the server says 401 where the session has ended. */
async function signedOut() {
  const asking = new AbortController();
  try {
    const answer = await fetch(meta("live-url"), { headers: { Accept: "text/event-stream" }, signal: asking.signal });
    return answer.status === 401;
  } catch { return false; } finally { asking.abort(); }
}

/** The session is over: nothing is retried, nothing on the page is touched, and the way back is shown. */
function leave() {
  [lostTimer, retryTimer].forEach(clearTimeout);
  source = null;
  show("out");
  if (left) return;
  left = true;
  const back = encodeURIComponent(window.location.pathname + window.location.search);
  toast(text("liveOutToast"), { tone: "critical", url: `${meta("login-url")}?next=${back}`, ms: 600000 });
}

function opened() {
  clearTimeout(lostTimer);
  wait = FIRST_MS;
  if (wasLost) {
    wasLost = false;
    show("back");
    refresh(["*"]); // what happened meanwhile is fetched, not guessed
  }
}

/** [data-present="ticket:INC-1"]: the connection tells what this page shows; the others there see it while it lasts. */
function address() {
  const shown = document.querySelector("[data-present]")?.dataset.present;
  return meta("live-url") + (shown ? `?at=${encodeURIComponent(shown)}` : "");
}

function connect() {
  clearTimeout(retryTimer);
  source?.close();
  source = new EventSource(address());
  source.addEventListener("open", opened);
  source.addEventListener("error", lost);
  source.addEventListener("change", receive);
}

/** A tab nobody looks at gives its connection back: browsers allow six a server, shared by all tabs. */
function visibility() {
  clearTimeout(hiddenTimer);
  if (document.hidden) {
    hiddenTimer = setTimeout(() => { source?.close(); source = null; clearTimeout(retryTimer); clearTimeout(lostTimer); }, HIDDEN_MS);
  } else if (!source) {
    connect();
    refresh(["*"]);
  }
}

export function startLive() {
  if (!meta("live-url") || !window.EventSource) return;
  connect();
  document.addEventListener("visibilitychange", visibility);
  window.addEventListener("online", connect);
  window.addEventListener("offline", () => { wasLost = true; show("lost"); });
  window.addEventListener("pagehide", () => { source?.close(); source = null; });
  window.addEventListener("pageshow", (event) => event.persisted && connect());
}
