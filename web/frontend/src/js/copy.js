// [data-print] prints the page; [data-copy="text"] or [data-copy-from="#id"]: works over plain HTTP too, where navigator.clipboard is missing.
import { el, text } from "./dom.js";
import { toast } from "./toast.js";

async function put(words) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(words);
  const box = el("textarea", { class: "visually-hidden", readonly: true });
  box.value = words;
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  if (!done) throw new Error("copy refused");
}

export function startCopy() {
  document.addEventListener("click", async (event) => {
    if (event.target.closest("[data-print]")) return window.print();
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (!button) return;
    const from = button.dataset.copyFrom ? document.querySelector(button.dataset.copyFrom) : button;
    const words = button.dataset.copy || (from?.textContent ?? "").trim();
    try { await put(words); toast(text("copied")); } catch { toast(text("copyFailed"), { tone: "critical" }); }
  });
}
