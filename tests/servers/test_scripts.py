"""Every script of ours uses what Redis 6.2 knows and no server's sandbox hides; read from their texts."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# of https://redis.io/docs/latest/commands as they were in 6.2, as far as scripts use them
COMMANDS = set(
    "DEL EXISTS EXPIRE EXPIREAT GET HDEL HEXISTS HGET HGETALL HINCRBY HLEN HMGET HSET INCRBY LLEN LPOP LPOS"
    " LPUSH LRANGE LREM LTRIM DECR DECRBY HSETNX INCR PERSIST PEXPIRE PTTL PUBLISH RPUSH SADD SCARD SET"
    " SISMEMBER SMEMBERS SRANDMEMBER SREM TIME TTL TYPE ZADD ZCARD"
    " ZCOUNT ZRANGE ZRANGEBYSCORE ZREM ZREVRANGEBYSCORE ZSCORE".split()
)
OPTIONS: dict[str, set[str]] = {"ZADD": {"NX"}, "SET": {"EX", "PX", "NX"}}
OPTIONS |= {name: set() for name in ("EXPIRE", "EXPIREAT", "LPOP", "ZRANGE")}
OPTIONS |= {name: {"WITHSCORES", "LIMIT"} for name in ("ZRANGEBYSCORE", "ZREVRANGEBYSCORE")}
# globals of both sandboxes, 6.2's and 7.0's: there is no os, io, require, loadstring or print
GLOBALS = set(
    "ARGV KEYS cjson error ipairs math next pairs pcall redis select string table tonumber tostring type unpack".split()
)
MEMBERS = {
    "cjson": {"decode", "encode"},
    "math": {"ceil", "floor", "log", "max", "min"},
    "redis": {"LOG_WARNING", "call", "log", "pcall"},
    "string": {"find", "format", "gmatch", "gsub", "lower", "match", "rep", "sub", "upper"},
    "table": {"concat", "insert", "remove", "sort"},
}
KEYWORDS = set(
    "and break do else elseif end false for function if in local nil not or repeat return then true until while".split()
)
TOKEN = re.compile(
    r"""--\[\[.*?\]\]|--[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[A-Za-z_]\w*|\d[\w.]*|\.\.\.?|==|\S""", re.S
)


def scripts() -> dict[str, str]:
    """The texts of each module that hands some to redis-py's Script, or loads them itself, by their names there."""
    found = {}
    for folder in ("workers", "realtime"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "Script(" not in path.read_text():
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for constant, text in vars(import_module(name)).items():
                if constant.isupper() and isinstance(text, str) and "redis.call" in text:
                    found[f"{name}.{constant}"] = text
    return found


SCRIPTS = scripts()


def tokens(text: str) -> list[str]:
    return [token for token in TOKEN.findall(text) if not token.startswith("--")]


def declared(words: list[str]) -> set[str]:
    """All names that are local somewhere: variables, functions, parameters and those of loops."""
    names: set[str] = set()
    for at, word in enumerate(words):
        rest = words[at + 1 :]
        if word in ("local", "for"):
            names |= set(listed(rest[1:] if rest[0] == "function" else rest))
        elif word == "function":
            opened = rest.index("(")
            names |= set(listed(rest[opened + 1 :]))
    return names


def listed(words: list[str]) -> list[str]:
    """The names with commas between them that `words` begin with."""
    names = []
    for name, comma in zip(words[::2], [*words[1::2], ""], strict=False):
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            break
        names.append(name)
        if comma != ",":
            break
    return names


def test_all_scripts_are_looked_at() -> None:
    modules = {name.rpartition(".")[0] for name in SCRIPTS}
    calls = {"workers.channel", "workers.comparison", "workers.log_lines", "workers.slices", "workers.store"}
    assert calls <= modules
    using = [path for path in (ROOT / "workers").rglob("*.py") if re.search(r"\bScript\(|\.eval\(", path.read_text())]
    assert {path.stem for path in using} == {module.rpartition(".")[2] for module in modules}


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_command_is_newer_than_6_2(name: str) -> None:
    words = tokens(SCRIPTS[name])
    calls = {"call", "pcall", "put", "told_by"}  # redis's, and those of ours that pass a command on
    given = [at for at, word in enumerate(words) if word in calls and words[at + 1] == "(" and words[at + 2][0] == "'"]
    assert given
    for at in given:
        command = words[at + 2].strip("'")
        assert command in COMMANDS, command
        options = {word.strip("'") for word in arguments(words[at + 3 :]) if re.fullmatch(r"'[A-Z]{2,}'", word)}
        assert options <= OPTIONS.get(command, options), (command, options)


def arguments(words: list[str]) -> list[str]:
    """Up to the bracket that ends the call."""
    depth = 1
    for at, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0:
            return words[:at]
    raise AssertionError("the call has no end")


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_global_is_used_that_a_sandbox_lacks_and_none_is_made(name: str) -> None:
    words = ["", *tokens(SCRIPTS[name]), ""]
    known = declared(words) | GLOBALS | KEYWORDS
    for before, word, after in zip(words, words[1:], words[2:], strict=False):
        if not re.fullmatch(r"[A-Za-z_]\w*", word) or word in KEYWORDS or before == ".":
            continue
        is_key = before in ("{", ",") and after == "="  # of a table
        assert word in known or is_key, f"{word!r} is no local, and no global of Redis 6.2"
    for library, member in re.findall(r"\b(cjson|math|redis|string|table|os|io|bit|struct)\.(\w+)", SCRIPTS[name]):
        assert member in MEMBERS.get(library, ()), f"{library}.{member}"


BROKEN = {
    "a command of 7.0": ("redis.call('EXPIRETIME', KEYS[1])", test_no_command_is_newer_than_6_2),
    "an option of 7.0": ("redis.call('EXPIRE', KEYS[1], 1, 'NX')", test_no_command_is_newer_than_6_2),
    "an option that is not listed": ("redis.call('SET', KEYS[1], 1, 'GET')", test_no_command_is_newer_than_6_2),
    "os": ("local clock = os.clock", test_no_global_is_used_that_a_sandbox_lacks_and_none_is_made),
    "a global of ours": ("found = 1", test_no_global_is_used_that_a_sandbox_lacks_and_none_is_made),
    "table.unpack": ("return table.unpack({})", test_no_global_is_used_that_a_sandbox_lacks_and_none_is_made),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_too_new_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, look = BROKEN[what]
    monkeypatch.setitem(SCRIPTS, "broken", text)
    with pytest.raises(AssertionError):
        look("broken")
