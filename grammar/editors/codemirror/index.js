// Mesh intents in CodeMirror 6.
import { LRLanguage, LanguageSupport } from "@codemirror/language";
import { parser } from "./parser.js";

export const mesh = () => new LanguageSupport(LRLanguage.define({ name: "mesh", parser, languageData: { commentTokens: { line: "#" } } }));
