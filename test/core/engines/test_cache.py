"""Engines are kept for exactly what they were built for, and built again when anything is wrong with them."""

import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dfs_core.engines.cache import EngineCache, default_folder
from dfs_core.engines.profile import Profile
from dfs_core.engines.target import Gpu, Target
from dfs_core.errors import EngineError

HERE = Gpu("Some GPU", (8, 6))

ASK = """
import logging, sys
from pathlib import Path

from dfs_core.engines.build import build
from dfs_core.engines.cache import EngineCache
from dfs_core.engines.flavour import import_tensorrt
from dfs_core.engines.key import EngineKey
from dfs_core.engines.model_file import read_model
from dfs_core.engines.profile import Profile
from dfs_core.engines.target import Target

class Teller(logging.Handler):
    def emit(self, record):
        words = [word for word in ("waiting", "ends at its next step") if word in record.getMessage()]
        print(*words or [record.getMessage()], flush=True)

def on_progress(step, share):
    steps.append(step)
    if len(steps) == 1:
        print("building", flush=True)
        sys.stdin.readline()
    return True

steps = []
logging.getLogger("dfs_core").addHandler(Teller())
model, tensorrt = read_model(Path(sys.argv[1])), import_tensorrt("tensorrt_rtx")
profile, target = Profile((1, 64, 64), (1, 96, 128), (1, 192, 256)), Target("", ((8, 6),))
key = EngineKey.of(model, tensorrt, target, profile)
make = lambda: build(model, profile, target, tensorrt=tensorrt, on_progress=on_progress)
try:
    engine = EngineCache(Path(sys.argv[2])).get(key, make, model="small.onnx")
    print("engine", hash(engine), flush=True)
except KeyboardInterrupt:
    print("nothing after step", len(steps), flush=True)
"""
"""Asks a cache for an engine; says when it waits for another process, when it has begun to build (it goes on after a
line on stdin), and what came of it."""


class Builder:
    """Gives another engine each time, and counts."""

    def __init__(self):
        self.built = 0

    def __call__(self):
        """Give the next engine."""
        self.built += 1
        return b"engine %d" % self.built


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "engines")


@pytest.fixture
def get(cache):
    """Ask the cache for an engine."""

    def ask(key, builder, **options):
        return cache.get(key, builder, model="small.onnx", **options)

    return ask


