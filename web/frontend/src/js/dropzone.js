// Pasted, dropped or chosen: [data-dropzone] holds an <input type=file>; everything ends up in that input,
// so the form is sent as it would be without JavaScript. Before sending, each file can be taken off.
import { all, el, text } from "./dom.js";

const MAX = 20 * 1024 * 1024;
const human = (size) => (size < 1048576 ? `${Math.max(1, Math.round(size / 1024))} KB` : `${(size / 1048576).toFixed(1)} MB`);

function named(file) {
  if (file.name && file.name !== "image.png") return file;
  const stamp = new Date().toISOString().slice(0, 19).replace(/[-:T]/g, "");
  return new File([file], `${text("screenshot")}-${stamp}.png`, { type: file.type });
}

function enhance(zone) {
  const input = zone.querySelector('input[type="file"]');
  if (!input || zone.dataset.ready) return;
  zone.dataset.ready = "1";
  let files = [...input.files];
  if (input.form) input.form.enctype = "multipart/form-data";
  const list = el("ul", { class: "drop-files" });
  (input.closest(".file") ?? input).after(list);

  const render = () => {
    const bag = new DataTransfer();
    files.forEach((file) => bag.items.add(file));
    input.files = bag.files;
    list.replaceChildren(...files.map((file, i) => {
      const remove = el("button", { type: "button", "aria-label": text("removeFile", { name: file.name }) }, "×");
      remove.addEventListener("click", () => { files.splice(i, 1); render(); });
      const item = el("li", {}, el("span", { class: "clip" }, file.name), el("span", { class: "muted small nowrap" }, human(file.size)), remove);
      // Small previews only; data: is what the content policy allows for images.
      if (file.type.startsWith("image/") && file.size < 4 * 1024 * 1024) {
        const reader = new FileReader();
        reader.onload = () => item.prepend(el("img", { src: reader.result, alt: "" }));
        reader.readAsDataURL(file);
      }
      if (file.size > MAX) item.append(el("span", { class: "tone-critical small" }, text("tooLarge")));
      return item;
    }));
  };
  const add = (more) => {
    const fresh = [...more].map(named);
    if (!fresh.length) return;
    files = input.multiple ? files.concat(fresh) : fresh.slice(-1);
    render();
  };
  input.addEventListener("change", () => { const picked = [...input.files]; files = input.multiple ? files.concat(picked.filter((file) => !files.includes(file))) : picked; render(); });
  zone.addEventListener("paste", (event) => { if (event.clipboardData.files.length) { event.preventDefault(); add(event.clipboardData.files); } });
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("drag"); });
  zone.addEventListener("dragleave", (event) => { if (!zone.contains(event.relatedTarget)) zone.classList.remove("drag"); });
  zone.addEventListener("drop", (event) => { event.preventDefault(); zone.classList.remove("drag"); add(event.dataTransfer.files); });
  zone.closest("form")?.addEventListener("reset", () => { files = []; render(); });
}

export const enhanceDropzones = (root) => all(root, "[data-dropzone]").forEach((zone) => { zone.classList.add("dropzone"); enhance(zone); });
