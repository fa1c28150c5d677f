// Messages at the edge: {tone: "critical"} stays longer; {undo: url} offers ten seconds to take it back.
import { all, el, meta, text } from "./dom.js";

const UNDO_MS = 10000;

function place() {
  let box = document.querySelector(".toasts");
  if (!box) {
    box = el("div", { class: "toasts", role: "status", "aria-live": "polite" });
    document.body.append(box);
  }
  return box;
}

/** Show `words`; returns a function that takes them away. */
export function toast(words, { tone = "", undo = "", onUndo = null, url = "", ms = 0 } = {}) {
  if (!words) return () => {};
  const item = el("div", { class: `toast-item ${tone ? `toast-${tone}` : ""}` });
  item.append(url ? el("span", {}, el("a", { href: url }, words)) : el("span", {}, words));
  const gone = () => item.remove();
  if (undo || onUndo) {
    const back = el("button", { type: "button" }, text("undo"));
    back.addEventListener("click", async () => {
      gone();
      if (onUndo) return onUndo();
      const answer = await fetch(undo, { method: "POST", headers: { "X-CSRFToken": meta("csrf-token") } });
      toast(answer.ok ? text("undone") : text("failed"), { tone: answer.ok ? "" : "critical" });
      if (answer.ok) setTimeout(() => window.location.reload(), 600);
    });
    item.append(back);
  }
  const close = el("button", { type: "button", class: "toast-close", "aria-label": text("close") }, "×");
  close.addEventListener("click", gone);
  item.append(close);
  place().append(item);
  const life = ms || (undo || onUndo ? UNDO_MS : tone === "critical" ? 12000 : 5000);
  let timer = setTimeout(gone, life);
  item.addEventListener("mouseenter", () => clearTimeout(timer));
  item.addEventListener("mouseleave", () => { timer = setTimeout(gone, 3000); });
  return gone;
}

/** Server-side flashes stay in the page (they are read without JavaScript); those with an undo also become a toast. */
export function showFlashes(root) {
  all(root, "[data-toast]").forEach((node) => {
    toast(node.dataset.toast, { tone: node.dataset.tone, undo: node.dataset.undo });
    node.remove();
  });
}
