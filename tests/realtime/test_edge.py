"""The edge as a whole is in tests/hostile; here: what it takes from settings."""

from dataclasses import replace
from typing import Any

from realtime.edge import Edge, Hands
from workers.settings import Settings


def test_limits_are_those_of_the_settings_within_what_the_system_allows(settings: Settings) -> None:
    def nobody(*_: Any) -> Any: ...

    hands = Hands(nobody, nobody, nobody, nobody, nobody)
    chosen = replace(settings, max_connections=1000, max_per_address=100)
    assert (Edge(chosen, 10_000, hands).gate.most, Edge(chosen, 10_000, hands).gate.most_of_one) == (1000, 100)
    assert Edge(chosen, 512, hands).gate.most == 384
    assert Edge(settings, 512, hands).gate.most_of_one == 288
