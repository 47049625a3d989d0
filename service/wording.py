"""Turns the codes by which the policy says why into words for the listener."""

from __future__ import annotations

from collections.abc import Mapping

from service.cards import Card

PLAIN = {
    "similar_to": "Sounds like what you play",
    "listeners_like_you": "Listeners like you play it",
    "often_heard_together": "Often heard together with what you play",
    "popular_now": "Popular now",
    "not_played_yet": "Waiting for its first listeners",
    "from_creator_you_follow": "From a creator you follow",
    "new_for_you": "New, for you to try",
}
NAMED = {
    "similar_to": "Sounds like {title}",
    "listeners_like_you": "Listeners of {title} play it",
    "often_heard_together": "Often heard together with {title}",
    "new_for_you": "New, and close to {title}",
}
FALLBACK = "Picked for you"  # a policy of a later version may know more codes


def in_words(reason: str, artist: str | None, cards: Mapping[str, Card]) -> str:
    """Say why a track is here.

    Args:
        reason: `code`, or `code:track_id` naming the listener's own track it is near to.
        artist: Who made the track.
        cards: Cards of the tracks that reasons name.

    Examples:
        >>> in_words("popular_now", None, {})
        'Popular now'
    """
    code, _, seed_id = reason.partition(":")
    if code == "from_creator_you_follow" and artist:
        return f"From {artist}, whom you follow"
    seed = cards.get(seed_id) if seed_id else None
    if seed is not None and seed.title and code in NAMED:
        return NAMED[code].format(title=seed.title)
    return PLAIN.get(code, FALLBACK)


def seed_id(reason: str) -> str:
    """Return the id of the track a reason names, or "".

    Examples:
        >>> seed_id("similar_to:42")
        '42'
    """
    return reason.partition(":")[2]
