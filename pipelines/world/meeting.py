"""Meeting: listeners before tracks, one list each; what they do, when, and what they remember."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.world.behaviour import Reactions, examined, moment_appeal, react
from pipelines.world.config import BehaviourConfig
from pipelines.world.memory import Memory
from pipelines.world.scene import Scene

BROWSE_MS = 1_500  # a look at a slot before the next one or its play


@dataclass(frozen=True, slots=True, eq=False)
class Meeting:
    """What came of (a, k) slots.

    Args:
        user_rows: (a,) distinct listeners.
        tracks: (a, k) track rows; -1 where there was none.
        reactions: (a, k) each.
        at_ms: (a, k) when each slot was reached.
        played_ms: (a, k) how long each was heard.
        end_ms: (a,) when the listener was through.
    """

    user_rows: NDArray[np.int64]
    tracks: NDArray[np.int64]
    reactions: Reactions
    at_ms: NDArray[np.int64]
    played_ms: NDArray[np.int64]
    end_ms: NDArray[np.int64]


def meet(
    scene: Scene,
    memory: Memory,
    user_rows: NDArray[np.int64],
    tracks: NDArray[np.int64],
    start_ms: NDArray[np.int64],
    chosen: bool,
    config: BehaviourConfig,
    rng: np.random.Generator,
) -> Meeting:
    """Let listeners go through their lists from the top; the memory is left as it is.

    Args:
        scene: The world.
        memory: What they carry.
        user_rows: (a,) distinct listeners.
        tracks: (a, k) track rows, distinct in a row; -1 where there is none.
        start_ms: (a,) when each begins.
        chosen: Whether they sought the tracks out; else a page showed them.
        config: How they behave.
        rng: Draws everything.
    """
    there = tracks >= 0
    rows, columns = user_rows[:, None], np.maximum(tracks, 0)
    appeal = moment_appeal(
        scene.lasting[rows, columns],
        memory.exposures[rows, columns],
        scene.population.novelty[user_rows],
        config,
    )
    patience = scene.population.patience[user_rows]
    seen = there if chosen else there & examined(tracks.shape[1], patience, rng)
    creators = scene.creator_rows[columns]
    follows = memory.follows[rows, np.maximum(creators, 0)] | (creators < 0)
    reactions = react(appeal, seen, chosen, memory.opinions[rows, columns], follows, config, rng)
    heard_ms = np.rint(reactions.share * scene.track_ms[columns]).astype(np.int64)
    played_ms = np.where(reactions.played, np.maximum(heard_ms, 1), 0)  # a play is never nothing
    spent_ms = np.where(seen, BROWSE_MS, 0) + played_ms
    through_ms = np.cumsum(spent_ms, axis=1)
    at_ms = start_ms[:, None] + through_ms - played_ms
    return Meeting(user_rows, tracks, reactions, at_ms, played_ms, start_ms + spent_ms.sum(axis=1))


def remember(memory: Memory, scene: Scene, meeting: Meeting) -> None:
    """Write what happened into the memory, in place."""
    page, slot = np.nonzero(meeting.reactions.played)
    users, tracks = meeting.user_rows[page], meeting.tracks[page, slot]
    done = meeting.reactions
    # listeners are distinct and so are the tracks of one list: no pair stands twice
    memory.exposures[users, tracks] += done.share[page, slot]
    memory.opinions[users[done.liked[page, slot]], tracks[done.liked[page, slot]]] = 1
    memory.opinions[users[done.disliked[page, slot]], tracks[done.disliked[page, slot]]] = -1
    following = done.followed[page, slot]
    memory.follows[users[following], scene.creator_rows[tracks[following]]] = True
    np.add.at(memory.plays_today, tracks, np.float32(1.0))


def listens(
    meeting: Meeting, scene: Scene, keys: NDArray[np.int64], step: int, chosen: bool
) -> pl.DataFrame:
    """Return one row a started track.

    Args:
        meeting: What happened.
        scene: The world.
        keys: (a,) keys of the sessions.
        step: The how manieth list of the session; tells the lists of a session apart.
        chosen: Whether the tracks were sought out.
    """
    page, slot = np.nonzero(meeting.reactions.played)
    done, tracks = meeting.reactions, meeting.tracks[page, slot]
    return pl.DataFrame(
        {
            "key": keys[page],
            "step": np.full(page.size, step, dtype=np.int32),
            "slot": slot.astype(np.int32),
            "chosen": np.full(page.size, chosen),
            "user_row": meeting.user_rows[page],
            "track_row": tracks,
            "at_ms": meeting.at_ms[page, slot],
            "played_ms": meeting.played_ms[page, slot].astype(np.int32),
            "track_ms": scene.track_ms[tracks].astype(np.int32),
            "finish": done.finished[page, slot],
            "skip": done.skipped[page, slot],
            "like": done.liked[page, slot],
            "dislike": done.disliked[page, slot],
            "save": done.saved[page, slot],
            "follow": done.followed[page, slot],
        }
    )
