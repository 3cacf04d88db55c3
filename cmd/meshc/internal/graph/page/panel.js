// The parts of the page that are text: the key, the list of services and the details. They say everything that the
// picture says. User text is only ever set as text, never as markup.

function make(tag, properties, ...children) {
  const e = Object.assign(document.createElement(tag), properties);
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return e;
}

function signImage(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "sign " + name);
  svg.setAttribute("viewBox", "-8 -8 16 16");
  svg.setAttribute("aria-hidden", "true");
  for (const [d, filled] of signShapes[name]) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", d);
    if (filled) path.setAttribute("fill", "currentcolor");
    svg.append(path);
  }
  return svg;
}

// fillKey builds the key, which also selects what is shown.
function fillKey(changed) {
  const key = document.getElementById("key");
  for (const k of kinds) {
    const box = make("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => { k.shown = box.checked; changed(); });
    key.append(make("label", {}, box, signImage(k.sign), k.text, make("span", { className: "number" }, String(k.count))));
  }
  for (const m of marks) {
    key.append(make("label", {}, signImage(m.sign), m.text, make("span", { className: "number" }, String(m.count))));
  }
  for (const c of changes) {
    key.append(make("label", { className: c.name }, signImage(c.name), c.name, make("span", { className: "number" }, String(c.count))));
  }
  if (graph.compared) {
    const box = make("input", { type: "checkbox" });
    box.addEventListener("change", () => { changesOnly = box.checked; changed(); });
    key.append(make("label", {}, box, "changes only"));
  }
}

const listedAtMost = 3000;

// fillList lists nodes by group, or by rank where there is a query.
function fillList(found, query, current, choose) {
  const list = document.getElementById("list");
  const items = [];
  let group = null;
  for (const n of found.slice(0, listedAtMost)) {
    if (!query && n.group !== group) {
      group = n.group;
      items.push(make("h2", {}, group.label || "anyone"));
    }
    const name = query || n.kind !== "service" ? n.id : n.name;
    const b = make("button", { type: "button" }, make("span", { className: "name" }, name),
      n.kind === "service" ? "" : make("span", { className: "badge none" }, n.kind),
      n.change ? make("span", { className: "badge " + n.change }, n.change) : "",
      make("span", { className: "number", title: "callers and callees" }, n.callers.length + "→•→" + n.callees.length));
    b.dataset.id = n.id;
    b.title = n.id + ": " + plural(n.callers.length, "caller") + ", " + plural(n.callees.length, "callee");
    b.setAttribute("aria-label", b.title);
    if (n === current) b.setAttribute("aria-current", "true");
    b.addEventListener("click", () => choose(n));
    items.push(b);
  }
  if (found.length === 0) items.push(make("p", {}, "No matches."));
  if (found.length > listedAtMost) items.push(make("p", {}, found.length - listedAtMost + " more: search for them."));
  list.replaceChildren(...items);
}

function plural(n, word) {
  return n.toLocaleString("en") + " " + word + (n === 1 ? "" : "s");
}

// byGroup returns the nodes in the order of the picture's groups.
function byGroup() {
  return groups.flatMap((g) => g.nodes);
}

function ruleItem(e, r, deny) {
  const mtls = deny ? "deny" : r.mtls ?? "none";
  return [
    make("p", { className: "rule" + (r.change === "removed" ? " gone" : "") },
      r.change ? make("span", { className: "badge " + r.change }, r.change) : "",
      make("span", { className: "badge " + mtls }, signImage(mtls), deny ? " deny" : " " + mtlsWords[mtls]),
      make("code", {}, scope(r)), r.until ? " until " + r.until : ""),
    r.because ? make("p", { className: "why" }, r.because) : "",
    r.at ? make("p", { className: "rule place" }, r.at) : "",
  ];
}

function edgeItem(e, label, other, choose) {
  const button = make("button", { type: "button" }, label);
  button.addEventListener("click", () => choose(other));
  return make("li", { className: "edge" }, button, " ",
    e.change ? make("span", { className: "badge " + e.change }, signImage(e.change), " " + e.change) : "",
    e.allowed ? "" : make("span", { className: "badge deny" }, "denied"),
    e.denied === "part" ? make("span", { className: "badge deny" }, "partly denied") : "",
    ...e.allow.flatMap((r) => ruleItem(e, r, false)), ...e.deny.flatMap((r) => ruleItem(e, r, true)));
}

const kindWords = {
  service: "service", outside: "a workload without a proxy", external: "a host outside the mesh",
  namespace: "any caller with an identity of the namespace", any: "any caller with an identity of the mesh", world: "any caller",
};

// fillPanel shows everything about a node; without a node, what changed.
function fillPanel(node, choose) {
  const panel = document.getElementById("panel");
  if (node) {
    const facts = [["Kind", kindWords[node.kind]], ["Account", node.account], ["Hosts", (node.hosts ?? []).join(", ")],
      ["Addresses", (node.addresses ?? []).join(", ")],
      ["Ports", (node.ports ?? []).map((p) => p.number + (p.protocol ? " " + p.protocol : "") +
        (node.kind === "service" ? " (" + mtlsWords[p.mtls] + ")" : "")).join(", ")],
      ["Declared at", node.at], ["Change", node.change]].filter((f) => f[1]);
    const into = node.callers.filter(visible), outOf = node.callees.filter(visible);
    panel.replaceChildren(
      make("h2", {}, node.id),
      make("dl", {}, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
      make("h3", {}, "Called by " + into.length),
      make("ul", {}, ...into.map((e) => edgeItem(e, e.from.id, e.from, choose))),
      make("h3", {}, "Calls " + outOf.length),
      make("ul", {}, ...outOf.map((e) => edgeItem(e, e.to.id, e.to, choose))));
    panel.hidden = false;
  } else if (graph.compared) {
    const changed = edges.filter((e) => e.change);
    panel.replaceChildren(make("h2", {}, "What changed"));
    if (changed.length === 0) panel.append(make("p", {}, "Nothing changed."));
    for (const c of changes) {
      panel.append(make("h3", {}, c.name + " " + c.count),
        make("ul", {}, ...changed.filter((e) => e.change === c.name).map((e) => edgeItem(e, e.from.id + " → " + e.to.id, e.to, choose))));
    }
    panel.hidden = false;
  } else {
    panel.hidden = true;
    panel.replaceChildren();
  }
  panel.scrollTop = 0;
}
