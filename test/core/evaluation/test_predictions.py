"""What is kept comes back as it was, and a file that cannot hold it says so."""

import contextlib
import sqlite3

import numpy as np
import pytest

from dfs_core.errors import OutputError
from dfs_core.evaluation.predictions import Prediction, Predictions, fingerprint, key_of

RNG = np.random.default_rng(0)
MASK = RNG.integers(0, 11, (20, 30), np.uint8)
PAINTING = RNG.integers(0, 256, (20, 30, 3), np.uint8)


def test_prediction_outlives_the_object_that_kept_it(tmp_path):
    path = tmp_path / "new" / "predictions.sqlite"
    kept = Predictions(path)
    kept.put({"one": Prediction({"psnr": 19.125, "fog_density": None}, MASK, PAINTING), "two": Prediction()})
    kept.close()
    again = Predictions(path)
    one, two = again.get("one"), again.get("two")
    assert one.figures == {"psnr": 19.125, "fog_density": None}
    np.testing.assert_array_equal(one.mask, MASK)
    np.testing.assert_array_equal(one.painting, PAINTING)
    assert two == Prediction()
    assert again.get("three") is None


def test_two_can_use_one_file(tmp_path):
    first, second = (Predictions(tmp_path / "predictions.sqlite") for _ in range(2))
    first.put({"key": Prediction({"ssim": 0.5})})
    assert second.get("key").figures == {"ssim": 0.5}
    second.put({"key": Prediction({"ssim": 0.75})})
    assert first.get("key").figures == {"ssim": 0.75}


def test_nothing_is_kept_of_entries_that_cannot_all_be(tmp_path):
    kept = Predictions(tmp_path / "predictions.sqlite")
    with sqlite3.connect(tmp_path / "predictions.sqlite") as connection:
        condition = "BEFORE INSERT ON predictions WHEN new.key = 'bad'"
        connection.execute(f"CREATE TRIGGER refuse {condition} BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(OutputError, match="cannot keep predictions there"):
        kept.put({"good": Prediction(), "bad": Prediction()})
    assert kept.get("good") is None


@pytest.mark.parametrize(("column", "content"), [("mask", b"no picture"), ("mask", b""), ("figures", "{")])
def test_damaged_entry_is_named(tmp_path, column, content):
    kept = Predictions(tmp_path / "predictions.sqlite")
    kept.put({"key": Prediction({"psnr": 19.0}, MASK)})
    with sqlite3.connect(tmp_path / "predictions.sqlite") as connection:
        connection.execute(f"UPDATE predictions SET {column} = ?", (content,))  # noqa: S608 - a name from above
    with pytest.raises(OutputError, match=r"predictions\.sqlite: cannot keep predictions there .*delete the file"):
        kept.get("key")


def test_without_a_file_predictions_last_as_long_as_the_object():
    kept = Predictions(None)
    kept.put({"key": Prediction(mask=MASK)})
    np.testing.assert_array_equal(kept.get("key").mask, MASK)


def test_file_of_another_kind_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("these are not predictions, but notes that somebody wrote\n" * 40)
    with pytest.raises(OutputError, match=r"notes\.txt: cannot keep predictions there .*--cache, or give --no-cache"):
        Predictions(path)
    assert path.read_text().startswith("these are not")


def test_database_of_another_program_is_left_alone(tmp_path):
    path = tmp_path / "bookmarks.sqlite"
    for statement in ("CREATE TABLE places (url TEXT)", "PRAGMA application_id = 7"):  # by its table, then by its mark
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement)
        before = path.read_bytes()
        with pytest.raises(OutputError, match=r"bookmarks\.sqlite: is a database of another program .*--cache"):
            Predictions(path)
        assert path.read_bytes() == before
        assert [entry.name for entry in tmp_path.iterdir()] == ["bookmarks.sqlite"]


def test_file_is_marked_as_ours(tmp_path):
    path = tmp_path / "predictions.sqlite"
    path.touch()
    Predictions(path).close()
    content = path.read_bytes()
    assert content[:15] == b"SQLite format 3"
    assert content[68:72] == b"DFSe"  # where the file format says that the application's id stands


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/predictions\.sqlite: cannot keep predictions there"):
        Predictions(tmp_path / "file" / "predictions.sqlite")


def test_fingerprint_tells_pixels_and_shapes_apart():
    changed = MASK.copy()
    changed[3, 4] ^= 1
    pictures = [MASK, changed, MASK.reshape(30, 20), PAINTING]
    assert len({fingerprint(picture) for picture in pictures}) == 4
    assert fingerprint(PAINTING[:, ::2]) == fingerprint(PAINTING[:, ::2].copy())


def test_key_tells_its_parts_apart():
    assert len({key_of("ab", "c"), key_of("a", "bc"), key_of("abc"), key_of("c", "ab")}) == 4
