"""An engine is built for what can be built for, and runs only there."""

from types import ModuleType

import pytest

from dfs_core.engines.target import Gpu, Target, choose_target, parse_targets
from dfs_core.errors import EngineError

L4 = Gpu("NVIDIA L4", (8, 9))
RTX_3080 = Gpu("NVIDIA GeForce RTX 3080", (8, 6))
RTX_2080 = Gpu("NVIDIA GeForce RTX 2080", (7, 5))
ORIN = Gpu("Orin", (8, 7))


@pytest.fixture
def plain() -> ModuleType:
    """What TensorRT itself shows of targets: nothing."""
    return ModuleType("tensorrt")


@pytest.mark.parametrize(
    ("words", "expected"),
    [("sm89", ((8, 9),)), ("SM120, sm86,86", ((8, 6), (12, 0))), ("75", ((7, 5),))],
)
def test_targets_are_read_in_order_and_each_once(words, expected):
    assert parse_targets(words) == expected


@pytest.mark.parametrize("words", ["", "sm", "sm8.6", "ampere", "sm86,"])
def test_what_names_no_target_is_refused(words):
    with pytest.raises(EngineError, match=f"such as sm86,sm89, not '{words}'"):
        parse_targets(words)


@pytest.mark.parametrize(
    ("target", "runs_on"),
    [
        (Target("NVIDIA L4", ((8, 9),)), {L4}),
        (Target("", ((8, 9),)), {L4}),
        (Target("", ((7, 5), (8, 6))), {RTX_3080, RTX_2080}),
        (Target(), {L4, RTX_3080, ORIN}),
    ],
)
def test_an_engine_runs_on_its_target_alone(target, runs_on):
    assert {gpu for gpu in (L4, RTX_3080, RTX_2080, ORIN) if target.runs_on(gpu)} == runs_on


def test_another_gpu_of_the_same_kind_is_another():
    assert not Target("NVIDIA L4", ((8, 9),)).runs_on(Gpu("NVIDIA L40", (8, 9)))


def test_rtx_builds_for_what_was_asked_for_the_gpu_here_or_portably(tensorrt):
    assert choose_target(tensorrt, L4, ((8, 6),)) == Target("", ((8, 6),))
    assert choose_target(tensorrt, L4) == Target("NVIDIA L4", ((8, 9),))
    assert choose_target(tensorrt, ORIN) == Target()
    assert choose_target(tensorrt, None) == Target()


@pytest.mark.parametrize("kind", [(8, 7), (9, 0), (1, 0)])
def test_a_gpu_that_cannot_be_built_for_is_answered_with_those_that_can(kind, tensorrt):
    with pytest.raises(
        EngineError, match=r"tensorrt_rtx does not build for SM{}{}, only for SM75, .*SM86".format(*kind)
    ):
        choose_target(tensorrt, None, ((8, 6), kind))


def test_tensorrt_itself_builds_for_the_gpu_here_alone(plain):
    assert choose_target(plain, L4) == Target("NVIDIA L4", ((8, 9),))
    with pytest.raises(EngineError, match="tensorrt builds for the GPU in this machine only, not for SM86"):
        choose_target(plain, L4, ((8, 6),))
    with pytest.raises(EngineError, match=r"this machine only, and there is none \(no driver\).*tensorrt-rtx"):
        choose_target(plain, None, no_gpu="no driver")
