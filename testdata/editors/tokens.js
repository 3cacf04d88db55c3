// Reads texts, as a JSON list, and writes for each what the two grammars make of it: the tokens of Lezer's, and the scopes of
// TextMate's by the library that Visual Studio Code uses. Places are in UTF-16 units.
import fs from "node:fs";
import { createRequire } from "node:module";
import { buildParserFile } from "@lezer/generator";
import oniguruma from "vscode-oniguruma";
import textmate from "vscode-textmate";

const [grammar, tokens, tmLanguage] = process.argv.slice(2);
const require = createRequire(import.meta.url);

// The parser and its terms beside the tokenizer, as they are bundled.
const { parser, terms } = buildParserFile(fs.readFileSync(grammar, "utf8"), { fileName: grammar });
fs.mkdirSync("lezer", { recursive: true });
fs.writeFileSync("lezer/parser.js", parser);
fs.writeFileSync("lezer/parser.terms.js", terms);
fs.copyFileSync(tokens, "lezer/tokens.js");
const lezer = (await import(process.cwd() + "/lezer/parser.js")).parser;

await oniguruma.loadWASM(fs.readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")).buffer);
const registry = new textmate.Registry({
  onigLib: Promise.resolve({ createOnigScanner: (p) => new oniguruma.OnigScanner(p), createOnigString: (s) => new oniguruma.OnigString(s) }),
  loadGrammar: async () => textmate.parseRawGrammar(fs.readFileSync(tmLanguage, "utf8"), tmLanguage),
});
const colours = await registry.loadGrammar("source.mesh");

const texts = JSON.parse(fs.readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(texts.map((text) => {
  const found = [];
  lezer.parse(text).iterate({ enter: (n) => { if (n.name !== "Mesh") found.push([n.from, n.to, n.type.isError ? "error" : n.name]); } });
  const scopes = [];
  let start = 0, state = textmate.INITIAL;
  for (const line of text.split("\n")) {
    const { tokens, ruleStack } = colours.tokenizeLine(line, state);
    for (const t of tokens) scopes.push([start + t.startIndex, start + Math.min(t.endIndex, line.length), t.scopes.at(-1)]);
    state = ruleStack;
    start += line.length + 1;
  }
  return { tokens: found, scopes };
})));
