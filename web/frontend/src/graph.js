// Third bundle: [data-graph-url] drawn by Cytoscape from
// {nodes: [{id, label, state, kind?, url?, root?, x?, y?}], edges: [{source, target, label?, group?}]}.
// Stable: the same data gives the same picture. With x, y those are used; else layers from the data's own order.
import cytoscape from "cytoscape";
import { all, el, text } from "./js/dom.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const SHAPES = { ok: "ellipse", warning: "triangle", critical: "rectangle", unknown: "diamond", nodata: "ellipse" };
const FILLS = { ok: "--ok", warning: "--warning-fill", critical: "--critical-fill", unknown: "--unknown" };

// Cytoscape would add a <style> element, which the content policy forbids; it does not where one of this id stands.
if (!document.getElementById("__________cytoscape_stylesheet")) {
  document.head.append(el("meta", { id: "__________cytoscape_stylesheet" }));
}

const sheet = () => [
  { selector: "node", style: { label: "data(label)", "font-family": css("--font"), "font-size": 12, color: css("--ink"), "text-valign": "bottom", "text-margin-y": 6, "text-wrap": "wrap", "text-max-width": 120, width: 22, height: 22, "background-color": css("--surface"), "border-width": 3, "border-color": css("--nodata-line"), "text-background-color": css("--surface-2"), "text-background-opacity": 0.85, "text-background-padding": 2 } },
  ...Object.entries(FILLS).map(([state, fill]) => ({ selector: `node[state="${state}"]`, style: { shape: SHAPES[state], "background-color": css(fill), "border-width": 0 } })),
  { selector: "node[?root]", style: { width: 32, height: 32, "border-width": 4, "border-color": css("--ink"), "font-weight": 600 } },
  { selector: "edge", style: { width: 1.5, "line-color": css("--line-strong"), "target-arrow-color": css("--line-strong"), "target-arrow-shape": "triangle", "arrow-scale": 0.8, "curve-style": "bezier", label: "data(label)", "font-size": 11, color: css("--ink-3"), "text-background-color": css("--surface-2"), "text-background-opacity": 1 } },
  { selector: "edge[?chain]", style: { width: 2.5, "line-color": css("--critical-fill"), "target-arrow-color": css("--critical-fill") } },
  { selector: ":selected", style: { "border-color": css("--accent"), "border-width": 4 } },
];

/** Layers by longest way from the sources, left to right (on a narrow screen top to bottom); order inside a layer as the data came (so it stays). */
function layered(nodes, edges, upright) {
  const level = new Map(nodes.map((node) => [node.id, 0]));
  for (let round = 0; round < nodes.length; round += 1) {
    let moved = false;
    edges.forEach(({ source, target }) => {
      if (level.has(source) && level.has(target) && level.get(target) < level.get(source) + 1 && level.get(source) + 1 < nodes.length) {
        level.set(target, level.get(source) + 1);
        moved = true;
      }
    });
    if (!moved) break;
  }
  const counts = new Map();
  nodes.forEach((node) => counts.set(level.get(node.id), (counts.get(level.get(node.id)) ?? 0) + 1));
  const used = new Map();
  return Object.fromEntries(nodes.map((node) => {
    const at = level.get(node.id);
    const i = used.get(at) ?? 0;
    used.set(at, i + 1);
    const across = i - (counts.get(at) - 1) / 2;
    return [node.id, upright ? { x: across * 130, y: at * 84 } : { x: at * 180, y: across * 88 + (at % 2) * 14 }];
  }));
}

function list(data) {
  const name = new Map(data.nodes.map((node) => [node.id, node.label]));
  return el("ul", { class: "graph-list" }, ...data.edges.map((edge) => el("li", {}, `${name.get(edge.source)} → ${name.get(edge.target)}`)));
}

function plot(box, data) {
  const places = data.nodes.every((node) => node.x != null) ? Object.fromEntries(data.nodes.map((node) => [node.id, { x: node.x, y: node.y }])) : layered(data.nodes, data.edges, box.clientWidth < 520);
  const known = new Set(data.nodes.map((node) => node.id));
  const graph = cytoscape({
    container: box,
    elements: [
      ...data.nodes.map((node) => ({ data: { ...node, id: String(node.id) }, position: places[node.id] })),
      ...data.edges.filter((edge) => known.has(edge.source) && known.has(edge.target)).map((edge) => ({ data: { label: "", ...edge, source: String(edge.source), target: String(edge.target) } })),
    ],
    style: sheet(),
    layout: { name: "preset", fit: true, padding: 40 },
    maxZoom: 2, minZoom: 0.2, autoungrabify: true, boxSelectionEnabled: false, userZoomingEnabled: false,
  });
  if (graph.zoom() > 1.25) { graph.zoom(1.25); graph.center(); }
  graph.on("tap", "node", (event) => { const url = event.target.data("url"); if (url) window.location.assign(url); });
  // The wheel scrolls the page; Ctrl + wheel zooms, as in the charts.
  box.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    graph.zoom({ level: graph.zoom() * (event.deltaY < 0 ? 1.15 : 1 / 1.15), renderedPosition: { x: event.offsetX, y: event.offsetY } });
  }, { passive: false });
  new ResizeObserver(() => { graph.resize(); graph.fit(undefined, 40); if (graph.zoom() > 1.25) { graph.zoom(1.25); graph.center(); } }).observe(box);
  return graph;
}

async function draw(box) {
  try {
    const answer = await fetch(box.dataset.graphUrl, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const data = await answer.json();
    box.taxopsGraph?.destroy();
    if (!data.nodes.length) { box.replaceChildren(el("div", { class: "chart-message" }, text("graphEmpty"))); return; }
    box.replaceChildren();
    box.taxopsGraph = plot(box, data);
    const words = document.querySelector(`[data-graph-list="${CSS.escape(box.id)}"]`);
    words?.replaceChildren(list(data));
  } catch {
    box.replaceChildren(el("div", { class: "chart-message" }, text("chartFailed")));
  }
}

window.taxopsGraph = (root) => all(root, "[data-graph-url]").forEach((box) => {
  if (box.dataset.ready) return;
  box.dataset.ready = "1";
  box.addEventListener("live", () => draw(box));
  draw(box);
});
