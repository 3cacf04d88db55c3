// Interaction: search, focus, pan and zoom.

const $ = (id) => document.getElementById(id);
const search = $("search"), tip = $("tip"), status = $("status");
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

const all = overview();
let view = { x: 0, y: 0, scale: 1 };
let shown = all;
let focused = null;
let motion = null; // {from, start, before, after}: the scene that becomes another, and the views before and after
let hovered = null; // a node or an edge
let matches = null; // of the search
let whole = true; // the view shows the whole scene, and still does after the window is resized
let frame = 0;

function request() {
  if (!frame) frame = requestAnimationFrame(draw);
}

function draw(now) {
  frame = 0;
  const begin = performance.now();
  let t = 1;
  if (motion) {
    t = Math.min(1, Math.max(0, (now - motion.start) / 320));
    const e = t < 0.5 ? 2 * t * t : 1 - 2 * (1 - t) * (1 - t);
    const a = motion.before, b = motion.after;
    view = { x: a.x + (b.x - a.x) * e, y: a.y + (b.y - a.y) * e, scale: a.scale * Math.pow(b.scale / a.scale, e) };
  }
  paint(view, motion?.from, shown, t, lit());
  if (t === 1) motion = null;
  if (motion) request();
  // For tests.
  Object.assign(document.body.dataset, { scene: shown.name, boxes: shown.boxes.length, painted: (performance.now() - begin).toFixed(1), scale: view.scale.toFixed(3), moving: String(Boolean(motion)) });
}

// lit returns what stands out: what the pointer is on, else what was searched for.
function lit() {
  if (hovered?.edge) return { edges: new Set([hovered.edge]), nodes: new Set([hovered.edge.from, hovered.edge.to]) };
  if (hovered?.node && hovered.node !== focused) {
    const around = [...hovered.node.callers, ...hovered.node.callees].filter((e) => !focused || e.from === focused || e.to === focused);
    return { edges: new Set(around), nodes: new Set([hovered.node, ...around.flatMap((e) => [e.from, e.to])]) };
  }
  if (matches && !focused) return { edges: new Set(), nodes: matches };
  return null;
}

function fitted(bounds) {
  const w = canvas.clientWidth, h = canvas.clientHeight;
  const scale = Math.min((w - 40) / bounds.w, (h - 110) / bounds.h, 1.5);
  return { x: bounds.x + bounds.w / 2, y: bounds.y + bounds.h / 2 + 10 / scale, scale: Math.max(scale, 0.01) };
}

function show(scene, after) {
  const moved = !still.matches && document.visibilityState === "visible";
  if (moved) motion = { from: shown, start: performance.now(), before: view, after };
  else { motion = null; view = after; }
  shown = scene;
  hovered = null;
  tip.hidden = true;
  whole = true;
  request();
}

// focus shows a node and its neighbours; null shows everything.
function focus(node) {
  focused = node;
  fillPanel(node, choose);
  $("place").hidden = !node;
  $("where").textContent = node ? node.id : "";
  status.textContent = node ? `${node.id}: ${plural(node.callers.length, "caller")}, ${plural(node.callees.length, "callee")}` : "All services";
  resize(); // the panel takes space from the canvas
  const scene = node ? focusOn(node) : all;
  show(scene, fitted(scene.bounds));
  for (const b of document.querySelectorAll("#list [aria-current]")) b.removeAttribute("aria-current");
  if (node) {
    const b = document.querySelector(`#list [data-id="${CSS.escape(node.id)}"]`);
    b?.setAttribute("aria-current", "true");
    b?.scrollIntoView({ block: "nearest" });
  }
}

// choose is focus as the reader asks for it. The URL records it, so it can be shared and the Back button undoes it.
function choose(node) {
  const hash = node ? "#" + encodeURI(node.id) : "";
  if (decodeURI(location.hash) === (node ? "#" + node.id : "")) focus(node);
  else if (hash) location.hash = hash;
  else {
    history.pushState(null, "", location.pathname + location.search);
    focus(null);
  }
}

function followURL() {
  let id = "";
  try { id = decodeURI(location.hash.slice(1)); } catch { /* not a hash that this page wrote */ }
  focus(nodeByID(id) ?? null);
}

function refilter() {
  all.bundles = undefined;
  fillPanel(focused, choose);
  if (focused) shown = focusOn(focused);
  request();
}

function resize() {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  request();
}

// Searching.

