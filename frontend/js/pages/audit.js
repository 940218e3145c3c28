// Audit: who did what, when, to which jobs, and what came of it. The newest first.

import { clock } from "../format.js";
import { write } from "../progress-view.js";
import { attempt, button } from "../shell.js";
import { get } from "./post.js";
import { Table } from "./table.js";

const table = new Table(document.querySelector("table.audit"), [
  { name: "When", show: ({ at }) => clock(at) },
  { name: "Who", show: ({ who }) => who },
  { name: "What", show: ({ what }) => what },
  { name: "Which", show: ({ which }) => which },
  { name: "Result", show: ({ result }) => result },
]);
const wait = document.querySelector("section .quiet");
const pages = document.querySelector(".pages");

async function show(cursor) {
  const { entries, cursor: next } = await get(`/api/audit?${new URLSearchParams(cursor ? { cursor } : {})}`);
  write(wait, "Nothing has been done yet.");
  wait.hidden = entries.length > 0;
  table.paint(entries.map(shown), ({ id }) => id);
  pages.replaceChildren();
  if (cursor) pages.append(button("Newest", () => attempt(() => show(null))));
  if (next) pages.append(button("Older", () => attempt(() => show(next))));
}

/** An entry with all its parts as text. */
function shown(entry, index) {
  const text = (value) => {
    if (value === null || value === undefined) return null;
    if (typeof value !== "object") return String(value);
    const parts = Object.entries(value).map(([name, part]) => `${name}: ${Array.isArray(part) ? part.join(", ") : String(part)}`);
    return parts.length > 0 ? parts.join(" · ") : null;
  };
  return { id: entry.id ?? `${entry.at} ${index}`, at: entry.at, who: text(entry.who), what: text(entry.what), which: text(entry.which), result: text(entry.result) };
}

await attempt(() => show(null));
