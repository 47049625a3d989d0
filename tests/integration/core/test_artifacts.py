"""Artifacts are whole or absent, unchanged or refused; promoting moves one pointer at once."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.artifacts import ArtifactStore, Manifest, code_revision
from core.database import open_database
from core.errors import ArtifactError

pytest_plugins = ["tests.support.postgres"]

NOW_MS = 1_767_225_600_123


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Iterator[ArtifactStore]:
    database = open_database(store_url)
    yield ArtifactStore(tmp_path / "artifacts", database)
    database.close()


def _writer(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "deep").mkdir()
        (folder / "deep" / "values.txt").write_text(text)
        (folder / "names.txt").write_text("names")

    return write


def _create(store: ArtifactStore, kind: str, text: str, now_ms: int = NOW_MS) -> Manifest:
    return store.create(
        kind,
        _writer(text),
        now_ms=now_ms,
        config={"dim": 8, "path": Path("x")},
        inputs={"events": "abc"},
        metrics={"ndcg@10": 0.5},
        feature_names=("a", "b"),
    )


def _promote(store: ArtifactStore, *manifests: Manifest) -> dict[str, str]:
    versions = {manifest.kind: manifest.version for manifest in manifests}
    return store.promote(versions, now_ms=NOW_MS, reason="test").versions


def test_an_artifact_says_what_it_is(store: ArtifactStore) -> None:
    made = _create(store, "factors", "one")
    assert made == store.manifest("factors", made.version)
    assert made.version.startswith("20260101T000000-123-")
    assert made.config == {"dim": 8, "path": "x"}
    assert set(made.files) == {"deep/values.txt", "names.txt"}
    assert made.code_revision == code_revision()
    folder = store.folder("factors", made.version)
    assert (folder / "deep" / "values.txt").read_text() == "one"
    assert (
        made.files["names.txt"] == hashlib.sha256((folder / "names.txt").read_bytes()).hexdigest()
    )
    store.verify("factors", made.version)


def test_the_list_is_by_age_and_latest_is_its_end(store: ArtifactStore) -> None:
    second = _create(store, "factors", "two", NOW_MS + 1000)
    first = _create(store, "factors", "one", NOW_MS)
    other = _create(store, "index", "one", NOW_MS + 500)
    assert [m.version for m in store.list()] == [first.version, other.version, second.version]
    assert store.list("factors") == [first, second]
    assert store.latest("factors") == second
    assert store.latest("ranker") is None


def test_the_same_work_at_the_same_moment_is_one_artifact(store: ArtifactStore) -> None:
    assert _create(store, "factors", "one") == _create(store, "factors", "one")
    assert len(store.list()) == 1
    assert _create(store, "factors", "two").version != _create(store, "factors", "one").version


def test_what_is_made_later_in_the_same_millisecond_is_later(store: ArtifactStore) -> None:
    texts = [f"made as number {number}" for number in range(8)]  # hashes in no order
    made = [_create(store, "factors", text) for text in texts]
    assert [one.created_at - NOW_MS for one in made] == list(range(8))
    assert store.list("factors") == made
    assert store.latest("factors") == made[-1]
    assert _create(store, "factors", texts[3]) == made[3]
    assert _create(store, "index", "first of its kind").created_at == NOW_MS


def test_a_writer_that_fails_leaves_nothing(store: ArtifactStore) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError):
        store.create("factors", fail, now_ms=NOW_MS, config={}, inputs={})
    assert store.list() == []
    assert list((store.root / ".staging").iterdir()) == []


def test_a_killed_writer_leaves_nothing_that_counts(tmp_path: Path) -> None:
    child = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from core.artifacts import ArtifactStore\nfrom core.database import open_database\n"
        "root = Path(sys.argv[1])\n"
        "store = ArtifactStore(root / 'artifacts', open_database(f'sqlite:///{root}/segue.db'))\n"
        "def write(folder):\n"
        "    (folder / 'half').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "store.create('factors', write, now_ms=1, config={}, inputs={})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", child, str(tmp_path)], cwd=Path(__file__).parents[3], check=False
    )
    assert done.returncode == -signal.SIGKILL
    database = open_database(f"sqlite:///{tmp_path / 'segue.db'}")
    store = ArtifactStore(tmp_path / "artifacts", database)
    assert store.list() == []
    assert store.latest("factors") is None
    database.close()


@pytest.mark.parametrize("where", ["first", "last"])
def test_one_changed_byte_is_found(store: ArtifactStore, where: str) -> None:
    made = _create(store, "factors", "x" * 100)
    path = store.folder("factors", made.version) / "deep" / "values.txt"
    content = bytearray(path.read_bytes())
    content[0 if where == "first" else -1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"deep/values\.txt was changed"):
        store.verify("factors", made.version)
    with pytest.raises(ArtifactError, match="was changed"):
        _promote(store, made)
    assert store.live() is None


def test_a_missing_file_is_found(store: ArtifactStore) -> None:
    made = _create(store, "factors", "one")
    (store.folder("factors", made.version) / "names.txt").unlink()
    with pytest.raises(ArtifactError, match=r"lacks names\.txt"):
        store.verify("factors", made.version)


def test_an_unknown_version_names_the_next_step(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactError, match=r"no artifact factors v0.*segue artifacts"):
        store.verify("factors", "v0")


def test_a_broken_manifest_is_an_artifact_error(store: ArtifactStore) -> None:
    made = _create(store, "factors", "one")
    (store.folder("factors", made.version) / "manifest.json").write_text("{}")
    with pytest.raises(ArtifactError, match="is not a manifest"):
        store.manifest("factors", made.version)


def test_promote_keeps_the_kinds_it_does_not_name(store: ArtifactStore) -> None:
    factors, index = _create(store, "factors", "one"), _create(store, "index", "one")
    assert store.live() is None
    _promote(store, factors, index)
    newer = _create(store, "factors", "two", NOW_MS + 1000)
    assert _promote(store, newer) == {"factors": newer.version, "index": index.version}
    live = store.live()
    assert live is not None
    assert (live.versions["factors"], live.reason, live.at) == (newer.version, "test", NOW_MS)


def test_promote_takes_all_or_none(store: ArtifactStore) -> None:
    factors, index = _create(store, "factors", "one"), _create(store, "index", "one")
    (store.folder("index", index.version) / "names.txt").write_text("changed")
    with pytest.raises(ArtifactError):
        _promote(store, factors, index)
    assert store.live() is None


def test_rollback_goes_back_step_by_step_and_no_further(store: ArtifactStore) -> None:
    made = [_create(store, "factors", str(step), NOW_MS + 1000 * step) for step in range(3)]
    for manifest in made:
        _promote(store, manifest)
    for expected in (made[1], made[0]):
        back = store.rollback(now_ms=NOW_MS, reason="worse")
        assert back.versions == {"factors": expected.version}
        assert store.live() == back
    with pytest.raises(ArtifactError, match="no earlier promotion"):
        store.rollback(now_ms=NOW_MS, reason="worse")


def test_promoting_after_a_rollback_forgets_what_was_undone(store: ArtifactStore) -> None:
    first, worse, better = (
        _create(store, "factors", str(step), NOW_MS + 1000 * step) for step in range(3)
    )
    _promote(store, first)
    _promote(store, worse)
    store.rollback(now_ms=NOW_MS, reason="worse")
    _promote(store, better)
    assert store.rollback(now_ms=NOW_MS, reason="?").versions == {"factors": first.version}


def test_rollback_to_nothing_is_refused(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactError, match="no earlier promotion"):
        store.rollback(now_ms=NOW_MS, reason="worse")
    _promote(store, _create(store, "factors", "one"))
    with pytest.raises(ArtifactError, match="no earlier promotion"):
        store.rollback(now_ms=NOW_MS, reason="worse")


def test_rollback_refuses_a_set_that_was_changed_since(store: ArtifactStore) -> None:
    first = _create(store, "factors", "one")
    second = _create(store, "factors", "two", NOW_MS + 1000)
    _promote(store, first)
    _promote(store, second)
    (store.folder("factors", first.version) / "names.txt").write_text("changed")
    with pytest.raises(ArtifactError, match="was changed"):
        store.rollback(now_ms=NOW_MS, reason="worse")
    live = store.live()
    assert live is not None
    assert live.versions == {"factors": second.version}


def test_promotions_at_once_all_count(store: ArtifactStore) -> None:
    kinds = [f"kind{number}" for number in range(6)]
    made = [_create(store, kind, kind) for kind in kinds]
    barrier = threading.Barrier(len(made))

    def promote(manifest: Manifest) -> None:
        barrier.wait()
        _promote(store, manifest)

    threads = [threading.Thread(target=promote, args=(manifest,)) for manifest in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    live = store.live()
    assert live is not None
    assert live.versions == {manifest.kind: manifest.version for manifest in made}


def test_files_are_never_rewritten_by_a_promotion(store: ArtifactStore) -> None:
    made = _create(store, "factors", "one")
    path = store.folder("factors", made.version) / "names.txt"
    before = path.stat().st_mtime_ns
    _promote(store, made)
    assert path.stat().st_mtime_ns == before


def test_notes_stay_beside_what_they_are_about_and_break_no_seal(store: ArtifactStore) -> None:
    made = _create(store, "ranker", "x")
    assert store.notes("ranker", made.version) == ()
    said = ({"about": "forced", "reason": "größer\nals gedacht"}, {"about": "second"})
    for one in said:
        store.note("ranker", made.version, one)
    assert store.notes("ranker", made.version) == said
    store.verify("ranker", made.version)
    assert store.manifest("ranker", made.version) == made
    (store.folder("ranker", made.version) / "notes.jsonl").write_text("not JSON\n")
    with pytest.raises(ArtifactError, match=r"notes\.jsonl"):
        store.notes("ranker", made.version)
    with pytest.raises(ArtifactError, match="no artifact"):
        store.note("ranker", "v0", {})
