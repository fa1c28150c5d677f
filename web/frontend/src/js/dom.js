// Shared small helpers.

/** A meta tag's content, or "". */
export const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

/** A translated string from the shell's <template id="strings" data-…>, with %(name)s filled in. */
export function text(key, values = {}) {
  const store = document.getElementById("strings");
  const raw = store?.dataset[key] ?? "";
  return raw.replace(/%\((\w+)\)s/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

const listeners = [];

/** Run `fn(root)` now for the document, and for every part htmx brings in later. */
export function onContent(fn) {
  listeners.push(fn);
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", () => fn(document), { once: true });
  } else {
    fn(document);
  }
}
document.addEventListener("htmx:load", (event) => {
  if (event.detail.elt !== document.body) listeners.forEach((fn) => fn(event.detail.elt));
});

/** Elements matching `selector` in `root`, `root` itself included. */
export function all(root, selector) {
  const found = [...root.querySelectorAll(selector)];
  if (root instanceof Element && root.matches(selector)) found.unshift(root);
  return found;
}

/** Build an element: el("a", { href, class }, child, …); strings become text, never HTML. */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** An icon of the sprite, as macros/icon draws it. */
export function icon(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(ns, "use");
  use.setAttribute("href", `${meta("icons-url")}#${name}`);
  svg.append(use);
  return svg;
}

/** Is the person typing somewhere? Then single keys are letters, not commands. */
export const typing = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
