// One click, one thing: a form in flight can't be sent again, and its button says so.
import { all } from "./dom.js";

const buttons = (form) => all(form, 'button:not([type="button"]), input[type="submit"]');

function release(form) {
  delete form.dataset.busy;
  buttons(form).forEach((button) => {
    if (button.dataset.wasBusy) {
      button.disabled = false;
      button.removeAttribute("aria-busy");
      delete button.dataset.wasBusy;
    }
  });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented && !form.hasAttribute("hx-post")) return;
  if ((form.method || "get").toLowerCase() === "get" && !form.matches("[hx-post], [hx-put], [hx-patch], [hx-delete]")) return;
  if (form.dataset.busy) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  const question = (event.submitter ?? form).dataset.confirm ?? form.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.dataset.busy = "1";
  // After this turn of the loop: a disabled button would not send its own name and value.
  setTimeout(() => buttons(form).forEach((button) => {
    if (button.disabled) return;
    button.dataset.wasBusy = "1";
    button.disabled = true;
    if (button === event.submitter) button.setAttribute("aria-busy", "true");
  }), 0);
  setTimeout(() => release(form), 20000);
}, true);

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt.closest?.("form");
  if (form) release(form);
});
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-busy]").forEach(release));
