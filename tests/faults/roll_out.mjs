// The hubs of many pages of one browser, until stdin ends; then one line of what they went through.

import { Ends } from "../../frontend/js/ends.js";
import { Hub } from "../../frontend/js/hub.js";
import { io } from "../../frontend/node_modules/socket.io-client/build/esm/index.js";

const LOOK = 20; // ms between two looks at how old what is shown has become

const [url, cookie, busy, count] = process.argv.slice(2);
const known = new Set();
const claim = async (keys) => keys.filter((key) => !known.has(key) && known.add(key));
const ends = {}; // "id attempt" → how many pages told it
let notLive = 0; // ms, the longest of any page
let oldest = 0; // ms that what any page showed of the busy job was behind
let moves = 0; // times a page came back

class Page {
  constructor() {
    this.since = null; // when it ceased to be live
    this.shown = null; // when what it shows of the busy job was true
    this.hub = new Hub((at, options) => io(at, { ...options, forceNew: true, extraHeaders: { Cookie: cookie } }), { url });
    const told = new Ends(claim, (ids) => this.hub.seen(ids));
    told.listen(({ id, attempt }) => (ends[`${id} ${attempt}`] = (ends[`${id} ${attempt}`] ?? 0) + 1));
    this.hub.hear((message) => told.tell(message));
    this.hub.watch("mine", () => {});
    this.live = new Promise((resolve) => this.hub.addEventListener("change", () => this.change(resolve)));
    this.hub.watch(`job:${busy}`, ({ jobs }) => (this.shown = jobs.get(busy)?.updated_at ?? this.shown));
  }

  change(begin) {
    if (this.hub.state === "live") {
      if (this.since !== null) notLive = Math.max(notLive, Date.now() - this.since);
      this.since = null;
      moves += 1;
      begin();
    } else this.since ??= Date.now();
  }

  look() {
    if (this.shown !== null) oldest = Math.max(oldest, Date.now() - this.shown);
    if (this.since !== null) notLive = Math.max(notLive, Date.now() - this.since);
  }
}

const pages = Array.from({ length: Number(count) }, () => new Page());
await Promise.all(pages.map((page) => page.live));
notLive = moves = 0; // of the roll-out, not of the beginning
setInterval(() => pages.forEach((page) => page.look()), LOOK);
console.log("live");
process.stdin.on("data", () => {}).on("end", () => {
  console.log(JSON.stringify({ not_live: notLive, oldest, moves, ends }));
  process.exit(0);
});
