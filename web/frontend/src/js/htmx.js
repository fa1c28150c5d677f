// htmx with our CSRF header, errors in words, and a thin progress line instead of spinners.
import htmx from "htmx.org";
import { el, meta, text } from "./dom.js";
import { toast } from "./toast.js";

window.htmx = htmx;

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = meta("csrf-token");
  // What the page asks by itself must not keep an idle session alive.
  if (event.detail.triggeringEvent?.type === "live") event.detail.headers["X-Background"] = "1";
});

let running = 0;
const busy = (change) => {
  running = Math.max(0, running + change);
  document.documentElement.classList.toggle("tx-busy", running > 0);
};
document.addEventListener("htmx:beforeRequest", () => busy(1));
document.addEventListener("htmx:afterRequest", () => busy(-1));

const WORDS = { 0: "offline", 401: "signedOut", 403: "forbidden", 404: "gone", 409: "conflict", 413: "tooLarge", 429: "tooMany" };

/** Asked by the page (on load, by the feed), not by the person: then no message pops up. */
const byItself = ({ requestConfig }) =>
  requestConfig.verb === "get" && ["load", "live", "revealed", "intersect"].includes(requestConfig.triggeringEvent?.type ?? "load");

/** A panel that could not be filled says so in its place instead of shimmering for ever. */
function quietly(panel) {
  const skeleton = panel.querySelector?.(".skeleton");
  skeleton?.replaceWith(el("p", { class: "muted small" }, text("chartFailed")));
}

document.addEventListener("htmx:responseError", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (byItself(event.detail)) return quietly(event.detail.elt);
  let said = "";
  if ((xhr.getResponseHeader("Content-Type") ?? "").includes("json")) {
    try { said = JSON.parse(xhr.responseText).detail ?? ""; } catch { /* the words below do */ }
  }
  toast(said || text(WORDS[xhr.status] ?? "failed"), { tone: "critical" });
});
const offline = (event) => (byItself(event.detail) ? quietly(event.detail.elt) : toast(text("offline"), { tone: "critical" }));
document.addEventListener("htmx:sendError", offline);
document.addEventListener("htmx:timeout", offline);

// The server says what happened by HX-Trigger: {"toast": {"text", "tone", "undo": url}}
document.addEventListener("toast", (event) => {
  const { text: words, value, tone, undo } = event.detail ?? {};
  toast(words ?? value ?? "", { tone, undo });
});
