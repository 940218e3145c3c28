// A table whose rows are changed in place: made once for each key, cells written where they differ.

import { element, write } from "../progress-view.js";

export class Table {
  #columns;
  #rows = new Map(); // key → {row, cells}
  #body = element("tbody");

  /**
   * Fill `table`. `columns`: [{name, number?, show(item, cell)}]; `show` returns text, or fills the cell itself and
   * returns nothing.
   */
  constructor(table, columns) {
    this.#columns = columns;
    const heads = element("tr");
    for (const { name, number } of columns) {
      const head = element("th", number ? "number" : "", name);
      if (name === "") head.append(element("span", "sr-only", "Actions"));
      head.scope = "col";
      heads.append(head);
    }
    const top = element("thead");
    top.append(heads);
    table.replaceChildren(top, this.#body);
  }

  /** Show `items`, in their order; `keyOf` tells one from another. Returns their rows by key. */
  paint(items, keyOf) {
    const keys = new Set(items.map(keyOf));
    for (const [key, { row }] of this.#rows) {
      if (keys.has(key)) continue;
      row.remove();
      this.#rows.delete(key);
    }
    items.forEach((item, position) => {
      const { row, cells } = this.#row(keyOf(item));
      if (this.#body.children[position] !== row) this.#body.insertBefore(row, this.#body.children[position] ?? null);
      this.#columns.forEach(({ show }, index) => {
        const text = show(item, cells[index]);
        if (text !== undefined) write(cells[index], text === null ? "–" : String(text));
      });
    });
    return new Map([...this.#rows].map(([key, { row }]) => [key, row]));
  }

  #row(key) {
    if (!this.#rows.has(key)) {
      const row = element("tr");
      const cells = this.#columns.map(({ number }) => element("td", number ? "number" : ""));
      row.append(...cells);
      this.#rows.set(key, { row, cells });
    }
    return this.#rows.get(key);
  }
}
