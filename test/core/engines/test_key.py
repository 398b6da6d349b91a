"""A key stands for all that an engine depends on."""

from dataclasses import replace

import pytest

from dfs_core.engines.key import EngineKey
from dfs_core.engines.profile import Profile
from dfs_core.engines.target import Gpu, Target

HERE = Gpu("Some GPU", (8, 6))


@pytest.fixture
def others(key):
    """Keys that differ in one thing each."""
    return {
        "model": replace(key, model_sha256="00fe"),
        "flavour": replace(key, flavour="tensorrt_rtx"),
        "version": replace(key, version="10.3.1"),
        "GPU": replace(key, target=Target("Another GPU", ((8, 6),))),
        "compute capability": replace(key, target=Target("Some GPU", ((8, 9),))),
        "targets": replace(key, target=Target("", ((8, 6),))),
        "precision": replace(key, precision="fp16"),
        "TF32": replace(key, tf32=True),
        "sizes": replace(key, profile=Profile(largest=(2, 2160, 3840))),
    }


def test_each_thing_makes_another_folder(key, others):
    assert len({other.folder_name() for other in (key, *others.values())}) == len(others) + 1


def test_json_gives_the_same_key_back(key, others):
    for each in (key, *others.values()):
        assert EngineKey.from_json(each.to_json()) == each


def test_only_sizes_and_target_may_differ_where_one_engine_stands_in_for_another(key, others):
    suitable = {name for name, other in others.items() if other.suits(key, HERE)}
    assert suitable == {"sizes", "targets"}


def test_the_key_of_an_engine_says_what_builds_it(model, tensorrt):
    key = EngineKey.of(model, tensorrt, Target(), Profile(), tf32=True)
    assert (key.flavour, key.version) == ("tensorrt_rtx", tensorrt.__version__)
    assert (key.model_sha256, key.precision, key.tf32) == (model.sha256, "fp32", True)
