// How many ends were told while nobody looked: in the title and the icon of every tab, until somebody looks at one.

const SHOWN = 99;

let count = 0;
let counting = false;
let channel = null;
let plainIcon = null;

/** Count `more` ends that came while this tab was hidden. */
export function addUnseen(more = 1) {
  show(count + more);
  channel?.postMessage(count);
}

/** Share the count with the other tabs; it is gone as soon as any of them is looked at. */
export function startCounting() {
  if (counting || typeof BroadcastChannel === "undefined") return;
  counting = true;
  document.addEventListener("visibilitychange", look);
  addEventListener("pageshow", open);
  // what is said to a page that is put aside would have it thrown away
  addEventListener("pagehide", () => {
    channel?.close();
    channel = null;
  });
  open();
}

function open() {
  if (channel !== null) return;
  channel = new BroadcastChannel("headway unseen");
  channel.onmessage = ({ data }) => show(data);
  look();
}

function look() {
  if (document.hidden) return;
  show(0);
  channel?.postMessage(0);
}

function show(next) {
  if (next === count) return;
  count = next;
  document.title = (count > 0 ? `(${count}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  const link = document.querySelector('link[rel="icon"]');
  if (link === null) return;
  plainIcon ??= link.href;
  link.href = count > 0 ? iconWith(count) : plainIcon;
}

/** A red disc with a number, as the address of an SVG. */
function iconWith(number) {
  const text = number > SHOWN ? `${SHOWN}+` : String(number);
  const size = [0, 22, 18, 13][text.length];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="16" fill="#b91c1c"/>
    <text x="16" y="23" text-anchor="middle" font-family="system-ui,sans-serif" font-weight="700" font-size="${size}" fill="#fff">${text}</text></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
