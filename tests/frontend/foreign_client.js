// npm's own socket.io-client, which knows nothing of Headway: watches a job to its end and prints its last state.

import { io } from "../../frontend/node_modules/socket.io-client/build/esm/index.js";

const [url, topic] = process.argv.slice(2);
const socket = io(url, { transports: ["websocket"], reconnection: false });

function look(state) {
  if (state.status !== "finished") return;
  console.log(JSON.stringify(state));
  socket.disconnect();
}

socket.on("connect_error", (error) => {
  console.error(error);
  process.exit(1);
});
socket.on("jobs", ({ jobs }) => jobs.forEach(look));
socket.on("connect", () => socket.emit("watch", { topics: [topic] }, (ack) => ack.topics[topic].jobs.forEach(look)));
