"""How much people may take up who are no operators: the table of all such limits, and who is counted. No I/O.

Cookies are free, so an owner is not all that counts: an address counts too (IPv6 by /64), and all strangers together.
Operators are not counted. docs/design.md has the same table for readers.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from workers.wire import OTHERS_QUEUE

KIB: Final = 1024
MIB: Final = 1024 * KIB
DAY: Final = 24 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that one owner, one address and all strangers together may have. None: not limited in this way."""

    owner: int | None
    address: int | None
    strangers: int | None


SUBMITS: Final = Limit(20, 50, None)  # a second; a bulk submit is one of them
JOBS: Final = Limit(20_000, 10_000, 100_000)  # that wait; a bulk submit has one for each of its arguments
BYTES: Final = Limit(32 * MIB, 64 * MIB, 256 * MIB)  # of arguments that wait, and of ids that actions name
ACTIONS: Final = Limit(20, 50, 1_000)  # on many jobs, that wait
KEYS: Final = Limit(10_000, 20_000, 200_000)  # new Idempotency-Keys a day, for which each is remembered
BROWSERS: Final = Limit(20, 100, 20_000)  # that want pushes; of one owner the oldest goes, others are refused
ID_SIZE: Final = 64  # bytes that one id of an action takes in Redis
SMALL: Final = KIB  # bytes of arguments that count as none: the number of jobs limits those, and it costs Redis less

STRANGERS: Final = "strangers"
COUNTED: Final = "*"  # the mark of a job that counts for its owner and for all strangers, and for no address


@dataclass(frozen=True, slots=True)
class Payer:
    """Who sent a request, as far as it is counted."""

    owner: str
    address: str = ""  # a digest of the address; '' = it is not counted
    stranger: bool = True  # False: an operator's token vouches for it, so it counts for its owner alone

    @property
    def mark(self) -> str:
        """What a job keeps of it."""
        return (self.address or COUNTED) if self.stranger else ""

    def accounts(self, limit: Limit) -> list[tuple[str, int]]:
        """What is counted for it by name, each with its limit; the narrowest first."""
        named = [(f"owner:{self.owner}", limit.owner)]
        if self.stranger:
            named += [(f"address:{self.address}", limit.address)] if self.address else []
            named += [(STRANGERS, limit.strangers)]
        return [(name, most) for name, most in named if most is not None]


def waiting_key(account: str, *, action: bool = False) -> str:
    """The set of what waits of one account, `<id> <size>` each."""
    return f"headway:waiting:{'actions:' if action else ''}{account}"


def meta_of(payer: Payer | None) -> dict[str, str]:
    """What RQ's record of a job keeps of whom it counts for."""
    return {} if payer is None else {"from": payer.mark}


def counted(meta: Any, length: int) -> dict[str, Any]:
    """What a job's state keeps of it: for whom it counts, and with how many bytes. {}: for nobody."""
    mark = meta.get("from") if isinstance(meta, dict) else None
    if not isinstance(mark, str) or not re.fullmatch(r"[0-9a-f]{0,32}|\*", mark):
        return {}
    size = meta.get("size")
    return {"from": mark, "size": size if isinstance(size, int) and size >= 0 else size_of(length)}


def size_of(length: int) -> int:
    """How many bytes count for a job whose task and arguments take so many."""
    return length if length > SMALL else 0


BYTES_KEY: Final = "headway:waiting:bytes"  # a hash: account → bytes

# for the script of states (workers/script.py): what waits is counted in the very step in which it begins or ceases to
# wait. The sets are what counts, and the bytes follow them, so that neither can drift by saying the same thing twice
CHARGE: Final = f"""
local function charge(state, before, after)
  local was, is = WAITING[before], WAITING[after]
  if not state.from or was == is then return end
  local mark, size = bare(state.from), state.size or '0'
  local accounts = {{'owner:' .. state.owner}}
  if mark ~= '' then accounts[2] = '{STRANGERS}' end
  if mark ~= '' and mark ~= '{COUNTED}' then accounts[3] = 'address:' .. mark end
  local kind = state.queue == '"{OTHERS_QUEUE}"' and 'actions:' or ''
  local member = id .. ' ' .. size
  for _, account in ipairs(accounts) do
    if redis.call(is and 'SADD' or 'SREM', 'headway:waiting:' .. kind .. account, member) == 1 then
      local left = size ~= '0' and redis.call('HINCRBY', '{BYTES_KEY}', account, is and size or '-' .. size)
      if left and left <= 0 then redis.call('HDEL', '{BYTES_KEY}', account) end
    end
  end
end
"""
