// The picture of a job's life: each attempt a line, its wait hollow, its run full. An SVG, made from the states.

import { duration } from "../format.js";

const NS = "http://www.w3.org/2000/svg";
const [ROW, LEFT] = [26, 70]; // px

function shape(name, attributes, text = "") {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

/** The attempts of `job` as an <svg>, `width` px wide; `at` is the present, in ms by the server's clock. */
export function drawTimeline(job, width, at) {
  const now = job.ended_at ?? at;
  const from = job.created_at ?? job.enqueued_at ?? now;
  const span = Math.max(1, now - from);
  const x = (ms) => LEFT + ((Math.min(Math.max(ms, from), now) - from) / span) * (width - LEFT - 10);
  const height = job.attempts.length * ROW + 20;
  const svg = shape("svg", { class: "timeline", viewBox: `0 0 ${width} ${height}`, role: "img" });
  svg.append(shape("title", {}, `${job.attempts.length} attempts in ${duration(span / 1000)}`));
  let waited = from; // since when the attempt waits
  job.attempts.forEach(({ attempt, status, started_at, ended_at }, index) => {
    const [y, began, ended] = [index * ROW + 4, started_at ?? ended_at ?? now, ended_at ?? now];
    svg.append(shape("text", { x: 0, y: y + 12 }, `attempt ${attempt}`));
    const wait = { x: x(waited), y: y + 3, width: Math.max(1, x(began) - x(waited)), height: 10, rx: 3 };
    svg.append(shape("rect", { ...wait, fill: "none", stroke: "var(--queued)" }));
    if (started_at !== null) {
      const run = { x: x(began), y, width: Math.max(2, x(ended) - x(began)), height: 16, rx: 4, fill: `var(--${status})` };
      svg.append(shape("rect", run));
    }
    waited = ended;
  });
  svg.append(shape("text", { x: LEFT, y: height - 3 }, "0"));
  svg.append(shape("text", { x: width - 10, y: height - 3, "text-anchor": "end" }, duration(span / 1000)));
  return svg;
}