function searched() {
  const query = search.value.trim();
  const found = query ? find(query) : byGroup();
  fillList(found, query, focused, choose);
  matches = query ? new Set(found) : null;
  status.textContent = query ? plural(found.length, "match").replace("matchs", "matches") : "";
  request();
}

const listed = () => [...document.querySelectorAll("#list button")];

search.addEventListener("input", searched);
search.addEventListener("keydown", (e) => {
  if (e.key === "Enter") listed()[0]?.click();
  else if (e.key === "ArrowDown") listed()[0]?.focus();
  else if (e.key === "Escape" && search.value) { search.value = ""; searched(); }
  else return;
  e.preventDefault();
  e.stopPropagation();
});
$("list").addEventListener("keydown", (e) => {
  const buttons = listed(), at = buttons.indexOf(document.activeElement);
  if (e.key === "ArrowDown") buttons[at + 1]?.focus();
  else if (e.key === "ArrowUp") (buttons[at - 1] ?? search).focus();
  else if (e.key === "Home") buttons[0]?.focus();
  else if (e.key === "End") buttons.at(-1)?.focus();
  else return;
  e.preventDefault();
});

// The canvas.

const world = (x, y) => ({ x: view.x + (x - canvas.clientWidth / 2) / view.scale, y: view.y + (y - canvas.clientHeight / 2) / view.scale });

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  motion = null;
  whole = false;
  const at = world(x, y);
  const scale = Math.min(4, Math.max(0.02, view.scale * factor));
  view = { scale, x: at.x - (x - canvas.clientWidth / 2) / scale, y: at.y - (y - canvas.clientHeight / 2) / scale };
  request();
}

function pan(dx, dy) {
  motion = null;
  whole = false;
  view = { ...view, x: view.x + dx / view.scale, y: view.y + dy / view.scale };
  request();
}

// under returns what the pointer is on: a box, a line, or the frame of a namespace whose boxes are too small to hit.
function under(x, y) {
  const p = world(x, y);
  const within = (r) => p.x >= r.x && p.x <= r.x + r.w && p.y >= r.y && p.y <= r.y + r.h;
  if (shown.large && view.scale < coarse) {
    const frame = shown.frames.find(within);
    return frame ? { frame } : null;
  }
  const box = shown.boxes.findLast(within);
  if (box) return { node: box.node, edge: null };
  if (shown.lines.length > 1500) return null;
  let best = null, least = 6 / view.scale;
  for (const l of shown.lines) {
    if (!visible(l.edge) || p.x < l.x0 - least || p.x > l.tip.x + least || p.y < l.y0 - least || p.y > l.y1 + least) continue;
    const d = distance(l, p);
    if (d < least) { least = d; best = l.edge; }
  }
  return best ? { node: null, edge: best } : null;
}

// distance returns how far a point is from a line, which is approximated by short straight pieces.
function distance(l, p) {
  if (!l.pieces) {
    const c = l.curve;
    l.pieces = [c[0], c[1]];
    for (let i = 0; i + 7 < c.length; i += 6) {
      for (let k = 1; k <= 10; k++) {
        const t = k / 10, u = 1 - t;
        for (const o of [0, 1]) l.pieces.push(u * u * u * c[i + o] + 3 * u * u * t * c[i + 2 + o] + 3 * u * t * t * c[i + 4 + o] + t * t * t * c[i + 6 + o]);
      }
    }
  }
  let least = Infinity;
  for (let i = 0; i + 3 < l.pieces.length; i += 2) {
    const [ax, ay, bx, by] = l.pieces.slice(i, i + 4);
    const dx = bx - ax, dy = by - ay;
    const t = Math.min(1, Math.max(0, ((p.x - ax) * dx + (p.y - ay) * dy) / (dx * dx + dy * dy || 1)));
    least = Math.min(least, Math.hypot(p.x - ax - t * dx, p.y - ay - t * dy));
  }
  return least;
}

const pointers = new Map();
let pressed = null;

