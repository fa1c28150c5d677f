// Choosing rows: [data-choose] boxes, a shift-click takes all between, [data-choose-all] the whole page, and the form
// [data-bulk] says how many. Without this each box is still a box of that form.
import { all } from "./dom.js";

let last = null;
const boxes = () => all(document, "[data-choose]");

function show() {
  const form = document.querySelector("[data-bulk]");
  const words = form?.querySelector("[data-bulk-count]");
  if (!words) return;
  const chosen = boxes().filter((box) => box.checked).length;
  const whole = form.querySelector("[data-choose-filter]")?.checked;
  words.dataset.idle ??= words.textContent;
  words.textContent = chosen ? words.dataset.text.replace("%(n)s", String(chosen)) : words.dataset.idle;
  all(form, "button").forEach((button) => { button.disabled = !chosen && !whole; });
  const every = document.querySelector("[data-choose-all]");
  if (every) {
    every.checked = chosen > 0 && chosen === boxes().length;
    every.indeterminate = chosen > 0 && !every.checked;
  }
}

function pick(event) {
  if (event.target.matches?.("[data-choose-all]")) boxes().forEach((box) => { box.checked = event.target.checked; });
  else if (event.target.matches?.("[data-choose]")) {
    const list = boxes(), here = list.indexOf(event.target), from = list.indexOf(last);
    if (event.shiftKey && from >= 0) {
      list.slice(Math.min(from, here), Math.max(from, here) + 1).forEach((box) => { box.checked = event.target.checked; });
    }
    last = event.target;
  } else if (!event.target.matches?.("[data-choose-filter]")) return;
  show();
}

export function startChoosing() {
  document.addEventListener("click", pick);
  document.addEventListener("htmx:load", show);
  window.addEventListener("pageshow", show);
}
