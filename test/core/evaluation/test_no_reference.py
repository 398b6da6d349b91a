"""Pictures and videos without ground truth: figures of hand-made ones, and files that cannot be read."""

import cv2
import numpy as np
import pytest

from dfs_core.errors import ConfigError, DatasetError, FrameError
from dfs_core.evaluation.judges.judge import Judge, Opinion
from dfs_core.evaluation.measure import TIMED, Bench
from dfs_core.evaluation.methods.method import Answer, Method, Untouched
from dfs_core.evaluation.no_reference import evaluate_without_reference
from dfs_core.evaluation.photographs import STILLS, Photographs
from dfs_core.evaluation.predictions import Predictions
from dfs_core.labels import CAMVID_11

RNG = np.random.default_rng(0)
TEXTURE = cv2.GaussianBlur(RNG.integers(60, 180, (80, 160), np.uint8), (0, 0), 1.5)
TEXTURE = cv2.merge([cv2.normalize(TEXTURE, None, 60, 180, cv2.NORM_MINMAX)] * 3)


class Half(Method):
    """Halves every difference from grey level 120, and blinks by `blink` levels from frame to frame."""

    source = "a formula"

    def __init__(self, name="half", blink=0):
        self.name = self.key = name
        self.asked, self._blink = 0, blink

    def __call__(self, frame):  # noqa: D102
        self.asked += 1
        shift = self._blink * (self.asked % 2)
        return Answer(np.rint(120 + 0.5 * (frame.astype(float) - 120) + shift).astype(np.uint8))


class Mean(Method):
    """Takes a tenth of the mean grey level for the attenuation, in 1/km."""

    name, key, source = "mean", "mean", "a formula"

    def __call__(self, frame):  # noqa: D102
        return Answer(frame, fog_density=float(frame.mean()) / 1e4)


class Sure(Judge):
    """Calls everything road."""

    name, key, source, labels = "sure", "sure", "a formula", CAMVID_11

    def __call__(self, picture):  # noqa: D102
        return Opinion(np.full(picture.shape[:2], 3, np.uint8), 0.75)


@pytest.fixture
def stills(tmp_path):
    folder = tmp_path / "stills"
    (folder / "deeper").mkdir(parents=True)
    for name in ("a.png", "deeper/b.png", "c.png"):
        cv2.imwrite(str(folder / name), TEXTURE)
    return folder


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "drive.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25.0, (160, 80))
    for _ in range(6):
        writer.write(TEXTURE)
    writer.release()
    return path


def evaluated(source, *methods, limit=0, pictures=2, predictions=None):
    bench = Bench([Untouched(), *methods], [Sure()], predictions or Predictions(None))
    models = [method.name for method in methods]
    return evaluate_without_reference(
        Photographs(source, limit=limit), bench, Mean(), models=models, pictures=pictures, seed=0
    )


def rows_of(results, part="all"):
    return {row["model"]: row for row in results.rows if row["part"] == part}


def test_figures_of_a_known_change(stills):
    rows = rows_of(evaluated(stills, Half()))
    hazy, half = rows["hazy"], rows["half"]
    assert (hazy["scenes"], hazy["new_edges"], hazy["gradient_gain"]) == (3, 0.0, 1.0)
    assert half["contrast"] == pytest.approx(hazy["contrast"] / 2, rel=0.02)
    assert half["gradient_gain"] == pytest.approx(0.5, rel=0.1)
    assert half["confidence"] == hazy["confidence"] == 0.75
    assert hazy["fog_density"] == pytest.approx(TEXTURE.mean() / 1e4)
    assert half["interval"]["contrast"] == [half["contrast"]] * 2
    assert "flicker" not in [column.key for column in evaluated(stills, Half()).columns]


def test_flicker_stands_beside_the_inputs_own(video):
    rows = rows_of(evaluated(video, Half(), Half("blinking", blink=8)))
    assert rows["hazy"]["flicker"] == rows["half"]["flicker"] == pytest.approx(0.0, abs=0.01)
    assert rows["blinking"]["flicker"] == pytest.approx(8.0, abs=0.01)
    assert rows["blinking"]["scenes"] == 6


def test_pairs_over_a_cut_are_skipped_and_counted(tmp_path):
    path = tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25.0, (160, 80))
    for frame in [TEXTURE] * 3 + [255 - TEXTURE[::-1, ::-1]] * 3:
        writer.write(np.ascontiguousarray(frame))
    writer.release()
    results = evaluated(path, Half())
    assert results.facts["flicker"].startswith("of 4 pairs of frames; 1 skipped")
    assert rows_of(results)["hazy"]["flicker"] == pytest.approx(0.0, abs=0.01)


