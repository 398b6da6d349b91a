"""Pictures and videos without ground truth: figures of hand-made ones, and files that cannot be read."""

import cv2
import numpy as np
import pytest

from dfs_core.errors import ConfigError, DatasetError, FrameError
from dfs_core.evaluation import pairs
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
    """Halves every difference from grey level 120, or scales it, and blinks by `blink` levels from call to call."""

    source = "a formula"

    def __init__(self, name="half", blink=0, gain=0.5):
        self.name = self.key = name
        self.asked, self._blink, self._gain = 0, blink, gain

    def __call__(self, frame):  # noqa: D102
        self.asked += 1
        shift = self._blink * (self.asked % 2)
        return Answer(np.rint(120 + self._gain * (frame.astype(float) - 120) + shift).astype(np.uint8))


class Mean(Method):
    """Takes a tenth of the mean grey level for the attenuation, in 1/km."""

    name, key, source = "mean", "mean", "a formula"
    asked = 0

    def __call__(self, frame):  # noqa: D102
        self.asked += 1
        return Answer(frame, fog_density=float(frame.mean()) / 1e4)


class Sure(Judge):
    """Calls everything road."""

    name, key, source, labels = "sure", "sure", "a formula", CAMVID_11
    asked = 0

    def __call__(self, picture):  # noqa: D102
        self.asked += 1
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
    return written(tmp_path / "drive.avi", [TEXTURE] * 6)


def moving(number):
    """Return frame `number`, from 0, of a camera that moves to the right by 2 pixels a frame."""
    return np.ascontiguousarray(np.roll(TEXTURE, -2 * number, axis=1))


@pytest.fixture
def moving_video(tmp_path):
    return written(tmp_path / "moving.avi", map(moving, range(6)))


def written(path, frames):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25.0, (160, 80))
    for frame in frames:
        writer.write(np.ascontiguousarray(frame))
    writer.release()
    return path


def evaluated(source, *methods, limit=0, pictures=2, predictions=None, judge=None, estimator=None):
    bench = Bench([Untouched(), *methods], [judge or Sure()], predictions or Predictions(None))
    return evaluate_without_reference(
        Photographs(source, limit=limit),
        bench,
        estimator or Mean(),
        models=[method.name for method in methods],
        pictures=pictures,
        seed=0,
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
    path = written(tmp_path / "cut.avi", [TEXTURE] * 3 + [255 - TEXTURE[::-1, ::-1]] * 3)
    kept = Predictions(None)
    for half in (Half(), Half("another"), Half()):  # found, found again for a new method, and kept
        results = evaluated(path, half, predictions=kept, pictures=0)
        assert results.facts["flicker"].startswith("of 4 pairs of frames; 1 skipped")
        assert rows_of(results)["hazy"]["flicker"] == pytest.approx(0.0, abs=0.01)
    assert half.asked == TIMED + 1


def test_pair_with_a_frame_that_was_left_out_is_not_compared(moving_video):
    class Picky(Half):
        def __call__(self, frame):
            if np.array_equal(frame, moving(2)):
                raise FrameError("not this one")
            return super().__call__(frame)

    results = evaluated(moving_video, Picky())
    assert results.problems == ["moving.avi, frame 3: left out (not this one)"]
    assert results.facts["flicker"].startswith("of 3 pairs of frames; 0 skipped")  # 1-2, 4-5, 5-6, but not 2-4
    assert rows_of(results)["hazy"]["scenes"] == 5


def test_last_frame_of_a_video_is_not_compared_with_the_first_of_the_next(tmp_path):
    for name in ("a.avi", "b.avi"):
        written(tmp_path / name, [TEXTURE] * 3)
    assert evaluated(tmp_path, Half()).facts["flicker"].startswith("of 4 pairs of frames; 0 skipped")


def test_flicker_of_all_videos_is_the_mean_over_all_pairs(tmp_path):
    for name, levels in (("a.avi", (0, 4, 0)), ("b.avi", (0, 16))):
        written(tmp_path / name, [TEXTURE + np.uint8(level) for level in levels])
    results = evaluated(tmp_path, Half())
    for part, levels in (("all", (4 + 4 + 16) / 3), ("a.avi", 4), ("b.avi", 16)):
        assert rows_of(results, part)["hazy"]["flicker"] == pytest.approx(levels, abs=0.05)


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


def test_rerun_of_a_video_asks_nobody_and_a_new_model_only_itself(moving_video, tmp_path):
    path, half, judge, estimator = tmp_path / "predictions.sqlite", Half(), Sure(), Mean()

    def run(*methods):
        kept = Predictions(path)
        before = half.asked, judge.asked, estimator.asked
        results = evaluated(moving_video, *methods, predictions=kept, pictures=0, judge=judge, estimator=estimator)
        kept.close()
        asked = half.asked, judge.asked, estimator.asked
        return rows_of(results), results.facts["flicker"], tuple(np.subtract(asked, before).tolist())

    timed = TIMED + 1
    rows, fact, asked = run(half)
    assert asked == (6 + timed, 2 * 6, 2 * 6)
    assert fact.startswith("of 5 pairs of frames; 0 skipped")
    assert run(half) == (rows, fact, (timed, 0, 0))
    another = Half("another", gain=0.25)
    more, _, asked = run(half, another)
    assert asked == (timed, 6, 6)
    assert another.asked == 6 + timed  # once a frame, although most are in two pairs
    assert {name: more[name] for name in rows} == rows
    assert more["another"]["flicker"] != rows["half"]["flicker"]


def test_motion_is_found_again_only_for_whom_it_is_needed(moving_video, monkeypatch):
    kept = Predictions(None)
    first = evaluated(moving_video, Half(), predictions=kept, pictures=0)
    monkeypatch.setattr(pairs, "find_motion", None)  # to call it is an error
    assert evaluated(moving_video, Half(), predictions=kept, pictures=0).rows == first.rows
    with pytest.raises(TypeError):
        evaluated(moving_video, Half(), Half("another"), predictions=kept, pictures=0)


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
