"""The description of a model file: there and back through the metadata, and what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfs_core.artifact import Artifact
from dfs_core.errors import ArtifactError
from dfs_core.labels import CAMVID_11, CITYSCAPES_19

ARTIFACT = Artifact(
    "dfs_fast",
    CAMVID_11,
    network_width=512,
    network_multiple=32,
    precision="fp16",
    training_data="CamVid",
    license="Apache-2.0",
    metrics={"psnr": 21.5, "miou": 0.5},
)


def test_the_metadata_brings_everything_back():
    metadata = ARTIFACT.to_metadata()
    assert all(isinstance(value, str) for value in metadata.values())
    assert Artifact.from_metadata(metadata, source="model.onnx") == ARTIFACT


def test_the_metadata_can_be_read_without_this_package():
    metadata = Artifact("model", CITYSCAPES_19).to_metadata()
    classes = json.loads(metadata["dfs.classes"])
    assert classes[13] == {"name": "car", "color": [0, 0, 142], "category": "vehicle"}
    assert metadata["dfs.color_order"] == "RGB"


@pytest.mark.parametrize(
    ("size", "expected"),
    [  # 480 wide; the height to the nearest multiple of 16 of 480 · H / W
        ((540, 960), (272, 480)),  # 270 lies nearer to 272 than to 256
        ((1080, 1920), (272, 480)),
        ((2160, 3840), (272, 480)),
        ((480, 640), (368, 480)),  # 360 lies as near to 352: the upper one
        ((720, 960), (368, 480)),
        ((360, 480), (368, 480)),
        ((1200, 1920), (304, 480)),  # 300
        ((1920, 1080), (480, 480)),  # upright: squeezed to a square
        ((1, 1000), (32, 480)),  # a strip: stretched to two multiples
        ((1, 1), (480, 480)),
    ],
)
def test_network_size_by_hand(size, expected):
    assert Artifact("model", CAMVID_11).network_size(*size) == expected


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.sampled_from([(480, 16), (512, 32), (96, 8), (64, 32)]))
def test_the_network_gets_whole_multiples_between_its_limits(height, width, network):
    network_width, multiple = network
    artifact = Artifact("model", CAMVID_11, network_width=network_width, network_multiple=multiple)
    low_height, low_width = artifact.network_size(height, width)
    assert low_width == network_width
    assert low_height % multiple == 0
    assert 2 * multiple <= low_height <= network_width
    if 2 * multiple < low_height < network_width:
        assert abs(low_height - network_width * height / width) <= multiple / 2


@pytest.mark.parametrize(("width", "multiple"), [(480, 0), (480, 7), (16, 16), (0, 16), (-480, 16)])
def test_a_network_without_a_size_is_refused(width, multiple):
    with pytest.raises(ArtifactError, match=f"not {width} with network_multiple {multiple}"):
        Artifact("model", CAMVID_11, network_width=width, network_multiple=multiple)


def test_metadata_of_another_program_is_refused():
    with pytest.raises(ArtifactError, match=r"m\.onnx: no 'dfs\.classes' .* export one with `dfs export CHECKPOINT`"):
        Artifact.from_metadata({"author": "someone"}, source="m.onnx")


@pytest.mark.parametrize("found", ["0", "2", ""])
def test_another_version_of_the_format_is_refused(found):
    with pytest.raises(ArtifactError, match=rf"m\.onnx: model format '{found}', this version of DFS reads '1'"):
        Artifact.from_metadata({**ARTIFACT.to_metadata(), "dfs.format": found}, source="m.onnx")


LATER = {"dfs.quantized_for", "dfs.draws", "dfs.max_size"}
"""Keys that older files lack."""

KEYS = set(ARTIFACT.to_metadata()) - {"dfs.format", "dfs.classes", "dfs.color_order"} - LATER


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_missing_key_is_named(key):
    metadata = ARTIFACT.to_metadata()
    del metadata[key]
    with pytest.raises(ArtifactError, match=rf"cannot be read \(KeyError: '{key}'\)"):
        Artifact.from_metadata(metadata, source="m.onnx")


@pytest.mark.parametrize("key", sorted(LATER))
def test_a_file_from_before_a_key_is_read(key):
    metadata = ARTIFACT.to_metadata()
    del metadata[key]
    assert Artifact.from_metadata(metadata, source="m.onnx") == ARTIFACT


def test_a_number_format_that_nobody_knows_is_refused():
    with pytest.raises(ArtifactError, match="precision must be one of fp32, fp16, int8, not 'int4'"):
        Artifact("model", CAMVID_11, precision="int4")


def test_another_order_of_the_colours_is_refused():
    with pytest.raises(ArtifactError, match="colour order 'BGR'"):
        Artifact.from_metadata({**ARTIFACT.to_metadata(), "dfs.color_order": "BGR"}, source="m.onnx")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dfs.classes", "not json"),
        ("dfs.classes", "[]"),
        ("dfs.classes", "5"),
        ("dfs.classes", '["car"]'),
        ("dfs.classes", '[{"name": "car"}]'),
        ("dfs.classes", '[{"name": "car", "color": [1, 2], "category": ""}]'),
        ("dfs.classes", '[{"name": "car", "color": [1, 2, 300], "category": ""}]'),
        ("dfs.classes", json.dumps([{"name": "car", "color": [1, 2, 3], "category": ""}] * 2)),
        ("dfs.network_width", "wide"),
        ("dfs.network_width", "7"),
        ("dfs.network_multiple", "0"),
        ("dfs.metrics", "[1]"),
        ("dfs.metrics", '{"psnr": null}'),
    ],
)
def test_a_damaged_value_is_refused(key, value):
    with pytest.raises(ArtifactError, match=r"m\.onnx: its DFS metadata cannot be read \("):
        Artifact.from_metadata({**ARTIFACT.to_metadata(), key: value}, source="m.onnx")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(ARTIFACT.to_metadata())), json_values.map(json.dumps) | st.text(max_size=20))
def test_any_value_is_either_read_or_refused(key, value):
    try:
        Artifact.from_metadata({**ARTIFACT.to_metadata(), key: value}, source="m.onnx")
    except ArtifactError as error:
        assert str(error).startswith("m.onnx: ")  # noqa: PT017 (nothing else may be raised)
