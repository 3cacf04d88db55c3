// Activates the extension that a .vsix unpacks to, with a stand-in for Visual Studio Code and the real client of its language servers:
//
//	node activate.cjs EXTENSION_JS MESHC PROJECT
//
// It writes what the extension registered, as JSON, once the server has answered and after it has been stopped.
const Module = require("node:module");
const path = require("node:path");
const fs = require("node:fs");

const commands = {}, started = [];

// A stand-in for Visual Studio Code: classes that can be extended, events that nobody fires, and what the extension is given.
class Disposable { dispose() {} static from() { return new Disposable(); } }
const event = () => new Disposable();
const cls = (name) => ({ [name]: class { constructor(...a) { this.args = a; } dispose() {} } })[name];
class EventEmitter { constructor() { this.event = event; } fire() {} dispose() {} }
const fill = (over, label) => new Proxy(over, {
  get(o, k) {
    if (k in o || typeof k === "symbol" || k === "then") return o[k];
    if (/^on[A-Z]/.test(k)) return (o[k] = event);
    if (/^[A-Z]/.test(k)) return (o[k] = cls(k));
    if (!/^(register|create)/.test(k)) return undefined;
    return (o[k] = () => {
      started.push(`${label}.${k}`);
      return fill(new Disposable(), k);
    });
  },
});
const settings = { path: process.argv[3], environment: "" };
const vscode = fill({
  Disposable, EventEmitter,
  version: "1.100.0",
  Uri: { file: (p) => ({ scheme: "file", fsPath: p, path: p, toString: () => "file://" + p }), parse: (s) => ({ scheme: "file", fsPath: s.replace("file://", ""), toString: () => s }), from: (x) => x },
  workspace: fill({ getConfiguration: () => ({ get: (k, d) => settings[k] ?? d, inspect: () => undefined }), workspaceFolders: [{ uri: { scheme: "file", fsPath: process.argv[4], toString: () => "file://" + process.argv[4] }, name: "x", index: 0 }], textDocuments: [], notebookDocuments: [], fs: fill({ isWritableFileSystem: () => true }, "fs") }, "workspace"),
  window: fill({ showErrorMessage: async (m) => { console.error("shown:", m); }, showWarningMessage: async () => {}, showInformationMessage: async () => {}, createOutputChannel: () => fill({ append: console.error, appendLine: console.error, show() {}, dispose() {}, info: console.error, error: console.error, warn: console.error, debug() {}, trace() {} }, "channel"), tabGroups: fill({ all: [] }, "tabGroups"), visibleTextEditors: [], state: { focused: true } }, "window"),
  commands: fill({ registerCommand: (n, f) => { commands[n] = f; return new Disposable(); } }, "commands"),
  languages: fill({ match: () => 10, createDiagnosticCollection: () => ({ set() {}, dispose() {}, clear() {}, delete() {}, forEach() {} }) }, "languages"),
  env: fill({ appName: "stand-in", language: "en", appHost: "desktop" }, "env"),
  CodeActionKind: Object.fromEntries(["Empty", "QuickFix", "Refactor", "RefactorExtract", "RefactorInline", "RefactorRewrite", "Source", "SourceOrganizeImports", "SourceFixAll"].map((k) => [k, { value: k, append: (v) => ({ value: v }) }])),
  extensions: fill({}, "extensions"), l10n: { t: (s) => s },
}, "vscode");
for (const [, name] of fs.readFileSync(process.argv[2], "utf8").matchAll(/\b(?:vscode|code|vscode_\d|vscode\d+|import_vscode)\.([A-Z]\w+)/g)) void vscode[name]; // what a bundle copies has to be there
const load = Module._load; Module._load = function (request, ...rest) { return request === "vscode" ? vscode : load.call(this, request, ...rest); };
(async () => {
  const ext = require(path.resolve(process.argv[2]));
  await ext.activate({ subscriptions: [] });
  await ext.deactivate();
  console.log(JSON.stringify({ commands: Object.keys(commands), registered: [...new Set(started)] }));
  process.exit(0);
})().catch((e) => { console.error(e); process.exit(1); });
