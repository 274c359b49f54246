// Compiles the example (argv[2]) in strict mode, then renders what each line on stdin asks for: {"what", "props"}.
// Runs in a folder with react, react-dom, typescript and React's types in its node_modules.
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const from = (name) => require(require.resolve(name, { paths: [process.cwd()] }));
const ts = from("typescript");

const options = {
  strict: true,
  jsx: ts.JsxEmit.ReactJSX,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.CommonJS,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
  types: [],
  skipLibCheck: true,
  outDir: path.join(process.cwd(), "out"),
};
const files = ["populer.tsx", "populer-script.tsx"].map((name) => {
  fs.copyFileSync(path.join(process.argv[2], name), path.join(process.cwd(), name));
  return path.join(process.cwd(), name);
});
const program = ts.createProgram(files, options);
const faults = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
const host = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => "", getNewLine: () => "\n" };
console.log(JSON.stringify(ts.formatDiagnostics(faults, host)));

const example = require(path.join(options.outDir, "populer.js"));
const { createElement } = from("react");
const { renderToStaticMarkup } = from("react-dom/server");
readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const { what, props } = JSON.parse(line);
  const element = what === "PopulerList" ? await example.PopulerList(props) : createElement(example[what], props);
  console.log(JSON.stringify(renderToStaticMarkup(element)));
});
