// Painting: one scene, or two while one becomes the other.

const canvas = document.getElementById("canvas");
const ctx = canvas.getContext("2d");
let colours = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  colours = {};
  for (const name of ["back", "text", "soft", "frame", "frame-line", "box", "box-line", "many", "edge", "strict", "key",
    "permissive", "deny", "opened", "danger", "closed", "changed", "accent", "accent-back", "tint", "ink"]) {
    colours[name] = style.getPropertyValue("--" + name).trim();
  }
}

const coarse = 0.32; // below this scale a large scene shows bundles instead of lines
const fine = 0.42; // above this scale signs and names are readable

const lineStyle = (e) => {
  if (e.danger) return { colour: colours.danger, width: 3.6, dash: [] };
  if (e.change) return { colour: colours[e.change], width: 2.6, dash: e.change === "closed" ? [8, 4] : [] };
  if (e.kind === "denied") return { colour: colours.deny, width: 1.4, dash: [2, 3] };
  return { colour: colours.edge, width: 1.4, dash: e.kind === "none" ? [5, 4] : [] };
};

// paint draws everything. view is {x, y, scale} of the middle of the canvas; from may be null; t goes from 0 to 1. lit
// has the edges and nodes that stand out, and is null where none does.
function paint(view, from, to, t, lit) {
  const ratio = window.devicePixelRatio || 1;
  const w = canvas.clientWidth, h = canvas.clientHeight;
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colours.back;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  const s = view.scale * ratio;
  ctx.setTransform(s, 0, 0, s, (w / 2) * ratio - view.x * s, (h / 2) * ratio - view.y * s);
  const seen = { x0: view.x - w / 2 / view.scale, x1: view.x + w / 2 / view.scale, y0: view.y - h / 2 / view.scale, y1: view.y + h / 2 / view.scale };
  if (from && t < 1) paintBelow(from, 1 - t, view.scale, seen, lit);
  paintBelow(to, from ? t : 1, view.scale, seen, lit);
  paintBoxes(from, to, t, view.scale, seen, lit);
}

function paintBelow(scene, alpha, scale, seen, lit) {
  const far = scene.large && scale < coarse;
  for (const f of scene.frames) paintFrame(f, alpha, scale, far);
  if (far) paintBundles(scene, alpha, scale);
  paintLines(scene, far ? 0 : alpha, scale, seen, lit);
  if (scale >= fine) for (const tip of scene.tips) paintTip(tip, alpha, seen, lit);
}

const inside = (r, seen) => r.x < seen.x1 && r.x + r.w > seen.x0 && r.y < seen.y1 && r.y + r.h > seen.y0;

function paintFrame(f, alpha, scale, far) {
  if (f.group.kind === "everyone" || alpha <= 0) return;
  const apart = f.group.kind === "outside";
  ctx.globalAlpha = alpha;
  ctx.beginPath();
  ctx.roundRect(f.x, f.y, f.w, f.h, 9);
  ctx.fillStyle = colours.frame;
  if (!apart) ctx.fill();
  ctx.lineWidth = Math.max(1, 0.8 / scale);
  ctx.strokeStyle = f.hue === null ? colours["frame-line"] : `hsl(${f.hue} 38% ${colours.tint} / .55)`;
  ctx.setLineDash(apart ? [7, 5] : []);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.fillStyle = f.hue === null ? colours.soft : `hsl(${f.hue} 45% ${colours.ink})`;
  ctx.textAlign = "left";
  if (far) return; // the title is painted over the boxes
  const size = Math.max(12, Math.min(10 / scale, 26));
  ctx.font = "600 " + size + "px " + family;
  ctx.fillText(shortened(f.label, size, f.w - 18), f.x + 11, f.y + 5 + size);
}

