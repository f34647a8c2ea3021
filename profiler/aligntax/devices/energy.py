"""Energy totals in joules, from hardware counters that wrap or restart, or from power readings."""

from __future__ import annotations


class EnergyTotal:
    """Joules since the first sample; the total never goes down.

    A total is fed by `count` or, where the hardware has no counter, by `integrate`. It may change from the
    one to the other and goes on from where it was.

    Attributes:
        joules: the total so far.
    """

    def __init__(self, units_per_joule: int = 1, wraps_at: int | None = None) -> None:
        """Start at zero.

        Args:
            units_per_joule: the counter's units in one joule: 1000 for millijoules.
            wraps_at: the counter's range, in its own units, after which it starts again from 0; None for a
                counter that does not wrap.
        """
        self.joules = 0.0
        self._units_per_joule = units_per_joule
        self._wraps_at = wraps_at
        self._counter: int | None = None
        self._power: tuple[float, int] | None = None

    def count(self, counter: int) -> float:
        """Add what a counter gained since the last sample; the first sample is the baseline.

        A step back is one wrap where the counter is known to wrap: a second one between two samples cannot
        be seen. Elsewhere it is a restart, and what was used around it is lost: the new value may count from
        anywhere, and energy that was not seen is not made up.

        Args:
            counter: the hardware's counter, in its own units.

        Returns:
            The total in joules.
        """
        if self._counter is not None:
            gained = counter - self._counter
            if gained < 0 and self._wraps_at is not None:
                gained += self._wraps_at
            self.joules += max(gained, 0) / self._units_per_joule
        self._counter = counter
        return self.joules

    def integrate(self, power_watts: float, now_ns: int) -> float:
        """Add the energy since the last sample by the trapezoidal rule; the first sample is the baseline.

        Args:
            power_watts: the power at `now_ns`.
            now_ns: nanoseconds on a monotonic clock.

        Returns:
            The total in joules: an estimate that misses what the power did between two samples.
        """
        if self._power is not None:
            earlier_watts, earlier_ns = self._power
            self.joules += (earlier_watts + power_watts) / 2 * (now_ns - earlier_ns) / 1e9
        self._power = (power_watts, now_ns)
        return self.joules
