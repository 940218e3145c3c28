// What all pages share: the state of the connection, toasts, keys, theme, the sheet of keys and the palette.

import { connection } from "./client.js";
import { ConnectionStatus } from "./elements/connection-status.js";
import { JobToasts } from "./elements/job-toasts.js";
import { HOME } from "./home.js";
import { element, write } from "./progress-view.js";

const NOTICE = 6000; // ms
const THEMES = ["system", "light", "dark"];
const KEYS = [
  ["j", "Jobs"], ["q", "Queues"], ["w", "Workers"], ["s", "Schedule"], ["/", "Search"], ["t", "Theme: system, light, dark"], ["?", "This sheet"],
  ["Ctrl K or ⌘ K", "Go to a job, a queue, a view; do something"], ["↑ ↓ Home End", "From row to row"], ["Esc", "Close"],
];

/** The address of `path` ("/jobs") on this installation, which may lie below another one. */
export const at = (path) => new URL(`.${path}`, HOME).pathname + new URL(`http://x${path}`).search;

for (const kind of [ConnectionStatus, JobToasts]) kind.define();

// asked for when they are looked at; but who is told of ends by this browser is registered anew with the first page of a day
const offerNotices = async () => (await import("./elements/notice-settings.js")).NoticeSettings.define();
if (globalThis.Notification?.permission === "granted") attempt(offerNotices);
else document.querySelector(".menu").addEventListener("toggle", () => attempt(offerNotices), { once: true });

const notice = document.querySelector(".notice");
const sure = document.querySelector("dialog.sure");
let hiding = 0;

/** Whether this person may do something here; the server looks again at each act. */
export const acts = document.body.dataset.acts === "yes";

/** Say `text`, that something went wrong as a rule, for some seconds; with `path` it leads there. */
export function say(text, path = "") {
  notice.replaceChildren(path ? link(text, path) : text);
  notice.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (notice.hidden = true), NOTICE);
}

/** Whether a person is sure: resolves to true or false. `verb` is what the button says. */
export function isSure(question, detail, verb) {
  write(sure.querySelector("h2"), question);
  write(sure.querySelector("p"), detail);
  write(sure.querySelector("[value=yes]"), verb);
  sure.returnValue = "";
  sure.showModal();
  return new Promise((resolve) => sure.addEventListener("close", () => resolve(sure.returnValue === "yes"), { once: true }));
}

/** Do something that may be refused; what was wrong is said. Resolves to whether it was done. */
export async function attempt(run) {
  try {
    await run();
    return true;
  } catch (error) {
    say(error.message);
    return false;
  }
}

/** Where the jobs are that `q` finds, in one status or in all. */
export const searchFor = (q, status = "") => `/jobs?${new URLSearchParams({ q, ...(status && { status }) })}`;

/** Where a job's page is. */
export const pageOf = (id) => `/jobs/${encodeURIComponent(id)}`;

/** A link. */
export function link(text, path) {
  const made = element("a", "", text);
  made.href = at(path);
  return made;
}

/** A button that calls `act`. */
export function button(text, act, kind = "") {
  const made = element("button", kind ? `action action-${kind}` : "action", text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

document.addEventListener("open-job", ({ detail: id }) => {
  if (!document.querySelector("job-details")) location.assign(at(pageOf(id)));
});

// -- theme

function turnTheme() {
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "system") + 1) % THEMES.length];
  if (next === "system") delete root.dataset.theme;
  else root.dataset.theme = next;
  try {
    localStorage.setItem("headway.theme", next);
  } catch {
    // it may not be kept: it holds until the page is left
  }
  write(document.querySelector(".foot .theme"), `Theme: ${next}`);
}

// -- the sheet of keys, and the palette

function dialog(name, label, ...parts) {
  const made = element("dialog", name);
  made.setAttribute("aria-label", label);
  made.append(...parts);
  made.addEventListener("click", ({ target }) => target === made && made.close());
  document.body.append(made);
  return made;
}

let sheet = null;
function showKeys() {
  if (sheet === null) {
    const list = element("dl");
    for (const [keys, what] of KEYS) {
      const name = element("dt");
      name.append(element("kbd", "", keys));
      list.append(name, element("dd", "", what));
    }
    sheet = dialog("sheet", "Keys", element("h2", "", "Keys"), list);
  }
  if (!sheet.open) sheet.showModal();
}

let palette = null;
let isOpening = false; // what is typed meanwhile is meant for the palette, and is no key of the page
async function showPalette() {
  if (sure.open) return; // it waits for its answer: a second question in it would be answered together with the first
  isOpening = true;
  await attempt(async () => {
    const { Palette } = await import("./palette.js");
    palette ??= new Palette(dialog, [["Turn the theme", turnTheme], ["Show the keys", showKeys]]);
    palette.open();
  });
  isOpening = false;
}

function search() {
  const box = document.querySelector(".search input");
  if (box) box.focus();
  else location.assign(at("/jobs?search"));
}

const go = (path) => document.querySelector(`.views a[href="${at(path)}"]`)?.click();
const DOES = { j: () => go("/jobs"), q: () => go("/queues"), w: () => go("/workers"), s: () => go("/schedule"), "/": search, "?": showKeys, t: turnTheme };

addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "k") {
    event.preventDefault();
    showPalette();
    return;
  }
  const writes = event.target.closest("input, textarea, select, [contenteditable]");
  if (writes || isOpening || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (!Object.hasOwn(DOES, event.key)) return;
  event.preventDefault();
  DOES[event.key]();
});

// -- live, or paused: who reads a list can have it stand still

const pause = document.querySelector(".pause");
pause.addEventListener("click", () => {
  connection.paused = !connection.paused;
  write(pause, connection.paused ? "Resume" : "Pause");
});

document.querySelector(".foot .theme").addEventListener("click", turnTheme);
document.querySelector(".foot .help").addEventListener("click", showKeys);
