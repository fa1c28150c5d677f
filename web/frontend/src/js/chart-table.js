// The same figures to read, for whoever can't see or hover a chart.
import { number, stamp } from "./chart-words.js";
import { el, text } from "./dom.js";

const ROWS = 500;

export function table(data) {
  const times = new Map();
  data.series.forEach((series, column) => series.points.forEach(([at, value]) => {
    const key = Date.parse(at);
    if (!times.has(key)) times.set(key, new Array(data.series.length).fill(undefined));
    times.get(key)[column] = value;
  }));
  const rows = [...times].sort((a, b) => b[0] - a[0]).slice(0, ROWS);
  const cell = (value) => el("td", { class: "num" }, value === null ? text("noValue") : value === undefined ? "" : number(value));
  const head = el("tr", {}, el("th", {}, text("time")), ...data.series.map((series) => el("th", { class: "num" }, `${series.name}${data.unit ? ` (${data.unit})` : ""}`)));
  return el("table", { class: "table table-dense" }, el("thead", {}, head), el("tbody", {}, ...rows.map(([at, values]) => el("tr", {}, el("td", { class: "nowrap" }, stamp(at)), ...values.map(cell)))));
}

export function marksList(marks) {
  const item = (mark) => {
    const words = `${stamp(Date.parse(mark.at)).slice(5, 16)}${mark.until ? ` – ${stamp(Date.parse(mark.until)).slice(11, 16)}` : ""} ${mark.label}`;
    return el("li", { class: `tone-${mark.tone ?? "critical"}` }, mark.url ? el("a", { href: mark.url }, words) : words);
  };
  return el("ul", { class: "chart-marks" }, ...marks.slice(-8).map(item));
}
