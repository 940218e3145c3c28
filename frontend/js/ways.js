// The ways from a page to a hub: a SharedWorker, a tab that leads, a hub of its own; the first that works is taken.

import { HOME } from "./home.js";
import { Leader, portOver } from "./leader.js";
import { Serving } from "./serving.js";

const VERSION = 1; // of what is said over the ports: pages of before and after an update don't share a worker

/** The ways to the installation at `url`, the best first. See RemoteHub. */
export function waysTo(url) {
  const load = async () => {
    const [{ io }, { Hub }] = await Promise.all([import("../vendor/socket.io.js"), import("./hub.js")]);
    return new Hub(io, { url });
  };
  return [overWorker(url), overLeader(url, load), alone(load)];
}

function overWorker(url) {
  const script = new URL("./worker.js", import.meta.url);
  return (hear, fail, lost) => {
    // a worker of another origin can't be had, and it knows the installation it is from, and no other
    const isOwn = script.origin === globalThis.location.origin && HOME === new URL(`${url}/`).href;
    if (!isOwn) throw new Error("a page, or a server, of another origin");
    // one that is being ended is found under its name for as long as that takes; all tabs go on to the same next name
    const name = lost > 1 ? `headway ${VERSION} ${lost}` : `headway ${VERSION}`;
    const worker = new SharedWorker(script, { type: "module", name });
    worker.onerror = fail;
    worker.port.onmessage = ({ data }) => hear(data);
    return { post: (message) => worker.port.postMessage(message), close: () => worker.port.close() };
  };
}

function overLeader(url, load) {
  const name = `headway ${VERSION} ${url}`;
  let leader = null;
  return (hear, fail, lost) => {
    leader ??= new Leader(name, load);
    const port = portOver(name, hear);
    // who leads does not answer: a page in sight takes over, others wait until it is gone
    leader.stand({ steal: lost > 0 && !document.hidden });
    const close = () => {
      port.close();
      leader.leave();
    };
    return { post: port.post, close };
  };
}

function alone(load) {
  return (hear, fail) => {
    const { port1, port2 } = new MessageChannel();
    const hub = load();
    let isOver = false;
    hub.then((loaded) => isOver || new Serving(loaded).serve(port2)).catch(fail);
    port1.onmessage = ({ data }) => hear(data);
    const close = () => {
      isOver = true;
      port1.close();
      port2.close(); // what waits there would open the hub again
      hub.then((loaded) => loaded.close()).catch(() => {}); // it never was
    };
    return { post: (message) => port1.postMessage(message), close };
  };
}
