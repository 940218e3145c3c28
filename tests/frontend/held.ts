// What client.js really has (its types emitted by the compiler into real/), against what client.d.ts says of it.

import * as said from "../../frontend/js/client.js";
import * as real from "./real/client.js";

const names: Record<keyof typeof said, unknown> = real;
const back: Record<keyof typeof real, unknown> = said;
const methods: Record<keyof ReturnType<typeof said.connect>, unknown> = real.connect();
const others: Record<keyof ReturnType<typeof real.connect>, unknown> = said.connect();
export default [names, back, methods, others];
