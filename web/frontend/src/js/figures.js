// Charts and graphs are heavy: their bundles come only when a figure is on the page (or arrives later).
import { meta } from "./dom.js";

const loading = {};
function load(name) {
  return (loading[name] ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = meta(`${name}-url`);
    script.onload = done;
    script.onerror = failed;
    document.head.append(script);
  }));
}

export async function loadFigures(root) {
  if (root.querySelector("[data-chart-url]")) {
    await load("charts");
    window.taxopsCharts(root);
  }
  if (root.querySelector("[data-graph-url]")) {
    await load("graph");
    window.taxopsGraph(root);
  }
}