// paintFarTitles writes the title of each frame over its boxes, in a size that is readable at any scale.
function paintFarTitles(scene, alpha, scale) {
  const size = 14 / scale;
  ctx.textAlign = "center";
  for (const f of scene.frames) {
    const label = f.group.name || f.label;
    if (!label) continue;
    const x = f.x + f.w / 2, y = f.y + f.h / 2;
    ctx.font = "600 " + size + "px " + family;
    const text = shortened(label, size, f.w * 1.1);
    const changed = changes.map((c) => [c.name, edges.filter((e) => e.change === c.name && e.to.group === f.group).length]).filter((c) => c[1] > 0);
    const small = f.group.nodes.length + " services";
    const wide = Math.max(textWidth(text, size), textWidth(small, size * 0.8)) + size * 1.2;
    ctx.globalAlpha = alpha * 0.92;
    ctx.fillStyle = colours.back;
    ctx.beginPath();
    ctx.roundRect(x - wide / 2, y - size * 1.5, wide, size * (changed.length > 0 ? 4 : 2.9), size * 0.4);
    ctx.fill();
    ctx.globalAlpha = alpha;
    ctx.font = "600 " + size + "px " + family;
    ctx.fillStyle = f.hue === null ? colours.text : `hsl(${f.hue} 45% ${colours.ink})`;
    ctx.fillText(text, x, y - size * 0.25);
    ctx.font = size * 0.8 + "px " + family;
    ctx.fillStyle = colours.soft;
    ctx.fillText(small, x, y + size * 0.95);
    if (changed.length > 0) {
      ctx.font = "600 " + size * 0.8 + "px " + family;
      ctx.fillStyle = colours[changed[0][0]];
      ctx.fillText(changed.map(([name, n]) => ({ opened: "+", closed: "−", changed: "~" })[name] + n).join("  "), x, y + size * 2);
    }
  }
}

function paintBundles(scene, alpha, scale) {
  for (const b of scene.bundles ??= bundles()) {
    if (b.from === b.to) continue;
    const f = scene.frames[b.from.index], t = scene.frames[b.to.index];
    const x0 = f.x + f.w / 2, y0 = f.y + f.h / 2, x1 = t.x + t.w / 2, y1 = t.y + t.h / 2;
    // Bent to one side, so that both directions are visible.
    const cx = (x0 + x1) / 2 - (y1 - y0) * 0.14, cy = (y0 + y1) / 2 + (x1 - x0) * 0.14;
    const begin = crossing(cx, cy, f, 2 / scale), end = crossing(cx, cy, t, 3 / scale);
    ctx.globalAlpha = alpha * (b.change ? 0.95 : 0.6);
    ctx.strokeStyle = ctx.fillStyle = b.change ? colours[b.change] : colours.edge;
    ctx.lineWidth = (1 + Math.log2(b.count)) / scale;
    ctx.beginPath();
    ctx.moveTo(begin.x, begin.y);
    ctx.quadraticCurveTo(cx, cy, end.x, end.y);
    ctx.stroke();
    arrow(end.x, end.y, Math.atan2(end.y - cy, end.x - cx), (7 + ctx.lineWidth * scale) / scale);
  }
}

// crossing returns where the straight line from a point to the middle of a frame meets the frame's border.
function crossing(x, y, r, away) {
  const mx = r.x + r.w / 2, my = r.y + r.h / 2;
  const k = Math.min((r.w / 2 + away) / (Math.abs(x - mx) || 1), (r.h / 2 + away) / (Math.abs(y - my) || 1), 1);
  return { x: mx + (x - mx) * k, y: my + (y - my) * k };
}

function arrow(x, y, angle, size) {
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(x - size * Math.cos(angle - 0.45), y - size * Math.sin(angle - 0.45));
  ctx.lineTo(x - size * Math.cos(angle + 0.45), y - size * Math.sin(angle + 0.45));
  ctx.fill();
}

function paintLines(scene, alpha, scale, seen, lit) {
  // All lines of one style are one path, because thousands of single strokes would take too long.
  const styles = new Map();
  const busy = Math.min(0.55, 0.3 + scale / 2); // among thousands, a single line stands out only under the pointer
  for (const l of scene.lines) {
    if (l.x1 < seen.x0 || l.x0 > seen.x1 || l.y1 < seen.y0 || l.y0 > seen.y1 || !visible(l.edge)) continue;
    const on = lit && lit.edges.has(l.edge);
    if (alpha <= 0 && !on) continue;
    const key = l.edge.kind + l.edge.change + Boolean(l.edge.danger) + on;
    if (!styles.has(key)) styles.set(key, { on, edge: l.edge, path: [] });
    styles.get(key).path.push(l);
  }
  const order = [...styles.values()].sort((a, b) => Number(a.on) - Number(b.on) || Number(Boolean(a.edge.change)) - Number(Boolean(b.edge.change)));
  for (const { on, edge, path } of order) {
    const style = lineStyle(edge);
    const faded = graph.compared && !edge.change ? 0.45 : 1;
    ctx.globalAlpha = on ? 1 : alpha * (lit ? 0.12 : (scene.large ? busy : 1) * faded);
    ctx.strokeStyle = on && !edge.change && edge.kind !== "denied" ? colours.accent : style.colour;
    ctx.lineWidth = Math.max(style.width / Math.max(1, scale / 1.5), 0.8 / scale) * (on ? 1.5 : 1);
    ctx.setLineDash(style.dash);
    ctx.beginPath();
    for (const { curve, tip } of path) {
      ctx.moveTo(curve[0], curve[1]);
      for (let i = 2; i + 5 < curve.length; i += 6) ctx.bezierCurveTo(curve[i], curve[i + 1], curve[i + 2], curve[i + 3], curve[i + 4], curve[i + 5]);
      if (scale < fine) ctx.lineTo(tip.x, tip.y);
    }
    ctx.stroke();
  }
  ctx.setLineDash([]);
}

