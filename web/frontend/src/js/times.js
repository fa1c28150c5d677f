// Keeps <time datetime data-rel> and <span data-due> fresh. Words as in web/filters.py; wall times in Asia/Shanghai.
import { all, text } from "./dom.js";

const ZONE = "Asia/Shanghai";
const part = (options) => new Intl.DateTimeFormat("en-CA", { timeZone: ZONE, hour12: false, hourCycle: "h23", ...options });
const DAY = part({ year: "numeric", month: "2-digit", day: "2-digit" });
const CLOCK = part({ hour: "2-digit", minute: "2-digit" });

/** “12 分钟前”, “昨天 09:30”, … */
export function relative(at, now = new Date()) {
  const ahead = at > now;
  const seconds = Math.abs(now - at) / 1000;
  if (seconds < 45) return text(ahead && seconds >= 1 ? "soon" : "justNow");
  if (seconds < 3600) return text(ahead ? "inMinutes" : "minutesAgo", { n: Math.max(1, Math.floor(seconds / 60)) });
  const [day, today] = [DAY.format(at), DAY.format(now)];
  if (seconds < 43200 || day === today) return text(ahead ? "inHours" : "hoursAgo", { n: Math.floor(seconds / 3600) });
  const days = Math.round((Date.parse(day) - Date.parse(today)) / 86400000);
  if (days === -1) return text("yesterday", { t: CLOCK.format(at) });
  if (days === 1) return text("tomorrow", { t: CLOCK.format(at) });
  return day.slice(0, 4) === today.slice(0, 4) ? `${day.slice(5)} ${CLOCK.format(at)}` : day;
}

/** “1 小时 20 分” from minutes. */
export function duration(minutes) {
  const n = Math.floor(Math.abs(minutes));
  if (n < 1) return text("underMinute");
  if (n < 60) return text("minutes", { n });
  if (n < 2880) return n % 60 ? text("hoursMinutes", { h: Math.floor(n / 60), m: n % 60 }) : text("hours", { h: n / 60 });
  const hours = Math.floor((n % 1440) / 60);
  return hours ? text("daysHours", { d: Math.floor(n / 1440), h: hours }) : text("days", { d: Math.floor(n / 1440) });
}

function refreshDue(node, now) {
  const minutes = (new Date(node.dataset.due) - now) / 60000;
  const soon = Number(node.dataset.soon ?? 60);
  const tone = minutes < 0 ? "critical" : minutes < soon ? "warning" : "ok";
  node.className = `due due-${tone}`;
  const words = text(minutes < 0 ? "over" : "left", { t: duration(minutes) });
  const target = node.querySelector("[data-due-text]") ?? node;
  if (target.textContent !== words) target.textContent = words;
}

export function refreshTimes(root) {
  const now = new Date();
  all(root, "time[data-rel]").forEach((node) => {
    const words = relative(new Date(node.dateTime), now);
    if (node.textContent !== words) node.textContent = words;
  });
  all(root, "[data-due]").forEach((node) => refreshDue(node, now));
  all(root, "[data-clock]").forEach((node) => { node.textContent = CLOCK.format(now); });
}

setInterval(() => document.hidden || refreshTimes(document), 15000);
document.addEventListener("visibilitychange", () => document.hidden || refreshTimes(document));
