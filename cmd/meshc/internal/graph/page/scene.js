// A scene is where everything stands: boxes, frames, lines, and the tips where lines of one style meet.

const arrowRoom = 16;
const signSize = 16;
const stub = (signs) => arrowRoom + signSize * signs.length;

const ruler = document.createElement("canvas").getContext("2d");
const family = 'ui-sans-serif, system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';

function textWidth(text, size) {
  ruler.font = size + "px " + family;
  return ruler.measureText(text).width;
}

function shortened(text, size, width) {
  if (textWidth(text, size) <= width) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (textWidth(text.slice(0, middle) + "…", size) <= width) low = middle; else high = middle - 1;
  }
  return text.slice(0, low) + "…";
}

const hue = (group) => (group.kind === "namespace" ? (212 + group.index * 137.5) % 360 : null);

function bounds(rects) {
  let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
  for (const r of rects) {
    x0 = Math.min(x0, r.x); y0 = Math.min(y0, r.y);
    x1 = Math.max(x1, r.x + r.w); y1 = Math.max(y1, r.y + r.h);
  }
  return x0 > x1 ? { x: 0, y: 0, w: 1, h: 1 } : { x: x0, y: y0, w: x1 - x0, h: y1 - y0 };
}

function line(edge, curve) {
  let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
  for (let i = 0; i < curve.length; i += 2) {
    x0 = Math.min(x0, curve[i]); x1 = Math.max(x1, curve[i]);
    y0 = Math.min(y0, curve[i + 1]); y1 = Math.max(y1, curve[i + 1]);
  }
  return { edge, curve, x0, y0, x1, y1 };
}

function scene(name, boxes, frames, lines, tips, large) {
  for (const t of tips) t.lines = [];
  for (const l of lines) l.tip.lines.push(l);
  const byKey = new Map(boxes.map((b) => [b.key, b]));
  return { name, boxes, byKey, frames, lines, tips, large, bounds: bounds([...frames, ...boxes]) };
}

// overview returns the whole graph, as meshc laid it out.
function overview() {
  const boxes = nodes.map((node, i) => {
    const [x, y, w, h] = layout.boxes[i];
    return { key: node.id, node, title: node.title, detail: node.detail, x, y, w, h };
  });
  const frames = groups.map((group) => {
    const [x, y, w, h] = group.rect;
    return { key: "g" + group.index, group, label: group.label, hue: hue(group), x, y, w, h };
  });
  const tips = layout.tips.map(([node, x, y]) => ({ node: nodes[node], x, y, signs: [], edge: null }));
  const lines = edges.map((e) => {
    const tip = tips[e.tip];
    tip.signs = e.signs;
    tip.edge = e;
    const l = line(e, e.curve);
    l.tip = tip;
    return l;
  });
  return scene("overview", boxes, frames, lines, tips, !layout.routed);
}

// bundles counts the edges between each two frames, for scales at which single lines are too small to see.
function bundles() {
  const by = new Map();
  for (const e of edges) {
    if (!visible(e)) continue;
    const key = e.from.group.index + ">" + e.to.group.index + (e.change ?? "");
    const b = by.get(key) ?? { from: e.from.group, to: e.to.group, change: e.change, count: 0 };
    b.count++;
    by.set(key, b);
  }
  return [...by.values()];
}

const rowGap = 12;
const blockGap = 22;
const tall = 1300;

// side stacks the other ends of edges by group, in several columns where there are many.
function side(list, other, prefix) {
  const byGroup = new Map();
  for (const e of list) {
    const n = other(e);
    if (!byGroup.has(n.group)) byGroup.set(n.group, []);
    byGroup.get(n.group).push(e);
  }
  const rowsAtMost = list.length <= 18 ? 18 : Math.ceil(Math.sqrt(list.length * 2.4));
  const blocks = [...byGroup.keys()].sort((a, b) => a.index - b.index).map((group) => {
    const members = byGroup.get(group);
    const boxes = members.map((edge) => {
      const node = other(edge);
      const rules = edge.allow.length > 0 ? edge.allow : edge.deny;
      const more = rules.length > 1 ? " +" + (rules.length - 1) : "";
      const detail = rules.length > 0 ? shortened(scope(rules[0]), 10, 190) + more : "";
      const title = group.kind === "namespace" && node.kind === "service" ? node.name : node.title;
      return { key: prefix + node.id, node, edge, title: shortened(title, 13, 210), detail, h: 44 };
    });
    const w = Math.max(110, ...boxes.map((b) => Math.max(textWidth(b.title, 13), textWidth(b.detail, 10)) + 28));
    const columns = Math.ceil(boxes.length / rowsAtMost);
    const rows = Math.ceil(boxes.length / columns);
    const lead = prefix === ">" ? 16 + arrowRoom + 2 * signSize : 16;
    const gapX = prefix === ">" ? 24 + arrowRoom + 2 * signSize : 26;
    boxes.forEach((b, i) => {
      b.w = w;
      b.x = lead + Math.floor(i / rows) * (w + gapX);
      b.y = 30 + (i % rows) * (b.h + rowGap);
    });
    return {
      group, boxes,
      w: Math.max(lead + columns * (w + gapX) - gapX + 16, textWidth(group.label, 12) + 34),
      h: 30 + rows * (44 + rowGap) - rowGap + 16,
    };
  });
  const total = blocks.reduce((sum, b) => sum + b.h + blockGap, 0);
  const target = total / Math.ceil(total / tall);
  const columns = [];
  let used = Infinity;
  for (const b of blocks) {
    if (used + b.h / 2 > target) {
      columns.push([]);
      used = 0;
    }
    columns[columns.length - 1].push(b);
    used += b.h + blockGap;
  }
  return columns;
}

