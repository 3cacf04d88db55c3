import { basicSetup } from "codemirror";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { classHighlighter } from "@lezer/highlight";
import { yaml } from "@codemirror/legacy-modes/mode/yaml";
import { setDiagnostics } from "@codemirror/lint";
import { mesh } from "./index.js";

const at = (id) => document.getElementById(id);
const examples = window.meshcExamples;

let files = {};
let shown = "";
let states = {}; // of the editor, by file: each keeps its own history
let view;
let worker;
let asked = 0;
let edited = 0; // the question that was asked first about the present text
let loaded = 0; // the one that was asked first about the present project
let waiting = false;
let answered = { id: 0, findings: [] }; // what is shown
let notice = ""; // in place of the counts, until something is changed

function language(name) {
  return name.endsWith(".mesh") ? mesh() : StreamLanguage.define(yaml);
}

function state(name) {
  states[name] ??= EditorState.create({
    doc: files[name],
    extensions: [basicSetup, language(name), syntaxHighlighting(classHighlighter), EditorView.updateListener.of((u) => {
      if (!u.docChanged) return;
      files[name] = u.state.doc.toString();
      notice = "";
      edit();
    })],
  });
  return states[name];
}

function open(name) {
  if (view && shown in files) states[shown] = view.state;
  shown = name;
  view ??= new EditorView({ parent: at("editor") });
  view.setState(state(name));
  for (const tab of at("files").children) tab.setAttribute("aria-selected", tab.textContent === name);
  mark();
}

// mark underlines the findings in the text that is shown, unless they are of an older one.
function mark() {
  const { id, findings } = answered;
  const inside = id < edited ? [] : findings.filter((f) => f.file === shown);
  const length = view.state.doc.length;
  view.dispatch(setDiagnostics(view.state, inside.map((f) => ({
    from: f.from, to: Math.max(f.to, Math.min(f.from + 1, length)), severity: f.severity === "note" ? "info" : f.severity, source: f.code,
    message: f.help ? f.message + "\n" + f.help : f.message,
    actions: (f.fixes ?? []).map((x) => ({ name: x.title, apply: () => apply(x, id) })),
  }))));
}

// load shows a project, with one of its files in the editor: else the first one.
function load(project, name) {
  files = { ...project };
  states = {};
  shown = "";
  loaded = edited = asked + 1;
  for (const id of ["findings", "answer", "graph", "manifests"]) at(id).replaceChildren();
  at("findings").className = "";
  const rank = (name) => (name.endsWith(".mesh") ? 0 : name === "meshc.yaml" ? 1 : 2);
  const names = Object.keys(files).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  at("files").replaceChildren(...names.map((name) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.role = "tab";
    tab.textContent = name;
    tab.onclick = () => open(name);
    return tab;
  }));
  open(name in files ? name : names[0]);
  edit();
}

// edit asks about a text that changed. The places of the fixes that are still shown are of the old one.
function edit() {
  edited = asked + 1;
  for (const button of at("findings").querySelectorAll(".fix")) button.disabled = true;
  ask();
}

// ask sends the newest text once the worker is free: what is typed meanwhile is one question.
function ask() {
  asked++;
  if (!worker || waiting) return;
  waiting = true;
  const why = at("why").query.value.trim().split(/\s+/).filter(Boolean);
  worker.postMessage({ id: asked, request: { files, why } });
}

function show({ id, answer, took }) {
  waiting = false;
  if (id !== asked) ask();
  if (id < loaded) return; // of a project that is no longer shown
  const errors = answer.findings.filter((f) => f.severity === "error").length;
  at("status").textContent = answer.failure ? "a bug in meshc: " + answer.failure : notice || `${count(errors, "error")}, ${count(answer.findings.length, "finding")}, ${took.toFixed(0)} ms`;
  at("findings").replaceChildren(...answer.findings.map((f) => item(f, id)));
  at("findings").className = answer.findings.length || answer.failure ? "" : "none";
  at("answer").textContent = answer.why;
  document.body.classList.toggle("stale", !answer.graph); // with errors, they are those of the last text without
  if (answer.graph) {
    at("graph").innerHTML = answer.graph;
    at("manifests").textContent = answer.manifests;
  }
  answered = { id, findings: answer.findings };
  if (id >= edited) mark();
  document.body.dataset.answered = id;
  document.body.dataset.took = took;
}

function count(n, what) {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

function item(f, id) {
  const li = document.createElement("li");
  li.className = f.severity;
  const lead = document.createElement("b");
  lead.textContent = `${f.severity} ${f.code}`;
  const place = document.createElement("button");
  place.type = "button";
  place.textContent = `${f.file}:${f.line}`;
  place.onclick = () => {
    if (f.file in files && f.file !== shown) open(f.file);
    view.dispatch({ selection: { anchor: Math.min(f.from, view.state.doc.length) }, scrollIntoView: true });
    view.focus();
  };
  const help = document.createElement("div");
  help.className = "help";
  help.textContent = f.help ?? "";
  li.append(lead, " ", place, " ", f.message, help);
  for (const fix of f.fixes ?? []) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "fix";
    button.textContent = fix.title;
    button.disabled = id < edited;
    button.onclick = () => apply(fix, id);
    li.append(button, " ");
  }
  return li;
}

function apply(fix, id) {
  if (id < edited) return;
  states[shown] = view.state;
  for (const name of new Set(fix.edits.map((e) => e.file))) {
    const changes = fix.edits.filter((e) => e.file === name).map((e) => ({ from: e.from, to: e.to, insert: e.text }));
    if (name === shown) {
      view.dispatch({ changes });
    } else {
      states[name] = state(name).update({ changes }).state;
      files[name] = states[name].doc.toString();
      edit();
    }
  }
}

// A shared project is the compressed fragment of the address, which no server sees.
async function pack(project) {
  const stream = new Blob([JSON.stringify(project)]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join("")).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

async function unpack(fragment) {
  const bytes = Uint8Array.from(atob(fragment.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return JSON.parse(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text());
}

// share puts the project into the address.
async function share() {
  location.hash = await pack({ files, shown, why: at("why").query.value });
  const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
  at("status").textContent = copied ? "the address of this project is copied" : "the address of this page has the project";
}

// loadShared shows the project that the address has, if it has one, and reports whether it did.
async function loadShared() {
  if (location.hash.length < 2) return false;
  try {
    const shared = await unpack(location.hash.slice(1));
    at("why").query.value = shared.why ?? "";
    load(shared.files, shared.shown);
    at("example").selectedIndex = -1;
    return true;
  } catch {
    notice = "the address has no whole project: this is an example";
    return false;
  }
}

async function start() {
  for (const name of Object.keys(examples)) at("example").add(new Option(name));
  at("example").onchange = (e) => { notice = ""; load(examples[e.target.value]); };
  at("why").onsubmit = (e) => { e.preventDefault(); ask(); };
  at("share").onclick = async () => {
    window.onhashchange = null; // it is about what is shown
    await share();
    setTimeout(() => { window.onhashchange = loadShared; });
  };
  window.onhashchange = loadShared; // an address that is pasted while the page is open
  if (!(await loadShared())) load(examples[Object.keys(examples)[0]]);
  worker = await window.meshcStarted;
  worker.onerror = (e) => { at("status").textContent = "the compiler failed: " + e.message; };
  worker.onmessage = ({ data }) => show(data);
  ask();
}

start().catch((trouble) => { at("status").textContent = "cannot start: " + trouble; });