canvas.addEventListener("pointerdown", (e) => {
  canvas.setPointerCapture(e.pointerId);
  pointers.set(e.pointerId, e);
  pressed = pointers.size === 1 ? { x: e.offsetX, y: e.offsetY } : null;
});
canvas.addEventListener("pointermove", (e) => {
  const before = pointers.get(e.pointerId);
  if (!before) return hover(e);
  if (pointers.size === 1) {
    if (pressed && Math.hypot(e.offsetX - pressed.x, e.offsetY - pressed.y) > 4) pressed = null;
    if (!pressed) {
      canvas.classList.add("held");
      pan(before.offsetX - e.offsetX, before.offsetY - e.offsetY);
    }
  } else {
    const other = [...pointers.values()].find((p) => p.pointerId !== e.pointerId);
    const apart = (p) => Math.hypot(p.offsetX - other.offsetX, p.offsetY - other.offsetY) || 1;
    zoom(apart(e) / apart(before), (e.offsetX + other.offsetX) / 2, (e.offsetY + other.offsetY) / 2);
  }
  if (!pressed || pointers.size > 1) pointers.set(e.pointerId, e);
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, (e) => {
    pointers.delete(e.pointerId);
    canvas.classList.remove("held");
    if (name === "pointerup" && pressed) click(e);
    pressed = null;
  });
}
canvas.addEventListener("pointerleave", () => { hovered = null; tip.hidden = true; request(); });

function click(e) {
  const at = under(e.offsetX, e.offsetY);
  if (at?.node) choose(at.node);
  else if (at?.edge) choose(at.edge.to === focused ? at.edge.from : at.edge.to);
  else if (at?.frame) { show(shown, fitted(at.frame)); whole = false; }
}

function hover(e) {
  if (motion) return;
  const at = under(e.offsetX, e.offsetY);
  canvas.classList.toggle("over", Boolean(at));
  if (at?.node !== hovered?.node || at?.edge !== hovered?.edge) {
    hovered = at?.frame ? null : at;
    request();
  }
  let text = "";
  if (at?.edge) text = edgeText(at.edge);
  else if (at?.node) text = at.node.id + "\n" + plural(at.node.callers.length, "caller") + ", " + plural(at.node.callees.length, "callee");
  else if (at?.frame) text = at.frame.label + "\n" + plural(at.frame.group.nodes.length, "service");
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  tip.style.left = Math.max(4, Math.min(e.offsetX + 14, canvas.clientWidth - tip.offsetWidth - 8)) + "px";
  tip.style.top = Math.max(4, Math.min(e.offsetY + 16, canvas.clientHeight - tip.offsetHeight - 8)) + "px";
}

canvas.addEventListener("wheel", (e) => {
  e.preventDefault();
  const lines = e.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
  zoom(Math.exp(-e.deltaY * lines * 0.0016), e.offsetX, e.offsetY);
}, { passive: false });
canvas.addEventListener("keydown", (e) => {
  const step = 60;
  const act = { ArrowLeft: () => pan(-step, 0), ArrowRight: () => pan(step, 0), ArrowUp: () => pan(0, -step), ArrowDown: () => pan(0, step) }[e.key];
  if (!act) return;
  act();
  e.preventDefault();
});

document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === "Escape") { if (focused) choose(null); return; }
  if (e.target === search) return;
  const act = { "/": () => search.select(), "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3), "0": () => $("fit").click() }[e.key];
  if (!act) return;
  act();
  e.preventDefault();
});

$("back").addEventListener("click", () => choose(null));
$("in").addEventListener("click", () => zoom(1.3));
$("out").addEventListener("click", () => zoom(1 / 1.3));
$("fit").addEventListener("click", () => show(shown, fitted(shown.bounds)));

// Light and dark.

const dark = window.matchMedia("(prefers-color-scheme: dark)");
function recolour() { readColours(); request(); }
dark.addEventListener("change", recolour);
$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  root.dataset.theme = isDark ? "light" : "dark";
  recolour();
});

const services = nodes.filter((n) => ["service", "outside", "gateway"].includes(n.kind)).length;
$("counts").textContent = [plural(services, "service"), plural(edges.length, "edge"), plural(graph.namespaces.length, "namespace"),
  graph.environment ? "environment " + graph.environment : ""].filter(Boolean).join(" · ");
canvas.setAttribute("aria-label", "A picture of who may call whom. The list of services and the details contain the same information as text.");
readColours();
fillKey(refilter);
searched();
status.textContent = "";
window.addEventListener("hashchange", followURL);
window.addEventListener("popstate", followURL);
new ResizeObserver(() => {
  resize();
  if (!whole) return;
  if (motion) motion.after = fitted(shown.bounds);
  else view = fitted(shown.bounds);
}).observe(canvas);
resize();
followURL();
motion = null;
view = fitted(shown.bounds);
draw(performance.now());
document.body.dataset.ready = performance.now().toFixed(0);
