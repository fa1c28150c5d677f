// Runs before the first paint: who left the choice to the machine gets what the machine prefers, without a flash.
(() => {
  const root = document.documentElement;
  if (!("themeAuto" in root.dataset)) return;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const follow = () => { root.dataset.bsTheme = dark.matches ? "dark" : "light"; };
  follow();
  dark.addEventListener("change", () => { follow(); if (document.querySelector("[data-chart-url], [data-graph-url]")) window.location.reload(); });
})();
