// Reads TOML, and writes it as JSON.
import fs from "node:fs";
import { parse } from "smol-toml";

process.stdout.write(JSON.stringify(parse(fs.readFileSync(0, "utf8"))));
