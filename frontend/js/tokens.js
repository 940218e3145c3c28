// The token in the fragment of a login link, in all the ways that it may stand there. Pure.

const NAME = "token=";
const BY_BROWSER = /(?:%(?:20|22|3C|3E|60|[89A-F][0-9A-F]))+/g; // what it encodes of a fragment by itself

/**
 * What the token of `hash` ("#token=…") may be, the likeliest first; [] where there is none. A link that was made by a program has it
 * encoded, one that was put together by hand has it as it is: with + and = of base64, % or #.
 */
export function tokensIn(hash) {
  const text = hash.replace(/^#/, "");
  if (!text.startsWith(NAME)) return [];
  const plain = text.slice(NAME.length);
  return [...new Set([decoded(plain), plain.replace(BY_BROWSER, decoded)].map((token) => token.trim()))].filter((token) => token !== "");
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
