// Pure: data of our JSON → ECharts options.
import { clock, day, number, second, stamp } from "./chart-words.js";
import { el } from "./dom.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const TONES = { ok: "--ok", warning: "--warning-fill", critical: "--critical-fill", unknown: "--unknown", info: "--accent", muted: "--ink-3" };
const tone = (name) => css(TONES[name] ?? "--ink-3");
const color = (i) => css(`--series-${(i % 8) + 1}`);
const alpha = (hex, share) => `${hex}${Math.round(share * 255).toString(16).padStart(2, "0")}`;

const SHORT_MS = 600000; // under ten minutes the axis shows seconds
const LONG_MS = 345600000; // over four days it shows days alone, whatever the browser takes for midnight

/** Where neighbours are far further apart than usual, a null goes between: a missing stretch is never joined. */
export function withGaps(points) {
  const rows = points.map(([at, value]) => [Date.parse(at), value]);
  const steps = rows.slice(1).map((row, i) => row[0] - rows[i][0]).sort((a, b) => a - b);
  const usual = steps[Math.floor(steps.length / 2)] || Infinity;
  const out = [];
  rows.forEach((row, i) => {
    if (i && row[0] - rows[i - 1][0] > usual * 3.5) out.push([rows[i - 1][0] + 1, null]);
    out.push(row);
  });
  return out;
}

function tip(unit) {
  return (rows) => {
    const list = [].concat(rows).filter((row) => row.value?.[1] != null);
    if (!list.length) return "";
    const lines = list.map((row) => el("tr", {}, el("th", {}, el("i", { class: `s${(row.seriesIndex % 8) + 1}` }), row.seriesName), el("td", {}, `${number(row.value[1])} ${unit}`)));
    return el("div", { class: "chart-tip" }, el("div", {}, stamp(list[0].value[0])), el("table", {}, el("tbody", {}, ...lines)));
  };
}

function thresholdLines(thresholds) {
  return {
    silent: true, symbol: "none", animation: false,
    data: thresholds.map((line, i) => ({
      yAxis: line.value, name: line.name,
      lineStyle: { color: tone(line.tone ?? line.name), type: [6, 4], width: 1.25 },
      label: { formatter: `${line.name} ${number(line.value)}`, position: i % 2 ? "insideStartTop" : "insideEndTop", color: tone(line.tone), fontSize: 11, distance: 2 },
    })),
  };
}

function markAreas(marks, end) {
  return {
    silent: true, animation: false,
    data: marks.map((mark) => [
      { xAxis: Date.parse(mark.at), name: mark.label, itemStyle: { color: alpha(tone(mark.tone ?? "critical"), 0.1) }, label: { show: false } },
      { xAxis: mark.until ? Date.parse(mark.until) : Math.max(end, Date.parse(mark.at) + 60000) },
    ]),
  };
}

/** Ticks at whole local times: Asia/Shanghai has had one offset since 1991, so shifting by it is exact. */
const timeAxis = (compact, span) => ({
  type: "time",
  axisLine: { lineStyle: { color: css("--line-strong") } },
  axisTick: { show: false },
  splitNumber: compact ? 3 : 6,
  axisLabel: { color: css("--ink-3"), fontSize: 11, hideOverlap: true, formatter: (value) => (span < SHORT_MS && value % 60000 ? second(value) : span > LONG_MS || clock(value) === "00:00" ? day(value) : clock(value)) },
  axisPointer: { label: { formatter: (at) => stamp(at.value) } },
});

export function options(data, { bars = false, compact = false } = {}) {
  const unit = data.unit ?? "";
  const series = data.series.map((line, i) => ({ ...line, rows: withGaps(line.points), tint: color(i) }));
  const ends = series.map((line) => line.rows.at(-1)?.[0] ?? 0);
  const starts = series.map((line) => line.rows[0]?.[0] ?? 0);
  const thresholds = data.thresholds ?? [];
  const highest = Math.max(...thresholds.map((line) => line.value), -Infinity);
  const many = series.length > 1;
  return {
    animation: false,
    textStyle: { fontFamily: css("--font") },
    aria: { enabled: true },
    color: series.map((line) => line.tint),
    grid: { left: 8, right: 16, top: many ? 56 : 32, bottom: 8, containLabel: true },
    legend: many ? { top: 8, left: 12, itemWidth: 14, itemHeight: 3, icon: "rect", type: "scroll", textStyle: { color: css("--ink-2"), fontSize: 12 } } : undefined,
    tooltip: { trigger: "axis", confine: true, renderMode: "html", formatter: tip(unit), backgroundColor: css("--surface"), borderColor: css("--line"), padding: [8, 10], axisPointer: { type: "line", lineStyle: { color: css("--ink-3"), width: 1 } } },
    xAxis: timeAxis(compact, Math.max(...ends) - Math.min(...starts)),
    yAxis: {
      type: "value", name: unit, scale: data.scale ?? false, min: data.min, max: data.max ?? (Number.isFinite(highest) && data.unit !== "%" ? ({ max }) => Math.max(max, highest * 1.05) : undefined),
      nameTextStyle: { color: css("--ink-3"), fontSize: 11, align: "right", padding: [0, 6, 0, 0] }, nameGap: 10, splitNumber: 4, interval: data.unit === "%" && data.max === 100 ? 25 : undefined,
      axisLabel: { color: css("--ink-3"), fontSize: 11, formatter: number }, splitLine: { lineStyle: { color: css("--line") } },
    },
    dataZoom: [{ type: "inside", filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, moveOnMouseMove: true }],
    series: series.map((line, i) => ({
      name: line.name, type: bars ? "bar" : "line", data: line.rows, showSymbol: line.rows.length < 2, symbolSize: 5,
      connectNulls: false, lineStyle: { width: 1.5 }, areaStyle: many || bars ? undefined : { color: alpha(line.tint, 0.08) }, emphasis: { focus: "series" }, barMaxWidth: 24,
      markLine: i === 0 && thresholds.length ? thresholdLines(thresholds) : undefined,
      markArea: i === 0 && data.marks?.length ? markAreas(data.marks, Math.max(...ends)) : undefined,
    })),
  };
}
