// The wall: panels of .wall-rotate take turns; the page reloads itself once a night and after a long loss.
const TURN_MS = 15000, FRESH_MS = 6 * 3600 * 1000;

export function startRotation() {
  const wall = document.querySelector(".wall");
  if (!wall) return;
  document.querySelectorAll(".wall-rotate").forEach((box) => {
    const panels = [...box.children];
    if (panels.length < 2) return;
    let at = 0;
    const turn = () => panels.forEach((panel, i) => panel.classList.toggle("wall-on", i === at));
    box.classList.add("wall-rotating");
    turn();
    setInterval(() => { at = (at + 1) % panels.length; turn(); }, Number(box.dataset.turn ?? TURN_MS));
  });
  // Reload only if the server answers: a dead wall must keep its last picture and say that it is old.
  setInterval(async () => {
    try { if ((await fetch("/healthz", { cache: "no-store" })).ok) window.location.reload(); } catch { /* next time */ }
  }, FRESH_MS);
}
