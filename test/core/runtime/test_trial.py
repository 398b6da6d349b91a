"""A model is tried on a frame before it serves."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from dfs_core import artifact
from dfs_core.errors import BackendError
from dfs_core.labels import CAMVID_11, LabelSet
from dfs_core.runtime import load
from dfs_core.runtime.trial import try_out

from .measure import whole


@pytest.fixture
def saved(model, tmp_path):
    """Return what saves the small model with constants changed, or another description."""

    def save(*, constants=None, **described):
        for name, value in (constants or {}).items():
            tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
            tensor.CopyFrom(numpy_helper.from_array(np.float32(value), name))
        path = tmp_path / "changed.onnx"
        onnx.save(model, path)
        onnx.helper.set_model_props(model, replace(artifact.read(path), **described).to_metadata())
        onnx.save(model, path)
        return path

    return save


@pytest.fixture(params=["openvino", "onnxruntime", "whole graph"])
def opened(request):
    """Return what opens a model, by cut networks or its whole graph."""
    return whole if request.param == "whole graph" else lambda path: load(path, request.param)


def test_a_good_model_passes_at_any_size(opened, model_path):
    with opened(model_path) as dehazer:
        for size in ((60, 96), (1, 1), (1, 7), (300, 2)):
            try_out(dehazer, *size)


@pytest.mark.parametrize("density", [np.nan, np.inf])
def test_a_fog_density_that_is_not_finite_is_refused(opened, saved, density):
    with (
        opened(saved(constants={"density_scale": density})) as dehazer,
        pytest.raises(BackendError, match=rf"test_model on .* answered a trial frame with a fog density of {density}"),
    ):
        try_out(dehazer, 60, 96)


def test_a_model_that_draws_need_not_know_the_fog_density(opened, saved):
    with opened(saved(constants={"density_scale": np.nan}, draws=True)) as dehazer:
        try_out(dehazer, 60, 96)


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_coefficients_that_are_not_finite_are_refused_and_counted(backend, saved):
    with (
        load(saved(constants={"offset_range": np.nan}), backend) as dehazer,
        pytest.raises(BackendError, match=f"{3 * 64 * 96} of {4 * 64 * 96} gains and offsets"),
    ):
        try_out(dehazer, 60, 96)


def test_coefficients_that_a_whole_graph_keeps_to_itself_show_as_one_colour(saved):
    with (
        whole(saved(constants={"offset_range": np.nan})) as dehazer,
        pytest.raises(BackendError, match="one colour for a whole frame of many"),
    ):
        try_out(dehazer, 60, 96)


def test_labels_outside_of_the_label_set_are_refused(opened, saved):
    with (
        opened(saved(labels=LabelSet("two", CAMVID_11.classes[:2]))) as dehazer,
        pytest.raises(BackendError, match=r"labels .*, and its label set 'two' ends at 1"),
    ):
        try_out(dehazer, 60, 96)