// paintTip draws the common end of lines: signs, then an arrow, or a bar where nothing gets through.
function paintTip(tip, alpha, seen, lit) {
  const left = tip.x - stub(tip.signs);
  if (!tip.edge || !inside({ x: left, y: tip.y - 8, w: tip.x - left, h: 16 }, seen) || !tip.lines.some((l) => visible(l.edge))) return;
  const on = lit && tip.lines.some((l) => lit.edges.has(l.edge));
  const e = tip.edge, style = lineStyle(e);
  ctx.globalAlpha = on ? 1 : alpha * (lit ? 0.2 : graph.compared && !e.change ? 0.6 : 1);
  ctx.strokeStyle = ctx.fillStyle = on && !e.change && e.kind !== "denied" ? colours.accent : style.colour;
  ctx.lineWidth = style.width * (on ? 1.5 : 1);
  ctx.setLineDash(style.dash);
  ctx.beginPath();
  ctx.moveTo(left, tip.y);
  ctx.lineTo(tip.x - 2, tip.y);
  ctx.stroke();
  ctx.setLineDash([]);
  if (e.kind === "denied") {
    ctx.beginPath();
    ctx.moveTo(tip.x - 3, tip.y - 6);
    ctx.lineTo(tip.x - 3, tip.y + 6);
    ctx.stroke();
  } else {
    arrow(tip.x, tip.y, 0, 10);
  }
  tip.signs.forEach((sign, i) => paintSign(sign, left + signSize * i + signSize / 2, tip.y));
}

function paintSign(sign, x, y) {
  ctx.save();
  ctx.translate(x, y);
  ctx.fillStyle = colours.frame;
  ctx.beginPath();
  ctx.arc(0, 0, 8, 0, 7);
  ctx.fill();
  ctx.strokeStyle = ctx.fillStyle = colours[sign];
  ctx.lineWidth = 1.6;
  ctx.lineCap = "round";
  for (const [d, filled] of signPaths[sign]) {
    if (filled) ctx.fill(d);
    ctx.stroke(d);
  }
  ctx.restore();
}

// The shapes are those of the SVG, as paths.
const signShapes = {
  key: [["M-.7 0a2.8 2.8 0 1 1 -5.6 0a2.8 2.8 0 1 1 5.6 0z"], ["M-.7 0h6.7v3M3 0v2.5"]],
  strict: [["M-3 -1h6a1.5 1.5 0 0 1 1.5 1.5v4a1.5 1.5 0 0 1 -1.5 1.5h-6a1.5 1.5 0 0 1 -1.5 -1.5v-4a1.5 1.5 0 0 1 1.5 -1.5z", true], ["M-3 -1v-2a3 3 0 0 1 6 0v2"]],
  permissive: [["M-4 -1h6a1.5 1.5 0 0 1 1.5 1.5v4a1.5 1.5 0 0 1 -1.5 1.5h-6a1.5 1.5 0 0 1 -1.5 -1.5v-4a1.5 1.5 0 0 1 1.5 -1.5z"], ["M.5 -1v-2.5a3 3 0 0 1 6 0v1"]],
  deny: [["M5 0a5 5 0 1 1 -10 0a5 5 0 1 1 10 0z"], ["M-3.5 -3.5l7 7"]],
  opened: [["M5.5 0a5.5 5.5 0 1 1 -11 0a5.5 5.5 0 1 1 11 0z"], ["M-2.5 0h5M0 -2.5v5"]],
  closed: [["M5.5 0a5.5 5.5 0 1 1 -11 0a5.5 5.5 0 1 1 11 0z"], ["M-2.5 0h5"]],
  changed: [["M5.5 0a5.5 5.5 0 1 1 -11 0a5.5 5.5 0 1 1 11 0z"], ["M-3 .8q1.5 -2.6 3 -.8t3 -.8"]],
  none: [["M-7 0h3M-1.5 0h3M4 0h3"]],
};
const signPaths = Object.fromEntries(Object.entries(signShapes).map(([name, shapes]) => [name, shapes.map(([d, filled]) => [new Path2D(d), filled])]));

