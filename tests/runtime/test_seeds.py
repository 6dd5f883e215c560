"""Draws depend on their address alone."""

from __future__ import annotations

import threading

import pytest

from kgc.compiler.errors import ArgumentError
from kgc.runtime import seeds


def numbers(*address: str | int) -> list[float]:
    return seeds.generator(*address).random(3).tolist()


def test_an_address_has_one_draw_whatever_else_was_drawn() -> None:
    seeds.set_seed(5)
    first = numbers("weight", "dense", 0)
    numbers("weight", "other")
    assert numbers("weight", "dense", 0) == first
    seeds.set_seed(6)
    assert numbers("weight", "dense", 0) != first


def test_addresses_are_told_apart() -> None:
    seeds.set_seed(5)
    addresses = [("a", "b"), ("ab",), ("b", "a"), ("a", 1), ("a", "1"), ("a", -1), ("a",), ()]
    drawn = {tuple(numbers(*address)) for address in addresses}
    assert len(drawn) == len(addresses)


def test_the_draw_of_an_address_is_the_same_in_every_process_and_version() -> None:
    found = seeds.seeded_generator(42, "weight", "dense/kernel", 3).integers(0, 2**32, 3).tolist()
    assert found == [1260350929, 1905980199, 1557041148]


def test_a_seed_is_chosen_when_none_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds, "_seed", None)
    chosen = seeds.seed()
    assert chosen == seeds.seed()
    assert 0 <= chosen < 2**32


def test_calls_are_counted_by_purpose_and_start_again_with_the_seed() -> None:
    seeds.set_seed(1)
    assert [seeds.next_call("a"), seeds.next_call("a"), seeds.next_call("b")] == [0, 1, 0]
    seeds.set_seed(1)
    assert seeds.next_call("a") == 0


def test_calls_from_threads_get_numbers_of_their_own() -> None:
    seeds.set_seed(1)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.extend(seeds.next_call("t") for _ in range(200))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(800))


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "1", True, None])
def test_what_is_no_seed_is_refused(seed: object) -> None:
    with pytest.raises(ArgumentError, match="integer from 0"):
        seeds.set_seed(seed)  # pyright: ignore[reportArgumentType]
