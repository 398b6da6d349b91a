"""Engines are kept for exactly what they were built for, and built again when anything is wrong with them."""

import json
import logging
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from dfs_core.engine import Profile
from dfs_core.engine_cache import EngineKey, cached, default_folder, file_sha256

KEY = EngineKey("00ff", "tensorrt", "10.3.0", "Some GPU", (8, 6), "fp32", Profile())
OTHER_KEYS = [
    replace(KEY, model_sha256="00fe"),
    replace(KEY, flavour="tensorrt_rtx"),
    replace(KEY, version="10.3.1"),
    replace(KEY, gpu="Another GPU"),
    replace(KEY, compute_capability=(8, 9)),
    replace(KEY, precision="auto"),
    replace(KEY, profile=Profile(largest=(2, 2160, 3840))),
]


class Builder:
    """Gives another engine each time, and counts."""

    def __init__(self):
        self.built = 0

    def __call__(self):
        """Give the next engine."""
        self.built += 1
        return b"engine %d" % self.built


def entry_of(folder, key=KEY):
    return folder / key.folder_name()


def test_an_engine_is_built_once(tmp_path):
    builder = Builder()
    engines = [cached(KEY, builder, folder=tmp_path) for _ in range(3)]
    assert engines == [b"engine 1"] * 3
    assert builder.built == 1


@pytest.mark.parametrize("other", OTHER_KEYS)
def test_an_engine_for_something_else_is_another(other, tmp_path):
    builder = Builder()
    assert cached(KEY, builder, folder=tmp_path) != cached(other, builder, folder=tmp_path)
    assert cached(KEY, builder, folder=tmp_path) == b"engine 1"


def test_the_manifest_says_what_it_is(tmp_path):
    cached(KEY, Builder(), folder=tmp_path)
    manifest = json.loads((entry_of(tmp_path) / "manifest.json").read_text())
    assert manifest["gpu"] == "Some GPU"
    assert manifest["compute_capability"] == [8, 6]
    assert manifest["profile"]["usual"] == [1, 1080, 1920]
    assert manifest["engine_sha256"] == file_sha256(entry_of(tmp_path) / "model.engine")


def damage_engine(entry):
    (entry / "model.engine").write_bytes(b"engi")


def remove_engine(entry):
    (entry / "model.engine").unlink()


def change_manifest(entry):
    path = entry / "manifest.json"
    path.write_text(path.read_text().replace("Some GPU", "Some other"))


def cut_manifest(entry):
    path = entry / "manifest.json"
    path.write_text(path.read_text()[:20])


@pytest.mark.parametrize("harm", [damage_engine, remove_engine, change_manifest, cut_manifest])
def test_what_does_not_fit_its_manifest_is_built_again(harm, tmp_path, caplog):
    builder = Builder()
    cached(KEY, builder, folder=tmp_path)
    harm(entry_of(tmp_path))
    assert cached(KEY, builder, folder=tmp_path) == b"engine 2"
    assert "building this engine again" in caplog.text
    assert cached(KEY, builder, folder=tmp_path) == b"engine 2"


def test_an_engine_that_did_not_run_is_replaced(tmp_path):
    builder = Builder()
    cached(KEY, builder, folder=tmp_path)
    assert cached(KEY, builder, folder=tmp_path, rebuild=True) == b"engine 2"
    assert cached(KEY, builder, folder=tmp_path) == b"engine 2"


def test_a_build_that_fails_leaves_nothing(tmp_path):
    def fail():
        raise ValueError("no engine")

    with pytest.raises(ValueError, match="no engine"):
        cached(KEY, fail, folder=tmp_path)
    assert not entry_of(tmp_path).exists()
    assert cached(KEY, Builder(), folder=tmp_path) == b"engine 1"


def test_without_a_place_for_it_the_engine_is_built_and_the_log_says_so(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    (tmp_path / "file").write_text("in the way")
    builder = Builder()
    assert cached(KEY, builder, folder=tmp_path / "file" / "engines") == b"engine 1"
    assert builder.built == 1
    assert "engines cannot be kept there" in caplog.text


def test_who_comes_second_waits_for_the_build_of_the_first(tmp_path):
    building, go_on, second_asks = threading.Event(), threading.Event(), threading.Event()
    results = {}

    def slow():
        building.set()
        assert go_on.wait(timeout=20)
        return b"the first's"

    def come_second():
        second_asks.set()
        results["second"] = cached(KEY, lambda: b"the second's", folder=tmp_path)

    first = threading.Thread(target=lambda: results.update(first=cached(KEY, slow, folder=tmp_path)))
    second = threading.Thread(target=come_second)
    first.start()
    assert building.wait(timeout=20)
    second.start()
    assert second_asks.wait(timeout=20)
    second.join(timeout=0.2)
    assert second.is_alive()
    go_on.set()
    for thread in (first, second):
        thread.join(timeout=20)
    assert results == {"first": b"the first's", "second": b"the first's"}


def test_engines_are_kept_where_the_user_keeps_caches(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_folder() == Path("/somewhere/dfs/engines")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert default_folder() == Path.home() / ".cache" / "dfs" / "engines"


def test_sha256_of_a_known_text(tmp_path):
    (tmp_path / "abc").write_text("abc")  # FIPS 180-2, appendix B.1
    assert file_sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
