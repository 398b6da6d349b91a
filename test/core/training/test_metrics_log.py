"""The three forms of the log say the same, and each step once."""

import csv
import json
import struct

import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog

from dfs_core.training.metrics_log import MetricsLog


def events(folder):
    """Read TensorBoard's files as its documentation says: framed records, and a start that hides what is later."""
    found = {}
    for path in sorted((folder / "tensorboard").iterdir(), key=lambda path: path.stat().st_mtime_ns):
        content, place = path.read_bytes(), 0
        while place < len(content):
            (length,) = struct.unpack_from("<Q", content, place)
            event = Event.FromString(content[place + 12 : place + 12 + length])
            place += 12 + length + 4
            if event.session_log.status == SessionLog.START:
                found = {key: value for key, value in found.items() if key[0] < event.step}
            for value in event.summary.value:
                assert (event.step, value.tag) not in found
                found[event.step, value.tag] = value.simple_value
    return found


def rows(folder):
    return [json.loads(line, parse_constant=pytest.fail) for line in (folder / "metrics.jsonl").open()]


def write(folder, start, steps):
    with MetricsLog(folder, start) as log:
        for step in steps:
            log.add(step, {"loss/pixel": step / 4} | ({"validation/miou": 0.5} if step % 2 == 0 else {}))


def test_three_forms_say_the_same(tmp_path):
    write(tmp_path, 0, (1, 2, 3))
    expected = [
        {"step": 1, "loss/pixel": 0.25},
        {"step": 2, "loss/pixel": 0.5, "validation/miou": 0.5},
        {"step": 3, "loss/pixel": 0.75},
    ]
    assert rows(tmp_path) == expected
    with (tmp_path / "metrics.csv").open() as table:
        read = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(table)]
    assert read == expected
    assert events(tmp_path) == {
        (1, "loss/pixel"): 0.25, (2, "loss/pixel"): 0.5, (2, "validation/miou"): 0.5, (3, "loss/pixel"): 0.75
    }  # fmt: skip


def test_steps_done_again_are_there_once(tmp_path):
    write(tmp_path, 0, (1, 2, 3, 4))
    with (tmp_path / "metrics.jsonl").open("a") as log:
        log.write('{"step": 5, "loss/pi')  # the power failed here
    write(tmp_path, 2, (3, 4))
    (tmp_path / "whole").mkdir()
    write(tmp_path / "whole", 0, (1, 2, 3, 4))
    for name in ("metrics.jsonl", "metrics.csv"):
        assert (tmp_path / name).read_text() == (tmp_path / "whole" / name).read_text()
    assert events(tmp_path) == events(tmp_path / "whole")


def test_what_is_no_number_is_null(tmp_path):
    with MetricsLog(tmp_path, 0) as log:
        log.add(1, {"loss/pixel": float("nan"), "loss/other": 1.0})
    assert rows(tmp_path) == [{"step": 1, "loss/pixel": None, "loss/other": 1.0}]
    assert (tmp_path / "metrics.csv").read_text() == "step,loss/pixel,loss/other\n1,,1.0\n"
