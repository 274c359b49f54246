// node build.mjs FOLDER: one bundle for each app, into FOLDER.
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { solidPlugin } from "esbuild-plugin-solid";
import svelte from "esbuild-svelte";

const here = dirname(fileURLToPath(import.meta.url));
const bundle = (name, more = {}) =>
  build({
    absWorkingDir: here,
    bundle: true,
    conditions: ["browser", "svelte"],
    define: { "process.env.NODE_ENV": '"development"', __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false", __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "true" },
    entryPoints: [name],
    format: "iife",
    logLevel: "error",
    mainFields: ["svelte", "browser", "module", "main"],
    outdir: process.argv[2],
    ...more,
  });
await bundle("react.jsx", { jsx: "automatic" });
await bundle("preact.jsx");
await bundle("vue.js");
await bundle("svelte.js", { plugins: [svelte({ compilerOptions: { css: "injected" } })] });
await bundle("solid.jsx", { plugins: [solidPlugin()] });