def test_stills_and_videos_have_rows_of_their_own(stills, video):
    video.rename(stills / "drive.avi")
    results = evaluated(stills, Half())
    assert {(row["part"], row["scenes"]) for row in results.rows} == {("all", 9), (STILLS, 3), ("drive.avi", 6)}
    assert rows_of(results, STILLS)["half"]["flicker"] is None
    assert rows_of(results, "drive.avi")["half"]["flicker"] is not None


def test_worst_frames_are_shown_first(stills):
    dark = np.where(TEXTURE < 100, 10, TEXTURE).astype(np.uint8)
    cv2.imwrite(str(stills / "dark.png"), dark)

    class Blacker(Untouched):
        name = key = "blacker"

        def __call__(self, frame):
            return Answer(np.where(frame < 20, 0, frame).astype(np.uint8))

    results = evaluated(stills, Blacker(), pictures=2)
    assert [frame.name for frame in results.frames] == ["dark.png", "a.png"]
    assert results.frames[0].scores["damage by blacker, %"] < results.frames[1].scores["damage by blacker, %"] == 0.0
    assert list(results.frames[0].pictures) == ["hazy", "blacker", "hazy · mask", "blacker · mask"]


def test_only_what_is_new_is_asked(stills, tmp_path):
    kept, half = Predictions(tmp_path / "predictions.sqlite"), Half()
    first = evaluated(stills, half, predictions=kept, pictures=0)
    asked = half.asked
    assert asked == 1 + TIMED + 1  # the three pictures are equal
    again = evaluated(stills, half, Half("another"), predictions=kept, pictures=0)
    assert half.asked == asked + TIMED + 1
    assert rows_of(again)["half"] == rows_of(first)["half"]


def test_files_that_cannot_be_read_are_named(stills, video):
    (stills / "broken.jpg").write_bytes(b"no picture")
    (stills / "broken.mp4").write_bytes(b"no video")
    results = evaluated(stills, Half())
    assert [problem.partition(": ")[0] for problem in results.problems] == [
        str(stills / "broken.jpg"),
        str(stills / "broken.mp4"),
    ]
    assert rows_of(results)["half"]["scenes"] == 3


def test_video_that_ends_early_is_named_and_what_there_is_counts(tmp_path):
    path = tmp_path / "drive.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (160, 80))
    for _ in range(20):
        writer.write(TEXTURE)
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    results = evaluated(path, Half())
    frames = rows_of(results)["half"]["scenes"]
    assert 5 < frames < 15
    assert results.problems == [f"{path}: ended after {frames} of 20 frames; it is cut off or damaged"]
    assert evaluated(path, Half(), limit=frames).problems == []


def test_pictures_of_all_kinds_and_sizes_are_taken(tmp_path):
    kinds = {
        "grey": TEXTURE[..., 0],
        "alpha": np.dstack([TEXTURE, TEXTURE[..., 0]]),
        "deep": TEXTURE.astype(np.uint16) * 257,
        "row": TEXTURE[:1],
        "pixel": TEXTURE[:1, :1],
    }
    for name, picture in kinds.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    results = evaluated(tmp_path, Half(), pictures=len(kinds))
    assert results.problems == []
    assert rows_of(results)["half"]["scenes"] == len(results.frames) == len(kinds)


def test_method_that_fails_on_a_picture_does_not_end_the_run(stills):
    class Picky(Half):
        def __call__(self, frame):
            if frame.shape != TEXTURE.shape:
                raise FrameError("what a shape")
            return super().__call__(frame)

    cv2.imwrite(str(stills / "b.png"), TEXTURE[:40])
    results = evaluated(stills, Picky())
    assert results.problems == ["b.png: left out (what a shape)"]
    assert rows_of(results)["hazy"]["scenes"] == 3


def test_limit_spreads_stills_and_takes_the_first_frames_of_videos(stills, video):
    photographs = Photographs(stills, limit=2)
    assert [photograph.name for photograph in photographs] == ["a.png", "deeper/b.png"]
    photographs = Photographs(video, limit=2)
    assert [photograph.name for photograph in photographs] == ["drive.avi, frame 1", "drive.avi, frame 2"]
    assert len(photographs) == 2


def test_source_without_pictures_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"holds no picture and no video; looked for names ending in \.jpg"):
        Photographs(tmp_path, limit=0)
    with pytest.raises(DatasetError, match=r"nothing\.png: no such file or folder"):
        Photographs(tmp_path / "nothing.png", limit=0)
    with pytest.raises(ConfigError, match="at least 0, not -3"):
        Photographs(tmp_path, limit=-3)
