"""Compiled networks are read where they fit, and never where anything about them is another."""

import logging
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from dfs_core.errors import BackendError
from dfs_core.runtime import Dehazer, Result, load
from dfs_core.runtime import openvino as backend
from dfs_core.runtime.network_cache import NetworkCache, default_folder

FRAMES = np.random.default_rng(0).integers(0, 256, (1, 40, 60, 3), np.uint8)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where networks are kept, not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/dfs/networks"


def networks(folder: Path) -> list[Path]:
    """Return the files of networks; the others hold one word."""
    return [path for path in folder.iterdir() if path.stat().st_size > 100]


def run(path: Path, **options: object) -> Result:
    with load(path, "openvino", **options) as dehazer:  # type: ignore[arg-type]
        return dehazer(FRAMES)


def same(first: Result, second: Result) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ("dehazed", "mask", "fog_density")
    )


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be compiled any more."""

    def refuse(*_: object) -> None:
        raise RuntimeError("it was to be compiled")

    monkeypatch.setattr(backend.OpenVinoDehazer, "_compiled", refuse)


def test_second_start_compiles_nothing_and_says_the_same(model_path, folder, request):
    first = run(model_path)
    assert len(networks(folder)) == 1
    request.getfixturevalue("no_compiler")
    assert same(run(model_path), first)


def test_second_start_does_not_even_read_the_graph(model_path, monkeypatch):
    first = run(model_path)
    monkeypatch.setattr(backend.OpenVinoDehazer, "_model", property(lambda _: pytest.fail("it was read")))
    assert same(run(model_path), first)


def test_start_that_finds_no_network_of_its_size_reads_the_graph(model_path):
    run(model_path)
    with load(model_path, "openvino") as dehazer:
        assert dehazer(np.zeros((1, 80, 60, 3), np.uint8)).dehazed.shape == (1, 80, 60, 3)


def test_file_that_is_replaced_changes_nothing_that_is_loaded(model_path, tmp_path):
    expected = run(model_path)
    path = tmp_path / "model.onnx"
    path.write_bytes(model_path.read_bytes())
    with load(path, "openvino") as dehazer:
        path.write_bytes(b"another")
        assert same(dehazer(FRAMES), expected)
        assert dehazer(np.zeros((1, 80, 60, 3), np.uint8)).dehazed.shape == (1, 80, 60, 3)


def test_other_sizes_outputs_and_options_are_other_networks(model_path, folder):
    wide = np.zeros((1, 40, 160, 3), np.uint8)
    with load(model_path, "openvino", threads=1) as dehazer:
        for frames, options in ((FRAMES, {}), (wide, {}), (FRAMES, {"segment": False})):
            dehazer(frames, **options)
    assert len(networks(folder)) == 3
    run(model_path, threads=2)
    assert len(networks(folder)) == 4
    run(model_path, threads=1, precision="auto")
    assert len(networks(folder)) == 5


def test_changed_model_is_compiled_anew(model, tmp_path, folder):
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    before = run(path)
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == "logits_bias")
    other_bias = numpy_helper.to_array(weight) + 3.0 * np.arange(11, dtype=np.float32)
    weight.CopyFrom(numpy_helper.from_array(other_bias, weight.name))
    onnx.save(model, path)
    with load(path, "onnxruntime") as other:
        expected = other(FRAMES)
    after = run(path)
    assert not np.array_equal(before.mask, after.mask)
    assert np.mean(after.mask == expected.mask) > 0.99
    assert len(networks(folder)) == 2


def test_another_version_of_openvino_compiles_anew(model_path, folder, monkeypatch, request):
    run(model_path)
    monkeypatch.setattr(backend.ov, "get_version", lambda: "2030.1")
    request.getfixturevalue("no_compiler")
    with pytest.raises(BackendError, match="it was to be compiled"):
        run(model_path)


@pytest.mark.parametrize("damage", ["emptied", "truncated", "flipped", "exchanged"])
def test_damaged_network_is_compiled_again_and_kept(damage, model_path, folder, caplog):
    caplog.set_level(logging.INFO, "dfs_core.runtime.network_cache")
    expected = run(model_path)
    (path,) = networks(folder)
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    path.write_bytes({"emptied": b"", "truncated": whole[:middle], "flipped": flipped, "exchanged": bytes(500)}[damage])
    assert same(run(model_path), expected)
    assert f"{path}: damaged, so this network is compiled again" in caplog.text
    caplog.clear()
    assert same(run(model_path), expected)
    assert caplog.text == ""


def test_what_openvino_cannot_read_is_compiled_again(model_path, folder, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "dfs_core.runtime.openvino")
    expected = run(model_path)
    monkeypatch.setattr(NetworkCache, "read", lambda *_: b"whole, but no network")
    assert same(run(model_path), expected)
    assert "a kept network cannot be read" in caplog.text


def test_folder_that_cannot_be_made_is_said_once(model_path, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "dfs_core.runtime.network_cache")
    expected = run(model_path)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with load(model_path, "openvino") as dehazer:
        assert same(dehazer(FRAMES), expected)
        dehazer(FRAMES, segment=False)
    (record,) = caplog.records
    assert record.getMessage().startswith("compiled networks cannot be kept (")


def test_full_disk_leaves_nothing_half_written(model_path, folder):
    program = """
        import resource, sys
        import numpy as np
        from dfs_core.runtime import load
        with load(sys.argv[1], "openvino") as dehazer:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
            print(dehazer(np.zeros((1, 40, 60, 3), np.uint8)).mask.shape)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(model_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "(1, 64, 96)\n"
    assert networks(folder) == []


def test_those_not_used_for_longest_go():
    cache = NetworkCache({"model": "one"})
    for number in range(16):
        cache.write(str(number), bytes([number]))
    for age, path in enumerate(sorted(default_folder().iterdir())):
        os.utime(path, (1000 + age, 1000 + age))
    oldest = sorted(default_folder().iterdir())[:2]
    assert cache.read("5") == bytes([5])
    cache.write("new", b"new")
    left = set(default_folder().iterdir())
    assert len(left) == 16
    assert cache.read("5") == bytes([5])
    assert cache.read("new") == b"new"
    assert sum(path in left for path in oldest) == 1


def test_models_share_nothing():
    NetworkCache({"model": "one"}).write("network", b"of one")
    assert NetworkCache({"model": "two"}).read("network") is None
    assert NetworkCache({"model": "one"}).read("network") == b"of one"


def test_result_does_not_depend_on_who_wrote_first(model_path, folder):
    dehazers: list[Dehazer] = [load(model_path, "openvino") for _ in range(2)]
    results = [dehazer(FRAMES) for dehazer in dehazers]
    assert same(*results)
    assert len(networks(folder)) == 1
