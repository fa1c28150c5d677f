// textarea[data-mention="/…/people"]: after “@” people are offered; choosing one writes “@周工(zz-engineer) ”.
import { el } from "./dom.js";

const WAIT_MS = 200;
let box = null, field = null, timer = 0, asked = 0;

function close() {
  box?.remove();
  box = null;
}

/** What was typed since the last “@”, or null where the cursor is in no name. */
const started = (area) => area.value.slice(0, area.selectionStart).match(/(?:^|[^\w.@/])@([^\s@()（）]{0,20})$/)?.[1] ?? null;

function take(person) {
  const at = field.selectionStart - started(field).length - 1;
  field.setRangeText(`@${person.name}(${person.login}) `, at, field.selectionStart, "end");
  close();
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function show(people) {
  close();
  if (!people.length) return;
  box = el("div", { class: "tx-pop tx-pop-left mention", role: "listbox" });
  people.forEach((person, i) => {
    const choice = el("button", { type: "button", role: "option", "aria-selected": String(i === 0) }, person.name, el("span", { class: "muted small" }, person.unit));
    choice.addEventListener("mousedown", (event) => { event.preventDefault(); take(person); });
    choice.person = person;
    box.append(choice);
  });
  field.after(box);
}

async function ask() {
  const name = started(field);
  if (name === null) return close();
  const mine = ++asked;
  try {
    const answer = await fetch(`${field.dataset.mention}?q=${encodeURIComponent(name)}`, { headers: { Accept: "application/json" } });
    if (answer.ok && mine === asked && started(field) !== null) show(await answer.json());
  } catch { close(); }
}

function move(step) {
  const choices = [...box.children], at = choices.findIndex((c) => c.getAttribute("aria-selected") === "true");
  choices.forEach((choice, i) => choice.setAttribute("aria-selected", String(i === (at + step + choices.length) % choices.length)));
}

function press(event) {
  if (!box || event.target !== field || event.isComposing) return;
  const keys = { ArrowDown: () => move(1), ArrowUp: () => move(-1), Escape: close, Enter: () => take(box.querySelector('[aria-selected="true"]').person) };
  keys.Tab = keys.Enter;
  if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  event.stopPropagation();
  keys[event.key]();
}

export function startMentions() {
  document.addEventListener("input", (event) => {
    if (!event.isTrusted || !event.target.matches?.("[data-mention]")) return;
    field = event.target;
    clearTimeout(timer);
    if (started(field) === null) return close();
    timer = setTimeout(ask, WAIT_MS);
  });
  document.addEventListener("keydown", press, true);
  document.addEventListener("focusout", (event) => { if (event.target === field) close(); });
}
