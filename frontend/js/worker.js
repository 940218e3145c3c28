// The SharedWorker: the one hub of a browser, and with it its one socket.

import { io } from "../vendor/socket.io.js";
import { HOME } from "./home.js";
import { Hub } from "./hub.js";
import { Serving } from "./serving.js";

const hub = new Hub(io, { url: HOME });
const serving = new Serving(hub);

addEventListener("connect", ({ ports: [port] }) => serving.serve(port));
addEventListener("online", () => hub.wake());
