// News beyond the page: the system's notifications and Web Push, both by the service worker. Only where a person said so.

import { HOME } from "./home.js";
import { wishes } from "./wishes.js";

const DAY = 86_400_000; // ms
const RENEWED = "headway.renewed"; // the day on which it was last registered
const SCRIPT = new URL("service-worker.js", HOME);

/** `granted`, `denied` (for good), `default` (may be asked), or `impossible` in this browser, or over plain HTTP. */
export const permission = () =>
  "Notification" in globalThis && "serviceWorker" in navigator ? Notification.permission : "impossible";

/** Ask, upon a person's click; then have news of ends sent here even when no page is open. Rejects where that fails. */
export async function turnOn() {
  if ((await Notification.requestPermission()) === "granted") await subscribe();
  return permission();
}

/** Register what this browser wishes to be told, where that was not done today: keys and addresses change. */
export async function renew() {
  const today = String(Math.floor(Date.now() / DAY));
  if (permission() !== "granted" || localStorage.getItem(RENEWED) === today) return;
  await subscribe();
  localStorage.setItem(RENEWED, today);
}

/** Have the next page register anew: a login and a logout each begin a new owner. */
export const forget = () => localStorage.removeItem(RENEWED);

/** Register what this browser wishes to be told, if it may be told at all. */
export async function subscribe() {
  if (permission() !== "granted") return;
  const registration = await register();
  if (!("pushManager" in registration)) return;
  const { key } = await call("GET");
  const options = { userVisibleOnly: true, applicationServerKey: bytes(key) };
  const subscription = await subscribed(registration.pushManager, options);
  await call("PUT", { subscription: subscription.toJSON(), ...wishes() });
}

/** A subscription with this key at a service that is there. */
async function subscribed(manager, options) {
  let found = await manager.subscribe(options).catch(() => null); // null: there is one with another key
  if (found === null || isGone(found)) {
    await (await manager.getSubscription())?.unsubscribe();
    found = await manager.subscribe(options);
  }
  if (isGone(found)) throw new Error("This browser's push service has gone; restart the browser, and turn it on again");
  return found;
}

/** Whether the browser says, by a name that can't exist, that its push service has dropped it. */
const isGone = ({ endpoint }) => new URL(endpoint).hostname.endsWith(".invalid");

/** Show `notice` {title, body, id} as the system does. */
export async function notify(notice) {
  if (permission() !== "granted") return;
  try {
    const { active } = await register();
    active?.postMessage({ notice });
  } catch {
    // a page of another origin, or a browser whose service workers are no modules: it leads nowhere, but it is told
    new Notification(notice.title, { body: notice.body, tag: notice.id ?? "headway" });
  }
}

async function register() {
  await navigator.serviceWorker.register(SCRIPT, { type: "module" });
  return navigator.serviceWorker.ready;
}

async function call(method, body) {
  const response = await fetch(new URL("api/push", HOME), {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}

/** The bytes of base64url. */
function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}
