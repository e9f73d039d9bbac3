// Bundles the console's style sheet, scripts and fonts into ../assets, which the server embeds.
// Everything comes from this folder and its node_modules; nothing is fetched.
import { build } from "esbuild";
import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(here, "..", "assets");
const fresh = path.join(here, "..", `assets.${process.pid}.tmp`);

await rm(fresh, { recursive: true, force: true });
await mkdir(fresh, { recursive: true });
try {
  await build({
    absWorkingDir: here,
    entryPoints: { console: "src/css/console.css" },
    outdir: fresh,
    bundle: true,
    minify: true,
    loader: { ".woff2": "file" },
    assetNames: "[name]-[hash]",
    logLevel: "warning",
  });
  await build({
    absWorkingDir: here,
    entryPoints: { console: "src/js/console.js" },
    outdir: fresh,
    bundle: true,
    minify: true,
    format: "esm",
    splitting: true,
    chunkNames: "[name]-[hash]",
    target: ["es2022"],
    legalComments: "none",
    logLevel: "warning",
  });
  await copyFile(path.join(here, "src", "mark.svg"), path.join(fresh, "mark.svg"));
  await rm(out, { recursive: true, force: true });
  await rename(fresh, out);
} finally {
  await rm(fresh, { recursive: true, force: true });
}
