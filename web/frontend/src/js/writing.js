// While somebody types into form[data-writing="/…/writing"], the others on the page are told, at most every four seconds.
// form[data-keep="/…/draft"]: what is typed is also kept on the server, two seconds after the last key and on leaving.
import { meta } from "./dom.js";

const TELL_MS = 4000, KEEP_MS = 2000;
const told = new WeakMap(), timers = new WeakMap();

const post = (url, body) => fetch(url, { method: "POST", body, keepalive: true, headers: { "X-CSRFToken": meta("csrf-token") } }).catch(() => {});

function keep(form) {
  if (!timers.has(form)) return;
  clearTimeout(timers.get(form));
  timers.delete(form);
  const body = new FormData();
  body.set("text", form.elements.text?.value ?? "");
  if (form.elements.internal?.checked) body.set("internal", "true");
  post(form.dataset.keep, body);
}

function typed(event) {
  const form = event.isTrusted && event.target.form;
  if (!form || !form.dataset.writing) return;
  const now = Date.now();
  if (now - (told.get(form) ?? 0) > TELL_MS) {
    told.set(form, now);
    post(form.dataset.writing, new FormData());
  }
  if (!form.dataset.keep) return;
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(() => keep(form), KEEP_MS));
}

export function startWriting() {
  document.addEventListener("input", typed);
  document.addEventListener("submit", (event) => { clearTimeout(timers.get(event.target)); timers.delete(event.target); });
  window.addEventListener("pagehide", () => document.querySelectorAll("form[data-keep]").forEach(keep));
}
