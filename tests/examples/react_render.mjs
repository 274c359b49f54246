// Compiles the app (argv[2]) and checks what it uses of the package, in strict mode, then renders what each line on stdin
// asks for: {"what", "props"}. Runs in a folder whose node_modules has the package, React, its types and TypeScript.
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { pathToFileURL } from "node:url";

const folder = process.cwd();
const ts = createRequire(path.join(folder, "package.json"))("typescript");
const options = {
  strict: true,
  jsx: ts.JsxEmit.ReactJSX,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
  types: [],
  skipLibCheck: true,
};
const app = path.join(folder, "app.tsx");
fs.copyFileSync(process.argv[2], app);
const installed = path.join(folder, "node_modules", "populer-react");
const sources = ["populer.js", "populer-script.js"].map((name) => path.join(installed, name));
const built = ts.createProgram([app], options);
const checked = ts.createProgram(sources, { ...options, allowJs: true, checkJs: true, maxNodeModuleJsDepth: 1, noEmit: true });
const faults = [built, checked].flatMap((program) => ts.getPreEmitDiagnostics(program));
built.emit();
const host = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => "", getNewLine: () => "\n" };
console.log(JSON.stringify(ts.formatDiagnostics(faults, host)));

const { render } = await import(pathToFileURL(path.join(folder, "app.js")).href);
for await (const line of readline.createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await render(JSON.parse(line))));
