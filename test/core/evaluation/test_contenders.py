"""Who takes part, from the words of a command line."""

import shutil
from contextlib import ExitStack

import pytest

from dfs_core.errors import ArtifactError, ConfigError
from dfs_core.evaluation.contenders import open_judges, open_methods


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


def test_hazy_is_first_and_the_prior_is_no_model_that_was_asked_for(small_model, stack):
    methods, models = open_methods([str(small_model), f"twin={small_model}"], stack, dcp=True)
    assert [method.name for method in methods] == ["hazy", "dcp", "small_dfs", "twin"]
    assert models == ["small_dfs", "twin"]
    methods, _ = open_methods([str(small_model)], stack, dcp=False)
    assert [method.name for method in methods] == ["hazy", "small_dfs"]


def test_the_shipped_model_plays_both_parts_where_nobody_is_named(stack):
    assert open_methods([], stack, dcp=False)[1] == ["dfs_fast"]
    assert [judge.name for judge in open_judges([], stack)] == ["dfs_fast"]


def test_file_whose_own_name_holds_an_equals_sign_is_found(small_model, stack, tmp_path):
    path = tmp_path / "beta=0.02.onnx"
    shutil.copyfile(small_model, path)
    assert open_methods([str(path)], stack, dcp=False)[1] == ["small_dfs"]
    assert open_methods([f"light={path}"], stack, dcp=False)[1] == ["light"]


@pytest.mark.parametrize("name", ["hazy", "dcp", "clear"])
def test_row_that_is_there_anyway_cannot_be_named_again(small_model, stack, name):
    with pytest.raises(ConfigError, match=rf"two are called '{name}': .*small\.onnx.*NAME=FILE"):
        open_methods([f"{name}={small_model}"], stack, dcp=True)


def test_judges_have_names_of_their_own(small_model, stack):
    assert [judge.name for judge in open_judges([f"a={small_model}", f"b={small_model}"], stack)] == ["a", "b"]
    with pytest.raises(ConfigError, match="two are called 'small_dfs'"):
        open_judges([str(small_model)] * 2, stack)


def test_those_that_were_opened_are_closed_with_the_stack(small_model, monkeypatch):
    closed = []
    with ExitStack() as stack:
        methods, _ = open_methods([str(small_model)], stack, dcp=False)
        monkeypatch.setattr(methods[1]._dehazer, "close", lambda: closed.append("model"))
    assert closed == ["model"]


def test_file_that_is_not_there_is_named(stack):
    with pytest.raises(ArtifactError, match=r"nowhere\.onnx: cannot be opened"):
        open_methods(["twin=nowhere.onnx"], stack, dcp=False)
