// htmx with our CSRF header, errors in words, and a thin progress line instead of spinners.
import htmx from "htmx.org";
import { meta, text } from "./dom.js";
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

document.addEventListener("htmx:responseError", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (requestConfig.verb === "get" && event.detail.elt.matches?.("[hx-trigger*=live], [hx-trigger*=load]") && xhr.status >= 500) return;
  let said = "";
  if ((xhr.getResponseHeader("Content-Type") ?? "").includes("json")) {
    try { said = JSON.parse(xhr.responseText).detail ?? ""; } catch { /* the words below do */ }
  }
  toast(said || text(WORDS[xhr.status] ?? "failed"), { tone: "critical" });
});
document.addEventListener("htmx:sendError", () => toast(text("offline"), { tone: "critical" }));
document.addEventListener("htmx:timeout", () => toast(text("offline"), { tone: "critical" }));

// The server says what happened by HX-Trigger: {"toast": {"text", "tone", "undo": url}}
document.addEventListener("toast", (event) => {
  const { text: words, value, tone, undo } = event.detail ?? {};
  toast(words ?? value ?? "", { tone, undo });
});
