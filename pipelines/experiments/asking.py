"""From an experiment in the store to what its analysis has to know."""

from __future__ import annotations

from core.errors import ExperimentError
from core.events import DAY_MS
from pipelines.experiments.question import MethodName, Question
from ranking.experiments.definitions.spec import Plan
from ranking.experiments.lifecycle.stored import StoredExperiment

METHODS: dict[str, MethodName] = {
    "fixed": "fixed_horizon",
    "always_valid": "always_valid",
    "group_sequential": "group_sequential",
}


def question_of(experiment: StoredExperiment, now_ms: int) -> Question:
    """Return what is asked of an experiment that was started.

    Pages are logged as part of an experiment only while it runs, so every exposure counts, whatever
    clock served it: a simulated world has its own.

    Args:
        experiment: As the store has it.
        now_ms: The moment of the analysis: looks that were planned before it have been taken.

    Raises:
        ExperimentError: If it was never started: nobody was in it.
    """
    spec, plan, start_ms = experiment.spec, experiment.spec.plan, experiment.started_at
    if start_ms is None or plan is None:
        raise ExperimentError(
            f"experiment {experiment.key!r} is a {experiment.status}: nobody was in it; start it "
            "first, or preview it"
        )
    planned_ms = start_ms + plan.days * DAY_MS
    ended_ms = min(experiment.stopped_at or planned_ms, planned_ms)
    primary = (spec.metrics.primary,) if spec.metrics.primary else ()
    return Question(
        key=experiment.key,
        variations=tuple(one.key for one in spec.variations),
        weights=spec.weights or (),
        end_ms=max(ended_ms, start_ms + 1),
        primary=primary,
        guardrails=spec.metrics.guardrails,
        secondary=spec.metrics.secondary,
        method=METHODS[plan.method],
        planned_listeners=plan.listeners,
        look_times_ms=_looks_before(plan, start_ms, min(now_ms, ended_ms)),
    )


def _looks_before(plan: Plan, start_ms: int, now_ms: int) -> tuple[int, ...]:
    """Return when the planned looks before this one were; none where looks need no plan."""
    if plan.method != "group_sequential":
        return ()
    every_ms = plan.days * DAY_MS / plan.looks
    times = (start_ms + round(look * every_ms) for look in range(1, plan.looks))
    return tuple(at for at in times if at < now_ms)
