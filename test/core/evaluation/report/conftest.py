"""Small results with figures made by hand, and scenes of plain colours."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dfs_core.evaluation.results import Column, Frame, Results, Row
from dfs_core.labels import CAMVID_11

Color = tuple[int, int, int]

HOSTILE = """</script><script>alert("x")</script><img src=x onerror='alert(1)'>&"'|`*"""
COLORS: Mapping[str, Color] = {
    "hazy": (200, 200, 210),
    "dfs": (20, 120, 40),
    "clear": (30, 60, 200),
    "hazy · mask": (128, 64, 128),
    "dfs · mask": (244, 35, 232),
}
COLUMNS = (
    Column("psnr", "PSNR / dB", "Peak signal-to-noise ratio.", 2),
    Column("miou", "IoU class / %", "Mean IoU.", 1, scale=100.0),
    Column("flicker", "flicker", "Change between frames.", 3, "lowest"),
)


def encode(color: Color) -> bytes:
    """Return a PNG of 96x64 pixels of one RGB colour."""
    return cv2.imencode(".png", np.full((64, 96, 3), color[::-1], np.uint8))[1].tobytes()


def make_frame(name: str, fog: str, miou: float, psnr: float) -> Frame:
    figures = {"hazy": {"psnr": psnr - 2.0, "miou": None}, "dfs": {"psnr": psnr, "miou": miou}}
    pictures = {caption: encode(color) for caption, color in COLORS.items()}
    return Frame(name, fog, {"miou": miou, "psnr": psnr}, figures, pictures)


def make_row(model: str, beta: float, psnr: float | None, miou: float, gap: float | None, flicker: float) -> Row:
    return {
        "model": model,
        "beta": beta,
        "part": "all",
        "judge": "lite",
        "psnr": psnr,
        "miou": miou,
        "flicker": flicker,
        "interval": {"miou": [miou - 0.01, miou + 0.01]},
        "gap_closed": {"miou": gap, "psnr": None},
        "class_iou": {"road": miou + 0.3, "car": None},
    }


@pytest.fixture(scope="session")
def results() -> Results:
    """Two fogs, three methods, one judge, one recording, five frames."""
    rows = [
        make_row("hazy", 0.01, 17.0, 0.5, 0.0, 0.03),
        make_row("dfs", 0.01, 22.5, 0.55, 0.5, 0.02),
        make_row("other", 0.01, 16.25, 0.48, -0.2, 0.04),
        make_row("clear", 0.01, None, 0.6, 1.0, 0.01),
        make_row("hazy", 0.02, 14.0, 0.4, 0.0, 0.03),
        make_row("dfs", 0.02, math.inf, 0.5, 0.5, 0.03),
        make_row("clear", 0.02, None, 0.6, 1.0, 0.01),
    ]
    recording = make_row("dfs", 0.01, 21.0, 0.45, None, math.nan) | {"part": "0016E5"}
    return Results(
        title="Dehazing",
        facts={"data": "camvid/val", "command": "dfs evaluate --data camvid"},
        methods=[
            {"model": "hazy", "source": "the frame as it is", "parameters": 0, "macs": 0, "ms_per_frame": 0.0},
            {"model": "dfs", "source": "dfs.onnx", "parameters": 4652008, "macs": 2610000000, "ms_per_frame": 14.25},
            {"model": "other", "source": "paper", "parameters": None, "macs": None, "ms_per_frame": None},
        ],
        columns=COLUMNS,
        rows=[*rows, recording],
        curves=("psnr", "miou"),
        frames=[
            make_frame("street_a", "β = 0.01 / m", 0.5, 20.0),
            make_frame("street_b", "β = 0.01 / m", 0.3, 25.0),
            make_frame("street_a", "β = 0.02 / m", 0.4, 12.0),
            make_frame("street_b", "β = 0.02 / m", 0.6, 18.0),
            make_frame("lane", "β = 0.02 / m", math.nan, 15.0),
        ],
        labels=CAMVID_11,
        notes=["Things are connected components."],
    )


@pytest.fixture(scope="session")
def hostile(results: Results) -> Results:
    """The same with names that try to be markup wherever names can be."""
    row = results.rows[1] | {"model": HOSTILE, "judge": HOSTILE, "class_iou": {HOSTILE: 0.5}}
    frame = results.frames[0]
    pictures = {HOSTILE: frame.pictures["hazy"], "dfs": frame.pictures["dfs"]}
    scores = {HOSTILE: 1.0, "psnr": 2.0}
    return replace(
        results,
        title=HOSTILE,
        facts={HOSTILE: HOSTILE},
        methods=[{"model": HOSTILE, "source": HOSTILE}],
        columns=[replace(results.columns[1], title=HOSTILE, meaning=HOSTILE)],
        rows=[*results.rows, row, row | {"part": HOSTILE}],
        curves=("miou",),
        frames=[Frame(HOSTILE, HOSTILE, scores, {HOSTILE: {HOSTILE: 1.0}}, pictures), *results.frames],
        notes=[HOSTILE],
        problems=[HOSTILE],
    )


@pytest.fixture(scope="session")
def no_reference(results: Results) -> Results:
    """Real fog: no density, no judge, no clear picture, no score but one."""
    rows = [
        {"model": "hazy", "beta": None, "part": "all", "judge": None, "flicker": 0.03, "psnr": None},
        {"model": "dfs", "beta": None, "part": "all", "judge": None, "flicker": 0.02, "psnr": None},
    ]
    pictures = {caption: encode(COLORS[caption]) for caption in ("hazy", "dfs")}
    frames = [Frame(name, "", {"confidence": 0.5}, {}, pictures) for name in ("one.jpg", "two.jpg")]
    return replace(results, rows=rows, curves=(), frames=frames, labels=None, notes=(), methods=())


@pytest.fixture(scope="session")
def frame() -> Callable[[str, str, float], Frame]:
    """Make a frame of a name, a fog and a score."""
    return lambda name, fog, score: make_frame(name, fog, score, 20.0)
