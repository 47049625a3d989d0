"""How many more listeners it takes to be allowed to look before the end."""

from __future__ import annotations

from scipy import optimize, special

from pipelines.experiments.question import MethodName
from pipelines.experiments.sequential.always_valid import critical_value
from pipelines.experiments.sequential.group_sequential import boundaries, crossing
from pipelines.experiments.statistics.power import PowerConfig

STRONGEST_DRIFT = 20.0  # in standard errors; finds anything with any power below 1


def inflation(method: MethodName, config: PowerConfig, looks: int) -> float:
    """Return the listeners a method needs over those of a fixed test with the same power.

    Args:
        method: `always_valid` is reckoned as if only the last look counted, tuned to it, which it
            does at least; `group_sequential` by the chance to cross at any of its even looks.
        config: Risks.
        looks: Planned looks of `group_sequential`.
    """
    fixed = -float(special.ndtri(config.alpha / 2))
    wanted = float(special.ndtri(config.power))
    if method == "fixed_horizon":
        return 1.0
    if method == "always_valid":
        # Tuned to its own last look the critical value is the same for any number of listeners.
        drift = critical_value(1_000, config.alpha, 1_000) + wanted
    else:
        shares = [look / looks for look in range(1, looks + 1)]
        bounds = boundaries(shares, alpha=config.alpha)

        def lack(drift: float) -> float:
            return crossing(shares, bounds, drift).ever - config.power

        drift = float(optimize.brentq(lack, 0.0, STRONGEST_DRIFT, xtol=1e-6))
    return (drift / (fixed + wanted)) ** 2
