"""Pseudo-random numbers computed in SQL from (seed, stream, row), equal on every engine version.

DuckDB's own `hash()` and `random()` may change between versions or with the number of threads;
plain integer arithmetic does not.
"""

import hashlib
from collections.abc import Sequence

_RANGE = 1 << 32

# Multiply and fold the upper bits down, twice: neighbouring rows come out unrelated.
# All products stay below 2^63, where DuckDB would raise an overflow.
MACROS = (
    "create macro fold(h) as (xor(h, h >> 16) * 73244475) & 4294967295",
    "create macro mix(row_key, a, b) as fold(fold((row_key::bigint * a + b) & 4294967295))",
)


class Draws:
    """SQL expressions that draw from named streams.

    Args:
        seed: Equal seeds give equal draws.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def _mix(self, stream: str, key: str) -> str:
        digest = hashlib.sha256(f"{self._seed}:{stream}".encode()).digest()
        factor = int.from_bytes(digest[:4]) >> 1 | 1
        return f"mix({key}, {factor}, {int.from_bytes(digest[4:8])})"

    def unit(self, stream: str, key: str) -> str:
        """A double from 0 to below 1; `key` is SQL for an integer from 0 to below 2^32."""
        return f"({self._mix(stream, key)} / {_RANGE}.0)"

    def between(self, stream: str, key: str, low: int, high: int) -> str:
        """An integer from `low` to `high`, both included."""
        return f"({low} + ({self._mix(stream, key)} * {high - low + 1} >> 32)::integer)"

    def chance(self, stream: str, key: str, probability: float) -> str:
        """True in the given share of the rows."""
        return f"({self._mix(stream, key)} < {round(probability * _RANGE)})"

    def pick(self, stream: str, key: str, values: Sequence[str]) -> str:
        """One of the texts, each as likely as it is often listed."""
        return f"{texts(values)}[{self.between(stream, key, 1, len(values))}]"


def texts(values: Sequence[str]) -> str:
    """A SQL list of texts."""
    quoted = ("'" + value.replace("'", "''") + "'" for value in values)
    return "[" + ", ".join(quoted) + "]"