@pytest.fixture
def ask(model_path, tmp_path, tensorrt):
    """Start a process that asks for an engine of the small model."""
    started = []

    def start():
        command = [sys.executable, "-c", ASK, str(model_path), str(tmp_path / "engines")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, env={**os.environ, "PYTHONHASHSEED": "0"}, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def kept(cache):
    """Return the names of all that is in the folder of a cache, hidden things too."""
    return sorted(path.name for path in cache.folder.iterdir())


def test_an_engine_is_built_once(key, get, cache):
    builder = Builder()
    assert [get(key, builder) for _ in range(3)] == [b"engine 1"] * 3
    assert builder.built == 1
    assert kept(cache) == [key.folder_name()]


def test_an_engine_for_a_changed_model_is_another(key, get):
    builder = Builder()
    changed = replace(key, model_sha256="00fe")
    assert (get(key, builder), get(changed, builder), get(key, builder)) == (b"engine 1", b"engine 2", b"engine 1")


def test_the_manifest_says_what_it_is(key, get, cache):
    get(key, lambda: b"abc")
    found = json.loads((cache.entry(key).folder / "manifest.json").read_text())
    # FIPS 180-2, appendix B.1
    assert found["engine_sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (found["format"], found["model"], found["engine_bytes"]) == (1, "small.onnx", 3)
    assert found["key"]["target"] == {"gpu": "Some GPU", "compute_capabilities": [[8, 6]]}
    assert found["key"]["profile"]["usual"] == [1, 1080, 1920]


def cut_engine(folder):
    (folder / "model.engine").write_bytes(b"engi")


def flip_a_bit(folder):
    (folder / "model.engine").write_bytes(b"engine 0")


def remove_engine(folder):
    (folder / "model.engine").unlink()


def change_manifest(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace("Some GPU", "Some other"))


def cut_manifest(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text()[:20])


def empty_manifest(folder):
    (folder / "manifest.json").write_text("[]")


def make_manifest_new(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))


def write_noise_to_manifest(folder):
    (folder / "manifest.json").write_bytes(b"\xff\xfe\x00")


def remove_manifest(folder):
    (folder / "manifest.json").unlink()


HARMS = {
    cut_engine: "model.engine has 4 bytes that are not the 8 of its manifest.json",
    flip_a_bit: "model.engine has 8 bytes that are not the 8",
    remove_engine: "model.engine cannot be read (No such file or directory)",
    change_manifest: "manifest.json describes another engine",
    cut_manifest: "manifest.json is damaged (JSONDecodeError",
    empty_manifest: "manifest.json is damaged (TypeError",
    make_manifest_new: "manifest.json has format 2, this version of DFS reads 1",
    write_noise_to_manifest: "manifest.json is damaged (UnicodeDecodeError",
    remove_manifest: "manifest.json cannot be read (No such file or directory)",
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_damaged_is_built_again_and_said_in_one_line(harm, key, get, cache, caplog):
    builder = Builder()
    get(key, builder)
    harm(cache.entry(key).folder)
    assert get(key, builder) == b"engine 2"
    (record,) = caplog.records
    assert HARMS[harm] in record.getMessage()
    assert record.getMessage().endswith("; building this engine again")
    assert "\n" not in record.getMessage()
    assert get(key, builder) == b"engine 2"
    assert kept(cache) == [key.folder_name()]


def test_an_engine_that_did_not_run_is_replaced(key, get):
    builder = Builder()
    get(key, builder)
    assert get(key, builder, rebuild=True) == b"engine 2"
    assert get(key, builder) == b"engine 2"


def test_a_build_that_fails_leaves_nothing(key, get, cache):
    def fail():
        raise ValueError("no engine")

    with pytest.raises(ValueError, match="no engine"):
        get(key, fail)
    assert kept(cache) == []
    assert get(key, Builder()) == b"engine 1"


def test_a_build_again_that_fails_leaves_what_was_there(key, get, cache):
    def fail():
        raise ValueError("no engine")

    get(key, Builder())
    with pytest.raises(ValueError, match="no engine"):
        get(key, fail, rebuild=True)
    assert cache.entry(key).read() == b"engine 1"


def test_what_a_killed_process_left_is_swept_away(key, get, cache):
    cache.folder.mkdir(parents=True)
    left = cache.folder / f".{key.folder_name()}.partial-abc"
    left.mkdir()
    (left / "model.engine").write_bytes(b"half an eng")
    (cache.folder / f"{key.folder_name()}.lock").touch()
    assert get(key, Builder()) == b"engine 1"
    assert kept(cache) == [key.folder_name()]


def test_without_a_place_for_it_the_engine_is_built_and_the_log_says_so(key, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    (tmp_path / "file").write_text("in the way")
    builder = Builder()
    assert EngineCache(tmp_path / "file" / "engines").get(key, builder, model="small.onnx") == b"engine 1"
    assert builder.built == 1
    assert "engines cannot be kept there" in caplog.text


def test_an_engine_in_a_folder_that_cannot_be_written_is_used(key, get, cache, caplog):
    builder = Builder()
    get(key, builder)
    (cache.folder / f"{key.folder_name()}.lock").mkdir()  # so that nothing can be locked, as on a read-only disk
    assert get(key, builder) == b"engine 1"
    assert caplog.records == []
    assert get(key, builder, rebuild=True) == b"engine 2"
    flip_a_bit(cache.entry(key).folder)
    assert get(key, builder) == b"engine 3"
    assert "engines cannot be kept there" in caplog.text


def test_without_a_home_the_error_says_what_names_a_folder(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(EngineError, match=r"no folder to keep engines in .*home.*XDG_CACHE_HOME"):
        EngineCache()


def test_two_processes_that_ask_at_once_build_once(ask, cache):
    processes = [ask(), ask()]
    said = [process.stdout.readline() for process in processes]
    assert sorted(said) == ["building\n", "waiting\n"]
    for process in processes:
        process.stdin.write("go on\n")
        process.stdin.close()
        process.stdin = None
    (first, _), (second, _) = (process.communicate(timeout=120) for process in processes)
    assert first == second
    assert first.startswith("engine ")
    (entry,) = cache.entries()
    assert entry.read()
    assert kept(cache) == [entry.name]


def test_ctrl_c_ends_a_build_and_leaves_nothing(ask, cache):
    process = ask()
    assert process.stdout.readline() == "building\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "ends at its next step\n"
    assert process.communicate("go on\n", timeout=120)[0] == "nothing after step 1\n"
    assert kept(cache) == []


def test_who_waits_for_a_process_that_is_killed_builds_itself(ask, cache):
    processes = [ask(), ask()]
    said = [process.stdout.readline() for process in processes]
    builder, waiter = (processes[said.index(word)] for word in ("building\n", "waiting\n"))
    builder.kill()
    assert waiter.stdout.readline() == "building\n"
    assert waiter.communicate("go on\n", timeout=120)[0].startswith("engine ")
    assert kept(cache) == [cache.entries()[0].name]


def test_the_engine_built_last_that_suits_a_gpu_is_found(key, get, cache):
    elsewhere = replace(key, target=Target("Another GPU", ((8, 6),)))
    ahead = replace(key, target=Target("", ((8, 6), (8, 9))), profile=Profile((1, 64, 64), (1, 64, 64), (1, 64, 64)))
    assert cache.find(key, HERE) is None
    get(elsewhere, Builder())
    assert cache.find(key, HERE) is None
    get(ahead, Builder())
    assert cache.find(key, HERE) == ahead
    get(key, Builder())
    manifest = cache.entry(ahead).folder / "manifest.json"
    found = json.loads(manifest.read_text())
    for built, expected in (("1999-12-31T23:59:59+00:00", key), ("2999-12-31T23:59:59+00:00", ahead)):
        manifest.write_text(json.dumps({**found, "built": built}))
        assert cache.find(key, HERE) == expected


def test_what_is_damaged_is_not_found(key, get, cache):
    get(key, Builder())
    cut_manifest(cache.entry(key).folder)
    assert cache.find(key, HERE) is None


def test_an_engine_that_is_removed_is_gone(key, get, cache):
    get(key, Builder())
    (entry,) = cache.entries()
    cache.remove(entry)
    assert kept(cache) == []
    with pytest.raises(EngineError, match=r"cannot be removed \(No such file or directory\)"):
        cache.remove(entry)


def test_engines_are_kept_where_the_user_keeps_caches(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_folder() == Path("/somewhere/dfs/engines")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert default_folder() == Path.home() / ".cache" / "dfs" / "engines"
