// The service worker: shows notifications, those of pages that are hidden and those that are pushed, and leads back.

import { claim } from "./js/told.js";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

// from a hidden page, which has claimed the end
addEventListener("message", (event) => {
  const { notice } = event.data ?? {};
  if (notice) event.waitUntil(show(notice, event.source?.id));
});

// pushed: no page has seen the end
addEventListener("push", (event) => event.waitUntil(tell(event.data?.json())));

async function tell(news) {
  const fresh = await claim(news.ended.map(([id, attempt]) => `${id} ${attempt}`));
  if (fresh.length > 0 || news.ended.length === 0) await show(news);
}

function show({ title, body, id }, page) {
  return registration.showNotification(title, { body, tag: id ?? "headway", data: { id, page } });
}

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

/** Go to the page that it came from, or to any of ours, or to a new one. */
async function open({ id, page }) {
  const pages = await clients.matchAll({ type: "window" });
  const found = pages.find((one) => one.id === page) ?? pages.find((one) => one.focused) ?? pages[0];
  if (found === undefined) return clients.openWindow(id ? `./#job=${id}` : "./");
  await found.focus();
  found.postMessage({ open: id });
}
