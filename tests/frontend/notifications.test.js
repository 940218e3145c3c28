import assert from "node:assert/strict";
import { test } from "node:test";

import { subscribe } from "../../frontend/js/notifications.js";

const GONE = "https://permanently-removed.invalid/fcm/send/a";
const THERE = "https://push.example/a";

/** A browser whose push service gives these endpoints, one after the other; null: it refuses. */
function browser(...endpoints) {
  const told = { left: 0, sent: [] };
  let held = null;
  const pushManager = {
    subscribe: async () => {
      const endpoint = endpoints.shift();
      if (endpoint === null) throw new Error("there is one with another key");
      held = { endpoint, toJSON: () => ({ endpoint }), unsubscribe: async () => { told.left += 1; } };
      return held;
    },
    getSubscription: async () => held ?? { unsubscribe: async () => { told.left += 1; } },
  };
  const serviceWorker = { register: async () => {}, ready: Promise.resolve({ pushManager }) };
  Object.defineProperty(globalThis, "navigator", { value: { serviceWorker }, configurable: true });
  globalThis.Notification = { permission: "granted" };
  globalThis.localStorage = { getItem: () => null };
  globalThis.fetch = async (_, { method, body }) => {
    if (method === "PUT") told.sent.push(JSON.parse(body).subscription.endpoint);
    return { ok: true, json: async () => ({ key: "BAAA" }) };
  };
  return told;
}

test("a subscription is registered as it is", async () => {
  const told = browser(THERE);
  await subscribe();
  assert.deepEqual(told, { left: 0, sent: [THERE] });
});

test("one whose service has dropped it is given up, and another one is made", async () => {
  const told = browser(GONE, THERE);
  await subscribe();
  assert.deepEqual(told, { left: 1, sent: [THERE] });
});

test("one with another key makes room for ours", async () => {
  const told = browser(null, THERE);
  await subscribe();
  assert.deepEqual(told, { left: 1, sent: [THERE] });
});

test("where the service has gone for good, a sentence says so, and nothing is registered", async () => {
  const told = browser(GONE, GONE);
  await assert.rejects(subscribe(), /push service has gone/);
  assert.deepEqual(told.sent, []);
});