function paintBoxes(from, to, t, scale, seen, lit) {
  const ease = t < 0.5 ? 2 * t * t : 1 - 2 * (1 - t) * (1 - t);
  const far = to.large && scale < coarse;
  const draw = (b, alpha, r) => {
    if (alpha > 0 && inside(r, seen)) paintBox(b, r, alpha * (lit && !lit.nodes.has(b.node) ? 0.25 : 1), scale, far, lit);
  };
  const mix = (a, b) => ({ x: a.x + (b.x - a.x) * ease, y: a.y + (b.y - a.y) * ease, w: a.w + (b.w - a.w) * ease, h: a.h + (b.h - a.h) * ease });
  const moving = from && t < 1;
  if (moving) for (const b of from.boxes) if (!partner(b, to)) draw(b, 1 - t, b);
  for (const b of to.boxes) {
    const before = moving && partner(b, from);
    if (before) draw(b, 1, mix(before, b));
    else draw(b, moving ? t : 1, b);
  }
  if (far) paintFarTitles(to, moving ? t : 1, scale);
}

// partner returns the box of the same node in another scene.
function partner(b, scene) {
  return scene.byKey.get(b.key) ?? scene.byKey.get(b.node.id) ?? scene.byKey.get("<" + b.node.id) ?? scene.byKey.get(">" + b.node.id);
}

function paintBox(b, r, alpha, scale, far, lit) {
  const n = b.node, group = hue(n.group);
  const tint = group === null ? colours["box-line"] : `hsl(${group} 45% ${colours.tint})`;
  ctx.globalAlpha = alpha;
  if (far) {
    ctx.fillStyle = lit?.nodes.has(n) ? colours.accent : tint;
    ctx.globalAlpha = alpha * (lit?.nodes.has(n) ? 1 : 0.35);
    ctx.fillRect(r.x, r.y, r.w, r.h);
    return;
  }
  ctx.beginPath();
  ctx.roundRect(r.x, r.y, r.w, r.h, 6);
  ctx.fillStyle = b.centre ? colours["accent-back"] : ["namespace", "any", "world"].includes(n.kind) ? colours.many : colours.box;
  ctx.fill();
  const changed = n.change === "added" ? "opened" : n.change === "removed" ? "closed" : "";
  ctx.lineWidth = Math.max(changed || b.centre ? 2.2 : 1.2, 0.6 / scale);
  ctx.strokeStyle = changed ? colours[changed] : b.centre ? colours.accent : colours["box-line"];
  ctx.setLineDash(n.change === "removed" ? [7, 4] : n.kind === "external" || n.kind === "outside" ? [4, 3] : []);
  ctx.stroke();
  ctx.setLineDash([]);
  if (group !== null) {
    ctx.fillStyle = tint;
    ctx.beginPath();
    ctx.roundRect(r.x + 0.6, r.y + 0.6, 4.4, r.h - 1.2, [5, 0, 0, 5]);
    ctx.fill();
  }
  if (scale < 0.3) return;
  ctx.textAlign = "center";
  ctx.fillStyle = colours.text;
  ctx.font = (b.centre ? "600 15px " : "13px ") + family;
  const x = r.x + r.w / 2 + 2, y = r.y + r.h / 2;
  ctx.fillText(b.title, x, b.detail ? y - 2 : y + 4.5);
  if (b.detail) {
    ctx.font = "10px " + family;
    ctx.fillStyle = colours.soft;
    ctx.fillText(b.detail, x, y + 13);
  }
  if (changed) paintSign(changed, r.x + signSize / 2 + 6, y);
}
