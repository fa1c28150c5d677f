// Second bundle: figure[data-chart-url] drawn by ECharts from
// {unit, series: [{name, points: [[iso, value|null], …]}], thresholds: [{name, value, tone}], marks: [{at, until, label, tone, url}]}.
// Gaps stay gaps, zoom is shared by all charts of the page, times are Asia/Shanghai whatever the browser's zone is.
import { use, init, connect } from "echarts/core";
import { LineChart, BarChart, HeatmapChart } from "echarts/charts";
import { GridComponent, TooltipComponent, LegendComponent, DataZoomComponent, MarkLineComponent, MarkAreaComponent, VisualMapComponent, AriaComponent } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";
import { options } from "./js/chart-options.js";
import { table, marksList } from "./js/chart-table.js";
import { all, el, text } from "./js/dom.js";

use([LineChart, BarChart, HeatmapChart, GridComponent, TooltipComponent, LegendComponent, DataZoomComponent, MarkLineComponent, MarkAreaComponent, VisualMapComponent, AriaComponent, CanvasRenderer]);

const GROUP = "page";

function message(plot, words) {
  plot.replaceChildren(el("div", { class: "chart-message" }, words));
}

async function fetchData(figure) {
  const answer = await fetch(figure.dataset.chartUrl, { headers: { Accept: "application/json", ...(figure.dataset.drawn ? { "X-Background": "1" } : {}) } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function plotInto(figure, plot, data) {
  let chart = figure.taxopsChart;
  if (!chart) {
    plot.replaceChildren();
    chart = init(plot, null, { renderer: "canvas" });
    chart.group = GROUP;
    connect(GROUP);
    figure.taxopsChart = chart;
    new ResizeObserver(() => chart.resize()).observe(plot);
    chart.on("click", "series", (point) => { if (point.data?.url) window.location.assign(point.data.url); });
  }
  chart.setOption(options(data, { bars: figure.dataset.kind === "bar", compact: plot.clientWidth < 480 }), { notMerge: !figure.dataset.drawn, lazyUpdate: true });
  figure.dataset.drawn = "1";
}

async function draw(figure) {
  const plot = figure.querySelector(".chart-plot");
  try {
    const data = await fetchData(figure);
    data.unit ??= figure.dataset.unit ?? "";
    const some = (data.series ?? []).some((series) => series.points.some((point) => point[1] !== null));
    if (some) plotInto(figure, plot, data);
    else if (!figure.taxopsChart) message(plot, text("chartEmpty"));
    figure.querySelector(".chart-marks")?.remove();
    if (data.marks?.length) figure.append(marksList(data.marks));
    const holder = figure.querySelector(".chart-table");
    if (holder) holder.replaceChildren(table(data));
    figure.taxopsData = data;
  } catch {
    if (!figure.taxopsChart) message(plot, text("chartFailed"));
  }
}

function toggleTable(figure, button) {
  const old = figure.querySelector(".chart-table");
  button.setAttribute("aria-expanded", String(!old));
  if (old) return old.remove();
  if (figure.taxopsData) {
    figure.querySelector(".chart-plot").after(el("div", { class: "chart-table", tabindex: "0" }));
    figure.querySelector(".chart-table").replaceChildren(table(figure.taxopsData));
  }
}

function hydrate(figure) {
  if (figure.dataset.ready) return;
  figure.dataset.ready = "1";
  const button = figure.querySelector(".chart-toggle");
  button?.addEventListener("click", () => toggleTable(figure, button));
  figure.addEventListener("live", () => draw(figure));
  const every = Number(figure.dataset.every ?? 0) * 1000;
  if (every) setInterval(() => document.hidden || draw(figure), every);
  // A page with many charts draws those in view first.
  const seen = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) { seen.disconnect(); draw(figure); }
  }, { rootMargin: "300px" });
  seen.observe(figure);
}

window.taxopsCharts = (root) => all(root, "[data-chart-url]").forEach(hydrate);
