// select[data-search]: type to find. With data-url="/…?q=" options come from the server as [{value, text}].
import TomSelect from "tom-select/dist/esm/tom-select.js";
import removeButton from "tom-select/dist/esm/plugins/remove_button/plugin.js";
import { all, el, text } from "./dom.js";

TomSelect.define("remove_button", removeButton);

function remote(url) {
  return async (query, done) => {
    try {
      const answer = await fetch(url + encodeURIComponent(query), { headers: { Accept: "application/json" } });
      const body = await answer.json();
      done(body.items ?? body);
    } catch { done(); }
  };
}

export function enhanceSelects(root) {
  all(root, "select[data-search]").forEach((select) => {
    if (select.tomselect) return;
    const settings = {
      maxOptions: 200,
      allowEmptyOption: !select.required,
      plugins: select.multiple ? { remove_button: { title: text("close") } } : {},
      render: { no_results: () => el("div", { class: "no-results" }, text("noMatch")) },
    };
    if (select.dataset.url) Object.assign(settings, { load: remote(select.dataset.url), preload: "focus", loadThrottle: 250 });
    if (select.dataset.create !== undefined) Object.assign(settings, { create: true });
    new TomSelect(select, settings);
  });
}
