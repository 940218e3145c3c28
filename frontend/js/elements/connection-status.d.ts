// The types of connection-status.js: <connection-status>, with the attribute `state`.

import type { Client } from "../client.js";

export class ConnectionStatus extends HTMLElement {
  static define(tag?: string, client?: Pick<Client, "connection">): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "connection-status": ConnectionStatus;
  }
}
