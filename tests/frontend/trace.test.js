import assert from "node:assert/strict";
import { test } from "node:test";

import { traceback } from "../../frontend/js/pages/trace.js";

/** What a traceback needs of a document. */
globalThis.document = {
  createElement: () => ({ className: "", textContent: "", parts: [], append(...parts) { this.parts.push(...parts); } }),
};

/** [class, text] of each part; '' where it is text alone. */
const partsOf = (text) => traceback(text).parts.map((part) => (typeof part === "string" ? ["", part] : [part.className, part.textContent]));
const textOf = (text) => partsOf(text).map(([, part]) => part).join("");

test("the parts of a traceback are told apart, and all of it stays as it is", () => {
  const lines = [
    "Traceback (most recent call last):",
    '  File "/srv/jobs.py", line 7, in count',
    "    return 1 / 0",
    "           ~~^~~",
    "ZeroDivisionError: division by zero",
    "workers.errors.Odd",
    "and more words",
  ];
  const text = lines.join("\n");
  assert.equal(textOf(`${text}\n\n`), text);
  assert.deepEqual(partsOf(text).filter(([name]) => name !== ""), [
    ["quiet", lines[0]],
    ["trace-file", "/srv/jobs.py"],
    ["trace-line", "7"],
    ["trace-name", "count"],
    ["trace-code", lines[2]],
    ["trace-mark", lines[3]],
    ["trace-error", "ZeroDivisionError"],
    ["trace-error", "workers.errors.Odd"],
  ]);
});

test("no line takes long, whoever wrote it", () => {
  const many = 200_000;
  const lines = [
    ` ${"^".repeat(many)}x`,
    `${"Timeout".repeat(many / 7)} x`,
    `  File "${'", line 1'.repeat(many / 9)}x`,
    `${"\n".repeat(many)}x`,
  ];
  for (const line of lines) {
    const began = performance.now();
    assert.equal(textOf(line), line);
    assert.ok(performance.now() - began < 2000, `${line.slice(0, 20)} took ${performance.now() - began} ms`);
  }
});
