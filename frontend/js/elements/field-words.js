// Says what is wrong with a field, in a sentence for a person. Pure; loaded with the first error.

const WORDS = [
  [/^a valid integer, got a number with a fractional part/, "Enter a whole number"],
  [/^a valid integer/, "Enter a whole number"],
  [/^(?:a valid|a finite) (?:number|decimal)/, "Enter a number"],
  [/^greater than or equal to (.+)$/, "Enter $1 or more"],
  [/^less than or equal to (.+)$/, "Enter $1 or less"],
  [/^greater than (.+)$/, "Enter more than $1"],
  [/^less than (.+)$/, "Enter less than $1"],
  [/^a multiple of (.+)$/, "Enter a multiple of $1"],
  [/^a valid boolean/, "Choose yes or no"],
  [/^a valid (?:string|bytes)/, "Enter text"],
  [/^(?:String|Data|Value|Bytes) should have at (least|most) (\d+) (characters?|bytes?)/, "Enter at $1 $2 $3"],
  [/^\w+ should have at (least|most) 1 item\b/, "Enter at $1 1 entry"],
  [/^\w+ should have at (least|most) (\d+) items?\b/, "Enter at $1 $2 entries"],
  [/^String should match pattern '(.*)'$/s, "Enter text of the form $1 (a regular expression)"],
  [/^Input is not a valid IPv4 (?:network|interface)/, "Enter an IPv4 network, such as 192.0.2.0/24"],
  [/^Input is not a valid IPv6 (?:network|interface)/, "Enter an IPv6 network, such as 2001:db8::/32"],
  [/^Input is not a valid IPv4/, "Enter an IPv4 address, such as 192.0.2.1"],
  [/^Input is not a valid IPv6/, "Enter an IPv6 address, such as 2001:db8::1"],
  [/^a valid datetime/, "Enter a date and a time"],
  [/^a valid date/, "Enter a date, such as 2026-11-30"],
  [/^in a valid time format/, "Enter a time, such as 18:30"],
  [/^a valid timedelta/, "Enter a duration, such as 1:30:00"],
  [/^a valid UUID/, "Enter a UUID"],
  [/^a valid URL|^URL scheme/, "Enter a whole address, such as https://example.com/"],
  [/^a valid (?:list|tuple|set|frozenset)/, "Enter a list"],
  [/^a valid dictionary|^an object\b/, "Enter a JSON object, such as {\"name\": \"Ada\"}"],
  [/^None$/, "Leave this empty"],
  [/^\w+ should be (in the (?:past|future))$/, "Enter a time $1"],
  [/^Decimal input should have (.+)$/, "Enter a number with $1"],
  [/^('.*'|-?\d[\d.]*|True|False|.+ or .+)$/, "Choose $1"],
];

/** `expected` and `got` as the API names them of a field, as a sentence. */
export function sentence({ expected, got }) {
  if (expected === "a value" && got === "nothing") return "This is required.";
  if (expected === "no field of this name") return "There is no such field.";
  const [pattern, words] = WORDS.find(([one]) => one.test(expected)) ?? [/(.*)/s, "Expected $1"];
  const parts = pattern.exec(expected);
  const said = words.replace(/\$(\d)/g, (_, number) => parts[number]);
  return got === "" || got === '""' ? `${said}.` : `${said}, not ${got}.`;
}

/** The sentence of an error at `path` ("0", "size.width") inside of a field; `lines`: whether each entry is one line. */
export function placed(path, wrong, lines) {
  const said = sentence(wrong);
  if (path === "") return said;
  if (lines && /^\d+$/.test(path)) return `Line ${Number(path) + 1}: ${said}`;
  return said === "This is required." ? `${path} is missing.` : `${path}: ${said}`;
}
