// JSON whose numbers JavaScript can't hold, or would write in another way: these stay as they were written. Pure.

// what a number that JavaScript writes in another way looks like; strings that look like one cost time and nothing else
const ODD = /[2-9]\d{15}|\d{17}|\d\.\d{12}|\d{4}\.\d{9}|\d{8}\.\d{5}|\d{12}\.\d|\.\d*0(?!\d)|\.0{6}|\d[eE]|-0(?![.\d])/;
const NUMBERED = /"\d+"\s*:/; // names that JavaScript puts before all others
const JUMP = /["{}[\]]/g;
const WORD = /[-+.\w]+/y;

/** A JSON text that stands for its value: `stringify` writes it as it is. */
export class Raw {
  constructor(text) {
    this.text = text;
  }
}

/** Whether a number in this JSON text may be one that JavaScript writes in another way. */
export const isOdd = (text) => ODD.test(text);

/** Whether JSON.stringify(JSON.parse(text)) has the same numbers and the same order of names. */
export const isPlain = (text) => !isOdd(text) && !NUMBERED.test(text);

/** As JSON.parse, but a number that JavaScript would write in another way is a `Raw`. Raises SyntaxError. */
export function parse(text) {
  const value = JSON.parse(text);
  return isOdd(text) ? new Reader(text).value() : value;
}

/** As JSON.stringify with `indent` spaces, and with `Raw` and BigInt as they are. */
export function stringify(value, indent = 0, line = "\n") {
  if (value instanceof Raw) return value.text;
  if (typeof value === "bigint") return String(value);
  if (value === null || typeof value !== "object" || typeof value.toJSON === "function") return JSON.stringify(value);
  const inner = line + " ".repeat(indent);
  const write = (part) => stringify(part, indent, inner);
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((part) => write(part) ?? "null")
    : Object.entries(value).flatMap(([name, part]) => {
        const text = write(part);
        return text === undefined ? [] : [`${JSON.stringify(name)}:${indent ? " " : ""}${text}`];
      });
  const [open, close] = isList ? "[]" : "{}";
  if (parts.length === 0) return open + close;
  return indent ? `${open}${inner}${parts.join(`,${inner}`)}${line}${close}` : open + parts.join(",") + close;
}

/** `value` with JavaScript's numbers, or what `made(text)` gives, in the place of each `Raw` number. */
export function plain(value, made = JSON.parse) {
  if (value instanceof Raw) return made(value.text);
  if (Array.isArray(value)) return value.map((part) => plain(part, made));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part, made)]));
}

/** As JSON.parse, but an integer that JavaScript's numbers can't hold is a BigInt. Raises SyntaxError. */
export const parseBig = (text) => plain(parse(text), (number) => (/^-?\d+$/.test(number) ? BigInt(number) : JSON.parse(number)));

/** Whether `value` holds a `Raw`. */
export function holdsRaw(value) {
  if (value instanceof Raw) return true;
  return value !== null && typeof value === "object" && Object.values(value).some(holdsRaw);
}

/** The JSON texts of the members of an object's JSON text, by name. */
export function membersOf(text) {
  const reader = new Reader(text);
  const found = new Map();
  reader.object((name) => {
    const start = reader.at;
    reader.skip();
    found.set(name, text.slice(start, reader.at).trim());
  });
  return found;
}

/**
 * A JSON text on lines of its own, indented by two spaces: its numbers and the order of its names as they are. Stops behind `most`
 * characters.
 */
export function pretty(text, most = Infinity) {
  if (most === Infinity && isPlain(text)) return JSON.stringify(JSON.parse(text), null, 2);
  const reader = new Reader(text);
  let made = "";
  let line = "\n";
  while (made.length <= most && reader.peek() !== "") {
    const token = reader.next();
    if (token === "{" || token === "[") {
      const isEmpty = "}]".includes(reader.peek());
      if (!isEmpty) line += "  ";
      made += isEmpty ? token + reader.next() : token + line;
    } else if (token === "}" || token === "]") {
      line = line.slice(0, -2);
      made += line + token;
    } else if (token === ",") made += token + line;
    else if (token === ":") made += ": ";
    else made += token.includes("\\") ? JSON.stringify(JSON.parse(token)) : token;
  }
  return made;
}

/** Reads a text that is known to be JSON, token by token. */
class Reader {
  at = 0;
  #text;

  constructor(text) {
    this.#text = text;
  }

  /** The character that the next token begins with; "" at the end. */
  peek() {
    while (this.at < this.#text.length && " \t\n\r".includes(this.#text[this.at])) this.at += 1;
    return this.#text[this.at] ?? "";
  }

  next() {
    const first = this.peek();
    const start = this.at;
    if (first === '"') this.at = this.#endOfString();
    else if ("{}[],:".includes(first)) this.at += 1;
    else {
      WORD.lastIndex = start;
      WORD.test(this.#text);
      this.at = WORD.lastIndex;
    }
    return this.#text.slice(start, this.at);
  }

  #endOfString() {
    for (let end = this.#text.indexOf('"', this.at + 1); ; end = this.#text.indexOf('"', end + 1)) {
      let before = end;
      while (this.#text[before - 1] === "\\") before -= 1;
      if ((end - before) % 2 === 0) return end + 1;
    }
  }

  value() {
    const first = this.peek();
    if (first === "{") {
      const entries = [];
      this.object((name) => entries.push([name, this.value()]));
      return Object.fromEntries(entries); // "__proto__" is a name like any other
    }
    if (first === "[") {
      const parts = [];
      this.#parts("]", () => parts.push(this.value()));
      return parts;
    }
    const token = this.next();
    const value = JSON.parse(token);
    return typeof value === "number" && String(value) !== token ? new Raw(token) : value;
  }

  /** Call `member(name)` before each value of the object that is next. */
  object(member) {
    this.#parts("}", () => {
      const name = JSON.parse(this.next());
      this.next(); // the colon
      member(name);
    });
  }

  #parts(close, part) {
    this.next();
    while (this.peek() !== close) {
      part();
      if (this.peek() === ",") this.next();
    }
    this.next();
  }

  /** Go behind the next value. */
  skip() {
    let depth = 0;
    if (!"{[".includes(this.peek())) return this.next();
    do {
      JUMP.lastIndex = this.at;
      const { index, 0: found } = JUMP.exec(this.#text);
      this.at = index;
      if (found === '"') this.at = this.#endOfString();
      else {
        this.at += 1;
        depth += found === "{" || found === "[" ? 1 : -1;
      }
    } while (depth > 0);
    return null;
  }
}
