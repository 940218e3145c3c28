// A traceback with its parts told apart: where, the line of code, and the error itself. All of it as text.
// Whoever raises says what stands in it: none of these patterns may take long, whatever the line.

import { element } from "../progress-view.js";

const PLACE = /^(\s*File ")(.+)(", line )(\d+)(?:(, in )(.+))?$/;
const ERROR = /^([\w.]+)(: .*)?$/;
const MARK = /^\s+[\^~][\s^~]*$/;
const BETWEEN = /^(?:Traceback |During handling |The above exception )/;

/** The text of a traceback as a <pre>. */
export function traceback(text) {
  const made = element("pre", "trace");
  const lines = text.trimEnd().split("\n");
  lines.forEach((line, index) => {
    made.append(...partsOf(line));
    if (index < lines.length - 1) made.append("\n");
  });
  return made;
}

function partsOf(line) {
  const place = PLACE.exec(line);
  if (place !== null) {
    const [, before, file, between, number, inside = "", name = ""] = place;
    return [before, element("span", "trace-file", file), between, element("span", "trace-line", number), inside, element("span", "trace-name", name)];
  }
  if (MARK.test(line)) return [element("span", "trace-mark", line)];
  if (/^\s/.test(line) || line === "") return [element("span", "trace-code", line)];
  if (BETWEEN.test(line)) return [element("span", "quiet", line)];
  const error = ERROR.exec(line);
  return error === null ? [line] : [element("strong", "trace-error", error[1]), error[2] ?? ""];
}
