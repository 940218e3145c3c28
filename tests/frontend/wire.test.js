// frontend/js/wire.js: what Socket.IO's own decoder makes of a packet, once a Link has it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Link } from "../../frontend/js/link.js";
import { payload } from "../../frontend/js/wire.js";

// the file that browsers get, which Node would take for CommonJS
const bundle = readFileSync(new URL("../../frontend/node_modules/socket.io-client/dist/socket.io.esm.min.js", import.meta.url));
const { io } = await import(`data:text/javascript;base64,${bundle.toString("base64")}`);

const BIG = "1269943055849660418";
const state = (result, meta = "{}") => `{"id":"a","version":1764460552000000,"completed":10.0,"result":${result},"result_truncated":false,"error":null,"meta":${meta}}`;

/** What the decoder of a real client says of a packet's text. */
function decoded(text) {
  let socket;
  const link = new Link((origin, options) => (socket = io("http://127.0.0.1:9", { ...options, autoConnect: false, forceNew: true })), { random: Math.random, settle() {} });
  link.start({ connect() {}, disconnect() {} });
  let packet = null;
  socket.io.decoder.on("decoded", (one) => (packet = one));
  try {
    socket.io.decoder.add(text);
    return packet;
  } finally {
    link.close();
  }
}

test("a frame's results keep the numbers that JavaScript can't hold beside those that it makes of them", () => {
  const { data } = decoded(`2["jobs",{"topic":"mine","jobs":[${state(BIG)},${state(`{"result":[${BIG}],"x":"${BIG}"}`, '{"n":0.0}')},${state('"x"')}],"snapshot":true}]`);
  const [first, second, third] = data[1].jobs;
  assert.deepEqual(first.exact, { result: BIG });
  assert.equal(first.result, Number(BIG));
  assert.deepEqual(second.exact, { result: `{"result":[${BIG}],"x":"${BIG}"}`, meta: '{"n":0.0}' });
  assert.deepEqual(second.result, { result: [Number(BIG)], x: BIG });
  assert.equal("exact" in third, false);
  assert.deepEqual([first.completed, first.version], [10, 1764460552000000]);
});

test("so do those of an acknowledgement", () => {
  const { data, id } = decoded(`37[{"ok":true,"topics":{"mine":{"jobs":[${state("-0.0")}],"more":false},"stats":{"data":{}},"x":{"error":null}}}]`);
  assert.equal(id, 7);
  assert.deepEqual(data[0].topics.mine.jobs[0].exact, { result: "-0.0" });
});

test("what is no JSON ends the connection, as it did", () => {
  assert.throws(() => decoded('2["jobs",{"jobs":[NaN]}]'), /invalid payload/);
  assert.throws(() => decoded(`2["jobs",{"jobs":[${state("1.0")}]`), /invalid payload/);
});

test("whatever shape a packet has, it is what JSON.parse makes of it", () => {
  for (const text of ["[]", "[1.0]", `["x",{"result":1.0}]`, `[{"topics":{"a":{"result":1.0}}}]`, `["jobs",{"jobs":{"result":1.0}}]`, `[null,{"result":1.0}]`, `["jobs",{"jobs":[1.0,null,{"result":null}]}]`, `["jobs",{"jobs":[null,{"meta":{"a":"x"},"result":1e5}]}]`]) {
    const found = payload(text);
    for (const one of found[1]?.jobs?.filter?.((job) => job?.exact) ?? []) delete one.exact;
    assert.deepEqual(found, JSON.parse(text), text);
  }
});
