// The graph, as the page embeds it, and the search in it.

const { graph, layout } = JSON.parse(document.getElementById("data").textContent);

const nodes = graph.nodes.map((n, index) => ({
  ...n, index, title: layout.texts[index][0], detail: layout.texts[index][1], group: null, callers: [], callees: [],
}));
const groups = layout.groups.map((g, index) => ({ ...g, index, nodes: g.nodes.map((i) => nodes[i]) }));
for (const g of groups) for (const n of g.nodes) n.group = g;

const edges = graph.edges.map((e, index) => {
  const at = layout.edges[index];
  return { ...e, allow: e.allow ?? [], deny: e.deny ?? [], index, from: nodes[at.f], to: nodes[at.t], tip: at.tip, curve: at.c };
});
for (const e of edges) {
  e.kind = e.allowed ? e.mtls : "denied";
  e.signs = [];
  if (e.change) e.signs.push(e.change);
  if (e.allowed && e.mtls !== "none") e.signs.push(e.mtls);
  if (e.allowed && e.token) e.signs.push("key");
  if (!e.allowed || e.denied === "part") e.signs.push("deny");
  e.from.callees.push(e);
  e.to.callers.push(e);
}

// The kinds of edges, as the key explains them.
const kinds = [
  { name: "strict", sign: "strict", text: "strict: mutual TLS only" },
  { name: "permissive", sign: "permissive", text: "permissive: plaintext too" },
  { name: "none", sign: "none", text: "no mutual TLS" },
  { name: "denied", sign: "deny", text: "denied" },
].map((k) => ({ ...k, shown: true, count: edges.filter((e) => e.kind === k.name).length })).filter((k) => k.count > 0);

// What else the key explains.
const marks = [
  { sign: "key", text: "with a token, at least in part", count: edges.filter((e) => e.allowed && e.token).length },
].filter((m) => m.count > 0);

const changes = ["opened", "closed", "changed"]
  .map((name) => ({ name, count: edges.filter((e) => e.change === name).length })).filter((c) => c.count > 0);
let changesOnly = false;

function visible(e) {
  return kinds.find((k) => k.name === e.kind).shown && (!changesOnly || Boolean(e.change));
}

function nodeByID(id) {
  return nodes.find((n) => n.id === id);
}

// scope returns the ports and operations of a rule.
function scope(rule) {
  const ports = (rule.ports ?? []).map((p) => p.number).join(",");
  return [ports ? ":" + ports : "every port", ...(rule.operations ?? []).join(", ").split("\n")].filter(Boolean).join(" ");
}

const mtlsWords = { strict: "strict", permissive: "permissive", none: "no mTLS" };

function ruleText(e, rule, deny) {
  let text = (deny ? "deny " : "") + scope(rule);
  if (rule.change) text = (rule.change === "added" ? "+ " : "− ") + text;
  if (rule.until) text += " until " + rule.until;
  if (rule.because) text += "\n“" + rule.because + "”";
  return text;
}

function edgeText(e) {
  const head = e.from.id + " → " + e.to.id + (e.change ? " (" + e.change + (e.danger ? ", danger" : "") + ")" : "");
  const state = !e.allowed ? "denied" : mtlsWords[e.mtls] + (e.token ? ", with a token" : "") + (e.denied === "part" ? ", partly denied" : "");
  return [head, state, ...e.allow.map((r) => ruleText(e, r, false)), ...e.deny.map((r) => ruleText(e, r, true))].join("\n");
}

const haystacks = nodes.map((n) => [n.id, n.kind, n.account, ...(n.hosts ?? []), ...(n.addresses ?? []),
  ...(n.ports ?? []).map((p) => ":" + p.number + " " + (p.protocol ?? "")), n.change ?? ""].join(" ").toLowerCase());

// find returns the nodes in which every word of the query occurs. Names that begin with the first word come first.
function find(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return nodes;
  const rank = (n) => {
    const name = n.name.toLowerCase();
    if (name === words[0] || n.id.toLowerCase() === words[0]) return 0;
    if (name.startsWith(words[0])) return 1;
    return n.id.toLowerCase().includes(words[0]) ? 2 : 3;
  };
  return nodes.filter((n) => words.every((w) => haystacks[n.index].includes(w)))
    .map((n) => [rank(n), n]).sort((a, b) => a[0] - b[0] || a[1].index - b[1].index).map((pair) => pair[1]);
}
