"""`dfs build-engine` and `dfs engines`, run as a user runs them, with the real builder."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

COMMAND = (sys.executable, "-m", "dfs_core.cli")
SMALL = ("--max-size", "256x192", "--target", "sm86")

pytestmark = pytest.mark.usefixtures("tensorrt")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment whose caches are below the test's own folder."""
    return {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "COLUMNS": "200", "NO_COLOR": "1"}


@pytest.fixture
def engines(tmp_path: Path) -> Path:
    """Where engines are kept there."""
    return tmp_path / "dfs/engines"


@pytest.fixture
def dfs(environment: dict[str, str]) -> Run:
    """Run `dfs`."""

    def run(*words: object) -> "subprocess.CompletedProcess[str]":
        command = [*COMMAND, *map(str, words)]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )

    return run


def test_an_engine_is_built_listed_verified_and_removed(dfs, model_path, engines, tensorrt):
    built = dfs("build-engine", model_path, *SMALL)
    (folder,) = engines.iterdir()
    assert (built.returncode, built.stderr) == (
        0,
        f"building the engine of small.onnx for sm86 with tensorrt_rtx {tensorrt.__version__}\n",
    )
    assert re.fullmatch(
        rf"{re.escape(str(folder))}: \d\.\d MB for sm86, tensorrt_rtx \S+, fp32, frames 1x1 to 256x192, "
        r"batch 1 to 4, best at 1; built in \d+\.\d s\n",
        built.stdout,
    )
    assert {path.name for path in folder.iterdir()} == {"model.engine", "manifest.json"}

    again = dfs("build-engine", model_path, *SMALL)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.endswith("; was there already\n")

    listed = dfs("engines", "list").stdout
    for words in (folder.name[:12], "small.onnx", "sm86", tensorrt.__version__, "fp32", "256x192"):
        assert words in listed

    verified = dfs("engines", "verify")
    assert (verified.returncode, verified.stderr) == (0, "")
    assert re.fullmatch(rf"{folder.name[:12]}: whole, \d\.\d MB\n", verified.stdout)

    removed = dfs("engines", "remove", folder.name[:6])
    assert removed.returncode == 0
    assert re.fullmatch(rf"{folder.name[:12]}: removed, \d\.\d MB\n", removed.stdout)
    assert list(engines.iterdir()) == []
    assert dfs("engines", "list").stdout == f"{engines}: no engines\n"


def test_sizes_batch_and_targets_are_in_the_manifest(dfs, model_path, tmp_path):
    sizes = ("--min-size", "96x64", "--size", "128x96", "--max-size", "256x192", "--batch", 2, "--max-batch", 4)
    answer = dfs(
        "build-engine", model_path, *sizes, "--target", "sm120,sm86", "--tf32", "--cache-dir", tmp_path / "own"
    )
    assert answer.returncode == 0, answer.stderr
    (manifest,) = (tmp_path / "own").glob("*/manifest.json")
    key = json.loads(manifest.read_text())["key"]
    assert key["profile"] == {"smallest": [1, 64, 96], "usual": [2, 96, 128], "largest": [4, 192, 256]}
    assert key["target"] == {"gpu": "", "compute_capabilities": [[8, 6], [12, 0]]}
    assert key["tf32"] is True


def test_damage_is_found_said_and_repaired(dfs, model_path, engines):
    dfs("build-engine", model_path, *SMALL)
    (plan,) = engines.glob("*/model.engine")
    plan.write_bytes(plan.read_bytes()[:-1])
    short = plan.parent.name[:12]

    verified = dfs("engines", "verify", short)
    assert verified.returncode == 1
    assert verified.stdout.startswith(f"{short}: damaged: model.engine has ")
    assert "1 of 1 engines damaged; each is built again when it is needed" in verified.stderr

    again = dfs("build-engine", model_path, *SMALL)
    assert "; building this engine again\n" in again.stderr
    assert "; built in " in again.stdout
    assert dfs("engines", "verify").returncode == 0

    (plan.parent / "manifest.json").write_text("{")
    assert f"{short}   damaged: manifest.json is damaged" in dfs("engines", "list").stdout


def test_rebuild_builds_what_is_there(dfs, model_path, engines):
    dfs("build-engine", model_path, *SMALL)
    assert "; built in " in dfs("build-engine", model_path, *SMALL, "--rebuild").stdout
    assert len(list(engines.iterdir())) == 1


def test_the_shipped_model_is_built_for_turing(dfs, engines):
    answer = dfs("build-engine", "dfs_fast", "--target", "sm75")
    assert (answer.returncode, len(list(engines.iterdir()))) == (0, 1)


def test_a_build_that_fails_shows_the_builders_words_and_the_cure_and_leaves_nothing(dfs, engines):
    answer = dfs("build-engine", "dfs_fast", "--target", "sm86", "--workspace-mb", 1)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert re.search(
        r"; .*\bworkspace\b.*: give more with --workspace-mb", answer.stderr
    )  # which layer fails first varies
    assert list(engines.iterdir()) == []


def test_ctrl_c_is_said_and_leaves_nothing(model_path, environment, engines):
    command = [*COMMAND, "build-engine", "dfs_fast", "--target", "sm80,sm86,sm89,sm120"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("building the engine of dfs_fast.onnx")
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stdout) == (130, "")
    assert re.fullmatch(r"dfs: \S+dfs_fast\.onnx: ended by Ctrl-C, nothing was kept\n", stderr)
    assert list(engines.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("build-engine", "nothing.onnx"), "nothing.onnx: cannot be opened"),
        (("build-engine", "dfs_fast", "--target", "sm87"), "does not build for SM87, only for SM75"),
        (("build-engine", "dfs_fast", "--target", "best"), "such as sm86,sm89, not 'best'"),
        (("build-engine", "dfs_fast", "--size", "large"), "WIDTHxHEIGHT in pixels"),
        (("build-engine", "dfs_fast", "--min-size", "640x480", "--max-size", "320x240"), "from the smallest over"),
        (
            ("build-engine", "dfs_fast", "--flavour", "openvino"),
            "must be one of tensorrt, tensorrt_rtx, not 'openvino'",
        ),
        (("build-engine", "dfs_fast", "--cache-dir", "/dev/null/engines"), "cannot be written"),
        (("engines", "remove"), "name the engines to remove as `dfs engines list` has them, or give --all"),
        (("engines", "remove", "abc", "--all"), "or give --all"),
        (("engines", "remove", "abc"), "no engines have names that begin with 'abc'; see `dfs engines list`"),
        (("engines", "verify", "abc"), "no engines have names that begin with 'abc'"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_the_reason(words, said, dfs, engines):
    answer = dfs(*words)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert re.fullmatch(rf"dfs: [^\n]*{re.escape(said)}[^\n]*\n", answer.stderr)
    assert not engines.exists() or list(engines.iterdir()) == []
