// Builds web/static from src/: deterministic, so that CI can rebuild and compare bytes.
// Fails when an icon named in src/icons.json does not exist.
import { build, context } from "esbuild";
import { readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv.find((a) => a.startsWith("--out="))?.slice(6) ?? join(here, "..", "static");
mkdirSync(out, { recursive: true });

/** One sprite of only the icons the pages use; colour and stroke come from CSS by inheritance. */
function sprite() {
  const names = JSON.parse(readFileSync(join(here, "src", "icons.json"), "utf8"));
  const symbols = [...new Set(names)].sort().map((name) => {
    const filled = name.endsWith("-filled");
    const file = filled ? join("filled", `${name.slice(0, -7)}.svg`) : join("outline", `${name}.svg`);
    const svg = readFileSync(join(here, "node_modules", "@tabler", "icons", "icons", file), "utf8");
    const inner = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
    const paint = filled ? ' fill="currentColor" stroke="none"' : "";
    return `<symbol id="${name}" viewBox="0 0 24 24"${paint}>${inner.replace(/\s*\n\s*/g, "")}</symbol>`;
  });
  const aliases = JSON.parse(readFileSync(join(here, "src", "aliases.json"), "utf8"));
  for (const [name, like] of Object.entries(aliases)) {
    const found = symbols.find((symbol) => symbol.startsWith(`<symbol id="${like}"`));
    if (!found) throw new Error(`aliases.json: ${name} is to look like ${like}, which icons.json lacks`);
    symbols.push(found.replace(`id="${like}"`, `id="${name}"`));
  }
  const shapes = JSON.parse(readFileSync(join(here, "src", "shapes.json"), "utf8"));
  for (const [name, inner] of Object.entries(shapes)) symbols.push(`<symbol id="${name}" viewBox="0 0 24 24">${inner}</symbol>`);
  const brand = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" stroke-linecap="round" stroke-linejoin="round">${shapes.brand}</svg>\n`;
  writeFileSync(join(out, "icon.svg"), brand);
  const head = '<svg xmlns="http://www.w3.org/2000/svg"><!-- Tabler Icons, MIT licence -->';
  writeFileSync(join(out, "icons.svg"), `${head}\n${symbols.join("\n")}\n</svg>\n`);
}

const options = {
  absWorkingDir: here,
  entryPoints: [
    { in: "src/app.js", out: "app" },
    { in: "src/app.css", out: "app" },
    { in: "src/theme.js", out: "theme" },
    { in: "src/charts.js", out: "charts" },
    { in: "src/graph.js", out: "graph" },
  ],
  outdir: out,
  entryNames: "[name]",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2020", "chrome90", "firefox90"],
  legalComments: "eof",
  charset: "utf8",
  loader: { ".svg": "dataurl" },
  logLevel: "info",
};

sprite();
if (process.argv.includes("--watch")) {
  await (await context(options)).watch();
} else {
  await build(options);
}
