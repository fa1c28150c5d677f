// Drafts: a form with data-draft="key" is kept in this browser until it is sent. Passwords, files, tokens and
// checkboxes of agreement are never kept. What the server put into a field wins over an older draft.
import { all, el, text } from "./dom.js";

const PREFIX = "draft:", KEEP_DAYS = 14;
const keep = (field) => field.name && !/^(hidden|password|file|submit|button)$/.test(field.type) && !field.hasAttribute("data-no-draft");

function read(key) {
  try { return JSON.parse(localStorage.getItem(PREFIX + key) ?? "null"); } catch { return null; }
}

function write(form) {
  const values = {};
  for (const field of form.elements) {
    if (!keep(field)) continue;
    if (field.type === "checkbox" || field.type === "radio") {
      if (field.checked) (values[field.name] ??= []).push(field.value);
    } else if (field.value) {
      values[field.name] = field.value;
    }
  }
  try {
    if (Object.keys(values).length) localStorage.setItem(PREFIX + form.dataset.draft, JSON.stringify({ at: Date.now(), values }));
    else localStorage.removeItem(PREFIX + form.dataset.draft);
    say(form, text("draftSaved"));
  } catch { /* a full or forbidden store loses only the draft */ }
}

function say(form, words) {
  const note = form.querySelector("[data-draft-note]");
  if (note) note.textContent = words;
}

function restore(form, draft) {
  let filled = false;
  for (const field of form.elements) {
    const value = draft.values[field.name];
    if (!keep(field) || value === undefined) continue;
    if (field.type === "checkbox" || field.type === "radio") field.checked = value.includes(field.value);
    else if (!field.value || field.tagName === "SELECT") { field.value = value; filled = true; }
  }
  if (!filled) return;
  const note = form.querySelector("[data-draft-note]") ?? form.appendChild(el("p", { class: "draft-note", "data-draft-note": true }));
  const drop = el("button", { type: "button", class: "btn btn-sm btn-ghost" }, text("draftDrop"));
  drop.addEventListener("click", () => { localStorage.removeItem(PREFIX + form.dataset.draft); form.reset(); note.textContent = ""; });
  note.replaceChildren(`${text("draftBack")} `, drop);
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

export function enhanceDrafts(root) {
  all(root, "form[data-draft]").forEach((form) => {
    if (form.dataset.draftReady) return;
    form.dataset.draftReady = "1";
    const draft = read(form.dataset.draft);
    if (draft && Date.now() - draft.at < KEEP_DAYS * 86400000 && !form.querySelector(".has-error")) restore(form, draft);
    let timer = 0;
    form.addEventListener("input", (event) => { if (event.isTrusted) { clearTimeout(timer); timer = setTimeout(() => write(form), 500); } });
    form.addEventListener("submit", () => { clearTimeout(timer); sessionStorage.setItem(`sent:${form.dataset.draft}`, window.location.pathname); write(form); });
  });
}

// A draft goes once its form was sent and the server led elsewhere; an error page leaves it for the next try.
all(document, "meta[name='draft-done']").forEach((node) => localStorage.removeItem(PREFIX + node.content));
Object.keys(sessionStorage).filter((key) => key.startsWith("sent:")).forEach((key) => {
  const failed = document.querySelector(".has-error, .form-errors, [data-error-page]");
  const same = document.querySelector(`form[data-draft="${CSS.escape(key.slice(5))}"]`);
  if (!failed && !(same && performance.getEntriesByType("navigation")[0]?.type === "reload")) localStorage.removeItem(PREFIX + key.slice(5));
  sessionStorage.removeItem(key);
});
document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt.closest?.("form[data-draft]");
  if (form && event.detail.successful) {
    localStorage.removeItem(PREFIX + form.dataset.draft);
    sessionStorage.removeItem(`sent:${form.dataset.draft}`);
  }
});
