from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from core.errors import DataError
from pipelines import cli
from pipelines.experiments.assignment import read_listeners
from ranking.experiments.bucketing.hashing import hash_bucket

IDS = ["user-1", "naïve", "Ünï-😀", "日本語", "👩‍🎤", "a\u2028b", "[x", " spaced "]
SPEC: dict[str, Any] = {
    "key": "feed", "variations": ["a", "b"], "seed": "séed-🎛", "hashVersion": 2,
    "ranges": [[0, 0.2], [0.5, 0.8]],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    structlog.reset_defaults()


def called(capsys: pytest.CaptureFixture[str], spec: Any, ids: str, *words: str) -> Any:
    Path("spec.json").write_text(json.dumps(spec), encoding="utf-8")
    Path("ids").write_text(ids, encoding="utf-8")
    code = cli.run(["experiment", "assign", "spec.json", "--ids", "ids", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def expected(name: str) -> dict[str, Any]:
    bucket = hash_bucket("séed-🎛", name, 2)
    assert bucket is not None
    inside = [n for n, (start, end) in enumerate(SPEC["ranges"]) if start <= bucket < end]
    variation = inside[0] if inside else 0
    return {"id": name, "in_experiment": bool(inside), "variation": variation, "bucket": bucket}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ids_in_lines(capsys: pytest.CaptureFixture[str], end: str) -> None:
    code, document = called(capsys, SPEC, end.join([*IDS, "", ""]))
    assert code == 0
    assert document == {"assignments": [expected(name) for name in IDS]}
    assert {(row["in_experiment"], row["variation"]) for row in document["assignments"]} == {
        (True, 0), (True, 1), (False, 0),
    }  # fmt: skip


def test_a_json_list_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    _, document = called(capsys, SPEC, json.dumps([*IDS, 17]))
    assert document == {"assignments": [expected(name) for name in [*IDS, "17"]]}


def test_attributes_groups_and_features_count(capsys: pytest.CaptureFixture[str]) -> None:
    aimed = {
        "key": "aimed",
        "variations": [0, 1],
        "hashAttribute": "account",
        "condition": {"country": "NZ", "account": {"$notInGroup": "staff"}},
        "parentConditions": [{"id": "gate", "condition": {"value": True}}],
    }
    gate = {"defaultValue": False, "rules": [{"force": True, "condition": {"plan": "paid"}}]}
    payload = {"features": {"gate": gate}, "savedGroups": {"staff": ["s"]}}
    Path("payload.json").write_text(json.dumps(payload))
    people = [
        {"account": "x", "country": "NZ", "plan": "paid"},
        {"account": "x", "country": "NZ", "plan": "free"},
        {"account": "x", "country": "AU", "plan": "paid"},
        {"account": "s", "country": "NZ", "plan": "paid"},
        {"country": "NZ", "plan": "paid"},
        "x",
    ]
    _, document = called(capsys, aimed, json.dumps(people), "--features", "payload.json")
    rows = document["assignments"]
    assert [row["in_experiment"] for row in rows] == [True] + [False] * 5
    assert [row["id"] for row in rows] == ["x", "x", "x", "s", "", "x"]
    assert rows[4]["bucket"] is None
    assert rows[0]["bucket"] == hash_bucket("aimed", "x", 1)


@pytest.mark.parametrize(
    ("spec", "said"),
    [({**SPEC, "weights": "even"}, "weights"), ({**SPEC, "url": "/x"}, "url"), ([], "experiment")],
)
def test_a_malformed_experiment_is_a_wrong_call(
    capsys: pytest.CaptureFixture[str], spec: Any, said: str
) -> None:
    code, document = called(capsys, spec, "u1")
    assert code == cli.EXIT_WRONG_CALL
    assert document["error"]["kind"] == "ConfigError"
    assert said in document["error"]["message"]


def test_people_read_counts(capsys: pytest.CaptureFixture[str]) -> None:
    called(capsys, SPEC, "\n".join(IDS))
    assert cli.run(["experiment", "assign", "spec.json", "--ids", "ids"]) == 0
    told = capsys.readouterr().out
    inside = [expected(name) for name in IDS if expected(name)["in_experiment"]]
    for variation in (0, 1):
        count = sum(row["variation"] == variation for row in inside)
        assert f"variation {variation}: {count}" in told
    assert f"not in it: {len(IDS) - len(inside)}" in told


def test_what_is_no_id_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ids.json"
    path.write_text('["a", null]')
    with pytest.raises(DataError, match="part 1 is None"):
        read_listeners(path, "id")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="UTF-8"):
        read_listeners(path, "id")
