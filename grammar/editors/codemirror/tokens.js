// Tokens of mesh intents for Lezer, and how they are highlighted.
import { ExternalTokenizer } from "@lezer/lr";
import { styleTags, tags } from "@lezer/highlight";
import * as terms from "./parser.terms.js";

const keywords = new Set(("mesh service external group deny export mtls never always only ask issuer verify account was label port outside " +
  "gateway address host url keys audience from forward claim payload header query cookie prefix at to until because except no with token " +
  "open closed strict permissive disable http http2 grpc tcp tls").split(" "));

const letter = /[\p{L}\p{M}\p{Nd}_.]/u;

// at returns the character some UTF-16 units ahead of a position, or the one that ends there; "" outside of the text.
function at(input, offset) {
  const unit = input.peek(offset);
  if (unit < 0) return "";
  if (unit >= 0xd800 && unit < 0xdc00) {
    const low = input.peek(offset + 1);
    if (low >= 0xdc00 && low < 0xe000) return String.fromCharCode(unit, low);
  }
  return String.fromCharCode(unit);
}

// arrow returns the length of the arrow ahead, 0 if there is none.
function arrow(input, offset) {
  let n = 0;
  while (at(input, offset + n) === "-") n++;
  return n > 0 && at(input, offset + n) === ">" ? n + 1 : 0;
}

// word returns the length of the name ahead, up to an arrow that follows without a space.
function word(input) {
  let n = 0;
  for (;;) {
    const c = at(input, n);
    if (c === "-") {
      if (arrow(input, n)) return n;
      n++;
    } else if (c && letter.test(c)) {
      n += c.length;
    } else {
      return n;
    }
  }
}

// touches reports whether a name, a string or a star ends where the slash begins.
function touches(input) {
  const before = at(input, -1);
  if (!before) return false;
  if (before >= "\udc00" && before < "\ue000") return letter.test(at(input, -2));
  return letter.test(before) || before === "-" || before === '"' || before === "*";
}

function path(input) {
  let n = 0;
  for (let depth = 0; ; n++) {
    const c = at(input, n);
    if (c === "" || " \t\r\n,;".includes(c)) return n;
    if (c === "{") depth++;
    if (c === "}" && depth-- === 0) return n;
  }
}

// text returns the string ahead, which ends on its line.
function text(input) {
  let n = 1, last = 1;
  for (;; n++) {
    const c = at(input, n);
    if (c === "" || c === "\n") return [terms.Invalid, last];
    if (c === '"') return [terms.String, n + 1];
    if (c === "\\" && at(input, n + 1) !== "" && at(input, n + 1) !== "\n") n++;
    if (!" \t\r".includes(c)) last = n + 1;
  }
}

// named tells what a word is: a keyword before "->", "," or "/" is a name.
function named(input, n) {
  let name = "";
  for (let i = 0; i < n; i++) name += String.fromCharCode(input.peek(i));
  let next = n;
  while (at(input, next) === " " || at(input, next) === "\t") next++;
  if (at(input, n) === "/") return terms.Namespace;
  if (/^[A-Z][A-Z0-9-]*$/.test(name)) return terms.Method;
  if (/^\d+$/.test(name)) return terms.Number;
  if (keywords.has(name) && at(input, next) !== "," && !arrow(input, next)) return terms.Keyword;
  return terms.Name;
}

export const tokens = new ExternalTokenizer((input) => {
  const c = at(input, 0);
  if (c === "") return;
  const take = (term, n) => {
    input.advance(n);
    input.acceptToken(term);
  };
  if (/[ \t\r\n\ufeff]/.test(c)) {
    let n = 1;
    while (at(input, n) && " \t\r\n".includes(at(input, n))) n++;
    return take(terms.space, n);
  }
  if (c === "#") {
    let n = 1;
    while (at(input, n) !== "" && at(input, n) !== "\n") n++;
    if (at(input, n) === "\n" && at(input, n - 1) === "\r") n--;
    return take(terms.Comment, n);
  }
  if (c === "-" && arrow(input, 0)) {
    const n = arrow(input, 0);
    if (n > 2) return take(terms.Invalid, n);
    return take(terms.Operator, at(input, 2) === ">" ? 3 : 2);
  }
  if (c === "-" || letter.test(c)) {
    const n = word(input);
    return take(named(input, n), n);
  }
  if (c === "/") return touches(input) ? take(terms.Slash, 1) : take(terms.Path, path(input));
  if (c === '"') return take(...text(input));
  if (c === "*") return take(terms.Operator, 1);
  if (c === "=" && at(input, 1) === ">") return take(terms.Invalid, 2);
  if (c === "{" || c === "}") return take(terms.Brace, 1);
  if (",:|=;".includes(c)) return take(terms.Punctuation, 1);
  take(terms.Invalid, c.length);
}, { contextual: false });

export const highlighting = styleTags({
  Comment: tags.lineComment, String: tags.string, Path: tags.special(tags.string), Operator: tags.operator, Method: tags.atom,
  Number: tags.number, Keyword: tags.keyword, Name: tags.variableName, Namespace: tags.namespace, Slash: tags.separator,
  Brace: tags.brace, Punctuation: tags.punctuation, Invalid: tags.invalid,
});
