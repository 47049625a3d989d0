from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from core.telemetry import Stopwatch, configure_logging, logger


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_machine_logs_are_one_document_a_line_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(as_json=True)
    logger().info("feed_served", slots=3)
    logger().debug("not_wanted")
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    document = json.loads(line)
    assert (document["event"], document["slots"], document["level"]) == ("feed_served", 3, "info")
    assert document["timestamp"].endswith("Z")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_logged_exception_carries_its_traceback(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    configure_logging(as_json=as_json)
    try:
        {}["lost"]
    except LookupError:
        logger().exception("source_failed", source="similar")
    err = capsys.readouterr().err
    assert "source_failed" in err
    assert "KeyError" in err
    assert "lost" in err


def test_a_logger_follows_standard_error_where_it_goes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(as_json=True, level="DEBUG")
    kept = logger()
    kept.info("first")
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        stream = io.StringIO()
        patch.setattr("sys.stderr", stream)
        kept.debug("second")
    assert json.loads(stream.getvalue())["event"] == "second"
    assert capsys.readouterr().err == ""


def test_a_stopwatch_adds_up_by_name_in_order() -> None:
    watch = Stopwatch()
    with watch.measure("fetch"):
        pass
    with pytest.raises(LookupError), watch.measure("rank"):
        raise LookupError
    first = watch.durations_ms["fetch"]
    with watch.measure("fetch"):
        sum(range(1000))
    assert list(watch.durations_ms) == ["fetch", "rank"]
    assert watch.durations_ms["fetch"] > first >= 0
    assert watch.durations_ms["rank"] >= 0
