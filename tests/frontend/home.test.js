// frontend/js/home.js: modules find their installation, wherever a page had them from.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

const folder = mkdtempSync(join(tmpdir(), "home-"));
after(() => rmSync(folder, { recursive: true }));

for (const [below, home] of [["js", ""], ["v/0123abcd/js", ""], ["jobs/js", "jobs/"], ["jobs/v/0123abcd/js", "jobs/"], ["v/x/js", "v/x/"]]) {
  test(`${below}/home.js is of the installation at /${home}`, async () => {
    const path = join(folder, below, "home.js");
    cpSync(new URL("../../frontend/js/home.js", import.meta.url), path);
    const { HOME } = await import(pathToFileURL(path));
    assert.equal(HOME, `${pathToFileURL(folder).href}/${home}`);
  });
}
