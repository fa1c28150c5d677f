// [data-fill="#field"] [data-value="KB-000123"]: a button that writes its value into a field; pressed again, it takes it back.
export function startFill() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fill]");
    const field = button && document.querySelector(button.dataset.fill);
    if (!field) return;
    field.value = field.value === button.dataset.value ? "" : button.dataset.value;
    document.querySelectorAll(`[data-fill="${button.dataset.fill}"]`).forEach((each) => {
      each.setAttribute("aria-pressed", String(each.dataset.value === field.value));
    });
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
