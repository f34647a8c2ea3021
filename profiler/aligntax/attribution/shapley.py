"""The Shapley value of a game in which guards delay a request, by the cheapest way that its shape allows.

A game gives every set of players the delay that they cause together. The Shapley value of a player is the delay that
it adds on joining the others, averaged over all orders of joining: the one division that sums to the whole, gives equal
players equal shares, gives nothing to a player that never adds anything and adds up over games (L. S. Shapley, "A value
for n-person games", 1953).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple


class Shares(NamedTuple):
    """The division of a game's worth among its players.

    Attributes:
        numerators: per player; over `denominator` they are the shares in nanoseconds and sum to the worth exactly.
        denominator: at least 1.
        variances: per player, the variance of a sampled share in square nanoseconds; empty where shares are exact.
    """

    numerators: list[int]
    denominator: int
    variances: Sequence[float] = ()


def airport(costs: Sequence[int]) -> Shares:
    """Divide a runway that is as long as its longest user needs: v(S) = max of the costs in S.

    Every increment of the sorted costs is split evenly among the players that reach it. O(k log k).

    Args:
        costs: per player, nanoseconds, at least 0.

    Returns:
        The exact shares, over the least common multiple of 1..k.

    Source: S. C. Littlechild and G. Owen, "A simple expression for the Shapley value in a special case", 1973.
    """
    players = len(costs)
    denominator = math.lcm(*range(1, players + 1))
    numerators = [0] * players
    paid = reached = 0
    for rank, player in enumerate(sorted(range(players), key=costs.__getitem__)):
        paid += (costs[player] - reached) * (denominator // (players - rank))
        reached = costs[player]
        numerators[player] = paid
    return Shares(numerators, denominator)


def exact(worth: Callable[[int], int], players: int) -> Shares:
    """Weigh the worth of every one of the 2**k sets of players.

    Args:
        worth: maps a bit set of players to nanoseconds.
        players: how many there are, k.

    Returns:
        The exact shares, over k!.
    """
    weights = [math.factorial(size) * math.factorial(players - size - 1) for size in range(players)]
    numerators = [0] * players
    for present in range(1 << players):
        value = worth(present)
        size = present.bit_count()
        for player in range(players):
            if present >> player & 1:
                numerators[player] += weights[size - 1] * value
            else:
                numerators[player] -= weights[size] * value
    return Shares(numerators, math.factorial(players))


def sampled(worth: Callable[[int], int], players: int, pairs: int, seed: str) -> Shares:
    """Estimate the shares from random orders of joining, each followed by its reverse.

    The delays added along an order sum to the worth of all players, so the estimates do so too. An order and its
    reverse err in opposite directions; a pair is one observation, and the variances are those of the mean of the pairs.

    Args:
        worth: maps a bit set of players to nanoseconds; 0 for no player, and never less for a larger set.
        players: how many there are.
        pairs: how many orders to draw, at least 2.
        seed: chooses which; games with seeds of their own have independent errors.

    Returns:
        The estimated shares, over twice the number of pairs, with their variances.

    Source: J. Castro, D. Gómez and J. Tejada, "Polynomial calculation of the Shapley value based on sampling", 2009;
        R. Mitchell et al., "Sampling permutations for Shapley value estimation", 2022, section 3.1 (antithetic pairs).
    """
    generator = Random(seed)  # noqa: S311 - it chooses which orders are looked at and protects nothing
    whole = worth((1 << players) - 1)
    totals = [0] * players
    squares = [0] * players
    joining = list(range(players))
    for _ in range(pairs):
        generator.shuffle(joining)
        added = [0] * players
        for sequence in (joining, joining[::-1]):
            present = reached = 0
            for player in sequence:
                present |= 1 << player
                value = worth(present)
                added[player] += value - reached
                reached = value
                if reached == whole:
                    break
        for player, delay in enumerate(added):
            totals[player] += delay
            squares[player] += delay * delay
    scale = 4 * pairs**2 * (pairs - 1)
    variances = [(pairs * square - total**2) / scale for total, square in zip(totals, squares, strict=True)]
    return Shares(totals, 2 * pairs, variances)
