// Times and figures of charts, always in Asia/Shanghai.
const form = (options) => new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Shanghai", hourCycle: "h23", ...options });
const CLOCK = form({ hour: "2-digit", minute: "2-digit" });
const DAY = form({ month: "2-digit", day: "2-digit" });
const DATE = form({ year: "numeric", month: "2-digit", day: "2-digit" });
const SECOND = form({ hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const second = (value) => SECOND.format(value);
export const clock = (value) => CLOCK.format(value);
export const day = (value) => DAY.format(value);
export const stamp = (value) => `${DATE.format(value)} ${SECOND.format(value)}`;

const SCALE = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]];

/** 1234567 → “1.23 M”; small figures keep three significant digits. */
export function number(value) {
  if (value == null) return "—";
  const size = Math.abs(value);
  const step = SCALE.find(([at]) => size >= at);
  if (step) return `${+(value / (step[1] === "k" ? 1e3 : step[0])).toPrecision(3)} ${step[1]}`;
  return String(size >= 1000 ? Math.round(value) : +value.toPrecision(4));
}
