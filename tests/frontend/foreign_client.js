// npm's own socket.io-client, which knows nothing of Headway, and prints what it met as one JSON object.
//   node foreign_client.js <url> follow <topic>   watches a job to its end
//   node foreign_client.js <url> part             is refused, answered and closed, and comes back
//   node foreign_client.js <url> stay             prints a line once it is connected, and ends when it has come back
//   node foreign_client.js <url> newcomer         meets what default options, all transports and a wrong token meet

import { io } from "../../frontend/node_modules/socket.io-client/build/esm/index.js";

const [url, what, topic] = process.argv.slice(2);
const met = (socket, event) => new Promise((resolve) => socket.once(event, resolve));

const closed = (socket) =>
  new Promise((resolve) =>
    socket.once("disconnect", (reason, details) =>
      resolve({ reason, code: details?.context?.code, why: details?.context?.reason }),
    ),
  );

const connect = (path = "") => io(url + path, { transports: ["websocket"], reconnectionDelay: 10 });

async function follow() {
  const socket = connect();
  const last = new Promise((resolve) => {
    const look = (jobs) => jobs.filter((state) => state.status === "finished").forEach(resolve);
    socket.on("jobs", ({ jobs }) => look(jobs));
    socket.on("connect", () => socket.emit("watch", { topics: [topic] }, (ack) => look(ack.topics[topic].jobs)));
  });
  const state = await last;
  socket.disconnect();
  return state;
}

async function part() {
  const refused = connect("/random");
  const { message } = await met(refused, "connect_error");
  refused.disconnect();

  const socket = connect();
  await met(socket, "connect");
  const first = socket.id;
  const ack = await socket.emitWithAck("watch", { topics: ["nonsense"] });
  const unknown = await socket.emitWithAck("dance");

  const end = closed(socket);
  socket.emit("watch", new Uint8Array([1, 2, 3])); // binary, which the server refuses
  const byServer = await end;
  await met(socket, "connect");
  const back = socket.id !== first;
  const again = await socket.emitWithAck("unwatch", { topics: [] });

  const left = met(socket, "disconnect");
  socket.disconnect();
  const byClient = await left;
  socket.connect();
  await met(socket, "connect");
  socket.disconnect();
  return { message, ack, unknown, byServer, back, again, byClient };
}

async function stay() {
  const socket = connect();
  await met(socket, "connect");
  const end = closed(socket);
  console.log("connected");
  const byServer = await end;
  await met(socket, "connect");
  const ack = await socket.emitWithAck("watch", { topics: [] });
  socket.disconnect();
  return { byServer, ack };
}

async function newcomer() {
  const lost = io(url);
  // read at once: the library empties the request afterwards
  const said = await new Promise((resolve) =>
    lost.once("connect_error", ({ context }) => resolve(JSON.parse(context.responseText))),
  );
  lost.disconnect();

  const found = io(url, { tryAllTransports: true, forceNew: true });
  await met(found, "connect");
  const transport = found.io.engine.transport.name;
  found.disconnect();

  const wrong = io(url, { transports: ["websocket"], forceNew: true, auth: { token: "wrong" } });
  const { message, data } = await met(wrong, "connect_error");
  wrong.disconnect();
  return { said, transport, refused: { message, data } };
}

console.log(JSON.stringify(await { follow, part, stay, newcomer }[what]()));
