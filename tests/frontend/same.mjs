// Whether two scripts say the same: `node same.mjs one.js other.js [one.js other.js …]` prints those that don't.

import { readFileSync } from "node:fs";

import ts from "../../frontend/node_modules/typescript/lib/typescript.js";

/** The tree of a script as text: the kind of each node, and what stands in its leaves. */
function tree(path) {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  const found = [];
  const look = (node) => {
    const before = found.push(ts.SyntaxKind[node.kind]);
    ts.forEachChild(node, look);
    if (found.length === before && ts.isToken(node)) found.push(node.getText(source));
  };
  ts.forEachChild(source, look);
  return found.join("\n");
}

const files = process.argv.slice(2);
for (let at = 0; at < files.length; at += 2) if (tree(files[at]) !== tree(files[at + 1])) console.log(files[at]);
