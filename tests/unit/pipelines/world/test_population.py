"""Population: tastes over attributes, the same for the same seed, written and read without loss."""

from dataclasses import fields, replace

import numpy as np

from core.randomness import generator
from pipelines.music.style import sample_attributes
from pipelines.world.population import Population, draw_population, match
from pipelines.world.traits import (
    STYLE_NAMES,
    attributes_frame,
    attributes_from,
    style_affinity,
    traits_of,
)


def columns(population):
    return {field.name: getattr(population, field.name) for field in fields(population)}


def sample_tracks(count, seed=1):
    rng = generator(seed, "tracks")
    return [sample_attributes(STYLE_NAMES[i % len(STYLE_NAMES)], rng) for i in range(count)]


def test_equal_seeds_give_equal_listeners_and_another_seed_others():
    one, two, other = (draw_population(50, 0.5, seed) for seed in (3, 3, 4))
    for name, values in columns(one).items():
        np.testing.assert_array_equal(values, columns(two)[name])
    assert not np.array_equal(one.tempo, other.tempo)


def test_a_population_survives_its_table():
    drawn = draw_population(20, 0.5, 1)
    read = Population.from_frame(drawn.to_frame())
    for name, values in columns(drawn).items():
        np.testing.assert_array_equal(values, columns(read)[name])
        assert values.dtype == columns(read)[name].dtype


def test_shares_and_probabilities_keep_their_ranges():
    drawn = draw_population(500, 0.5, 2)
    np.testing.assert_allclose(drawn.mixture.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(drawn.importance.sum(axis=1), 1, atol=1e-5)
    for values in (drawn.styles, drawn.instruments, drawn.minor, drawn.novelty, drawn.mixture):
        assert values.min() >= 0
        assert values.max() <= 1
    assert 0 < drawn.patience.min() <= drawn.patience.max() < 1


def test_activity_has_a_heavy_tail_around_its_median():
    activity = draw_population(4000, 0.5, 5).activity
    # log-normal: the standard error of the median is 0.5 × 0.8 × 1.25 / sqrt(4000) < 0.01
    np.testing.assert_allclose(np.median(activity), 0.5, atol=0.03)
    assert np.quantile(activity, 0.95) > 3 * np.median(activity)


def test_a_listener_likes_their_own_ideal_better_than_any_other_track():
    track = sample_attributes("jazz", generator(9, "ideal"))
    ideal = traits_of([track])
    drawn = draw_population(1, 0.5, 1)
    styles = np.zeros_like(drawn.styles)
    styles[..., ideal.style[0]] = 1
    instruments = np.zeros_like(drawn.instruments)
    instruments[:, [ideal.lead[0], ideal.pad[0]]] = 1
    devoted = replace(
        drawn,
        mixture=np.array([[1, 0, 0]], np.float32),
        styles=styles,
        instruments=instruments,
        tempo=np.full_like(drawn.tempo, ideal.tempo[0]),
        energy=np.full_like(drawn.energy, ideal.energy[0]),
        brightness=np.full_like(drawn.brightness, ideal.brightness[0]),
        minor=np.full_like(drawn.minor, float(ideal.minor[0])),
    )
    fits = match(devoted, traits_of([track, *sample_tracks(200)]))[0]
    assert fits[0] > fits[1:].max()


def test_a_match_does_not_depend_on_which_other_tracks_there_are():
    drawn, tracks = draw_population(30, 0.5, 1), sample_tracks(40)
    whole, part = match(drawn, traits_of(tracks)), match(drawn, traits_of(tracks[:7]))
    np.testing.assert_allclose(whole[:, :7], part, atol=1e-5)  # float32 sums in another order


def test_matches_are_centred_spread_and_mostly_personal():
    fits = match(draw_population(800, 0.5, 7), traits_of(sample_tracks(420)))
    # the constants were measured over 2,000 listeners; fashion differs from seed to seed
    assert abs(fits.mean()) < 0.25
    assert 0.8 < fits.std() < 1.2
    assert fits.mean(axis=0).std() < 0.6 * fits.std()


def test_style_affinity_is_symmetric_with_ones_only_on_its_diagonal():
    affinity = style_affinity()
    np.testing.assert_allclose(affinity, affinity.T, rtol=1e-6)
    np.testing.assert_allclose(np.diag(affinity), 1.0)
    assert ((affinity - np.eye(len(affinity)) >= 0) & (affinity - np.eye(len(affinity)) < 1)).all()
    near = {
        name: affinity[STYLE_NAMES.index("metal"), STYLE_NAMES.index(name)]
        for name in ("rock", "ambient")
    }
    assert near["rock"] > 2 * near["ambient"]


def test_attributes_survive_their_table():
    tracks = sample_tracks(14)
    assert attributes_from(attributes_frame(tracks)) == tracks
