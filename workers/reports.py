"""The part of the Lua script that takes what a running job reports of itself, up to 20 times a second. No I/O."""

from typing import Final

from workers.wire import FIELDS

REPORTED: Final = ("completed", "total", "unit", "description", "meta")  # what a job reports of itself


def _lua_list(names: tuple[str, ...]) -> str:
    return "{" + ",".join(f"'{name}'" for name in names) + "}"


def lua_body(value: str) -> str:
    """The JSON of a whole state as one concatenation; `value` is the expression of a field, by its name and place."""
    fields = [f'"{name}":' + "' .. " + value.format(name=name, at=at) for at, name in enumerate(FIELDS, 1)]
    return "'{" + " .. ',".join(fields) + " .. '}'"


def _at(name: str) -> str:
    """The place of a field in what HMGET answers."""
    return f"state[{FIELDS.index(name) + 1}]"


# what a running job tells, up to 20 times a second: apart, since making the tables of all else ready costs as much
REPORT: Final = (
    f"""
local function report()
  local state = redis.pcall('HMGET', KEYS[1], {_lua_list(FIELDS)[1:-1]}, 'owner')
  local status = {_at("status")}
  if state.err or not status then return {{'refused', 'unknown'}} end
  for at = 1, {len(FIELDS) + 1} do if not state[at] then return {{'refused', 'unreadable'}} end end
  if status ~= '"started"' and status ~= '"lost"' then return {{'refused', 'ended'}} end
  if {_at("attempt")} ~= ARGV[4] then return {{'refused', 'attempt'}} end
  local given = {{}}
  for i = 7, #ARGV, 2 do given[ARGV[i]] = ARGV[i + 1] end

  -- within one attempt and unit a bar never falls
  local completed = tonumber(given.completed)
  if completed and given.unit == {_at("unit")} and completed < (tonumber({_at("completed")}) or completed) then
    given.completed, given.total = nil, nil
  end

  local moved = false
"""
    + "".join(
        f"  if given.{name} and given.{name} ~= {_at(name)} then {_at(name)}, moved = given.{name}, true end\n"
        for name in REPORTED
    )
    + f"""
  if not moved then return {{'unchanged', 'same'}} end
  local time = redis.call('TIME')
  local micros = time[1] * 1000000 + time[2]
  local version = tonumber({_at("version")}) or 0
  if not (version < 2 ^ 53 - 1) then version = 0 end
  {_at("version")} = string.format('%.0f', math.max(version + 1, micros))
  {_at("updated_at")} = string.format('%.0f', math.floor(micros / 1000))
  redis.call('HSET', KEYS[1], {", ".join(f"'{name}', {_at(name)}" for name in ("version", "updated_at", *REPORTED))})
  local owner = state[{len(FIELDS) + 1}]
  local body = {lua_body("state[{at}]")}
  redis.call('PUBLISH', ARGV[6], '{{"owner":"' .. owner .. '","state":' .. body .. '}}')
  return {{'written', {_at("version")}, ARGV[4]}}
end
"""
)