// place puts the columns of a side to the left (-1) or right (1) of the middle.
function place(columns, start, direction, frames, boxes) {
  let x = start;
  for (const column of columns) {
    const w = Math.max(...column.map((b) => b.w));
    const left = direction < 0 ? x - w : x;
    let y = -column.reduce((sum, b) => sum + b.h + blockGap, -blockGap) / 2;
    for (const block of column) {
      const bx = direction < 0 ? left + w - block.w : left;
      frames.push({ key: "f" + frames.length, group: block.group, label: block.group.label, hue: hue(block.group), x: bx, y, w: block.w, h: block.h });
      for (const b of block.boxes) {
        b.x += bx;
        b.y += y;
        boxes.push(b);
      }
      y += block.h + blockGap;
    }
    x = direction < 0 ? left - 60 : left + w + 60;
  }
}

// focusOn returns one node with its callers on the left and its callees on the right.
function focusOn(node) {
  const into = node.callers.filter((e) => visible(e) && e.from !== node);
  const outOf = node.callees.filter((e) => visible(e) && e.to !== node);
  const styles = [...new Set(into.map((e) => e.signs.join() + e.kind))];
  const w = Math.max(130, textWidth(node.title, 15) + 44, textWidth(node.detail, 10) + 34);
  const h = Math.max(64, 20 * (styles.length + 1));
  const centre = { key: node.id, node, title: node.title, detail: node.detail, x: -w / 2, y: -h / 2, w, h, centre: true };
  const frames = [{ key: "centre", group: node.group, label: node.group.label, hue: hue(node.group), x: -w / 2 - 22, y: -h / 2 - 34, w: w + 44, h: h + 54 }];
  frames[0].w = Math.max(frames[0].w, textWidth(frames[0].label, 12) + 34);
  const boxes = [centre];
  const reach = (count) => 150 + Math.min(90, count * 3);
  place(side(into, (e) => e.from, "<"), -w / 2 - reach(into.length), -1, frames, boxes);
  place(side(outOf, (e) => e.to, ">"), w / 2 + reach(outOf.length), 1, frames, boxes);

  const tips = styles.map((style, i) => {
    const edge = into.find((e) => e.signs.join() + e.kind === style);
    return { style, node, x: -w / 2, y: (2 * i - styles.length + 1) * 10, signs: edge.signs, edge };
  });
  const lines = [];
  const span = (edge, x0, y0, tip) => {
    const x1 = tip.x - stub(tip.signs), reach = Math.max(40, Math.abs(x1 - x0) / 2);
    const l = line(edge, [x0, y0, x0 + reach, y0, x1 - reach, tip.y, x1, tip.y]);
    l.tip = tip;
    lines.push(l);
  };
  for (const b of boxes) {
    if (!b.key.startsWith("<")) continue;
    span(b.edge, b.x + b.w, b.y + b.h / 2, tips.find((t) => t.style === b.edge.signs.join() + b.edge.kind));
  }
  const right = boxes.filter((b) => b.key.startsWith(">")).sort((a, b) => a.y - b.y);
  right.forEach((b, i) => {
    const tip = { node: b.node, x: b.x, y: b.y + b.h / 2, signs: b.edge.signs, edge: b.edge };
    tips.push(tip);
    const spread = Math.min(7, (h - 16) / Math.max(1, right.length - 1));
    span(b.edge, w / 2, (i - (right.length - 1) / 2) * spread, tip);
  });
  return scene(node.id, boxes, frames, lines, tips, false);
}
