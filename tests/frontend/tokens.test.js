// frontend/js/tokens.js: the token of a login link, whatever characters it has.

import assert from "node:assert/strict";
import { test } from "node:test";

import { tokensIn } from "../../frontend/js/tokens.js";

for (const token of ["a+b/c==", "50%off", "a#b", "a&b=c", "%41", "päss wörd", "é%41", "a"]) {
  test(`${token}, as it is and encoded`, () => {
    assert.ok(tokensIn(new URL(`http://x/#token=${token}`).hash).includes(token));
    assert.equal(tokensIn(`#token=${encodeURIComponent(token)}`)[0], token);
  });
}

test("blanks and newlines around it are no part of it", () => assert.deepEqual(tokensIn("#token=abc%0A"), ["abc", "abc%0A"]));

test("where there is none", () => {
  for (const hash of ["", "#", "#token=", "#job=1"]) assert.deepEqual(tokensIn(hash), []);
});
