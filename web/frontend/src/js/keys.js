// Keyboard: / search, g + letter to go, j k in lists, Enter or o open, e act, ? help, Esc close.
// Places come from the page: <a data-go="h" …>; the help dialog is the shell's <dialog id="keys">.
import { typing } from "./dom.js";

let waitingForPlace = 0;

const rows = () => [...document.querySelectorAll("[data-list] tbody tr, ul[data-list] > *, ol[data-list] > *")].filter((row) => row.offsetParent !== null);

function move(step) {
  const list = rows();
  if (!list.length) return;
  const at = list.findIndex((row) => row.classList.contains("cursor"));
  const next = Math.min(list.length - 1, Math.max(0, at < 0 ? 0 : at + step));
  list.forEach((row, i) => row.classList.toggle("cursor", i === next));
  list[next].scrollIntoView({ block: "nearest" });
  const link = list[next].matches("a") ? list[next] : list[next].querySelector("a");
  link?.focus({ preventScroll: true });
}

function open() {
  const row = document.querySelector(".cursor");
  (row?.matches("a") ? row : row?.querySelector("td.main a, a"))?.click();
}

function act() {
  const target = document.querySelector(".cursor [data-act]") ?? document.querySelector("[data-act]");
  if (!target) return;
  target.scrollIntoView({ block: "center" });
  target.focus();
}

function go(letter) {
  document.querySelector(`[data-go="${CSS.escape(letter)}"]`)?.click();
}

const COMMANDS = {
  "/": () => document.querySelector("[data-search-box]")?.focus(),
  "?": () => document.getElementById("keys")?.showModal?.(),
  j: () => move(1),
  k: () => move(-1),
  o: open,
  e: act,
};

function press(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches?.("textarea")) return event.target.form?.requestSubmit();
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && document.activeElement?.matches("[data-search-box]")) return document.activeElement.blur();
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (waitingForPlace) {
    clearTimeout(waitingForPlace);
    waitingForPlace = 0;
    event.preventDefault();
    return go(event.key);
  }
  if (event.key === "g") {
    waitingForPlace = setTimeout(() => { waitingForPlace = 0; }, 1200);
    return;
  }
  const command = COMMANDS[event.key];
  if (command) {
    event.preventDefault();
    command();
  }
}

export function startKeys() {
  document.addEventListener("keydown", press);
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialog);
      if (dialog?.showModal) { event.preventDefault(); dialog.showModal(); }
    }
    const dialog = event.target.closest("dialog");
    if (dialog && (event.target === dialog || event.target.closest("[data-close]"))) dialog.close();
  });
}
