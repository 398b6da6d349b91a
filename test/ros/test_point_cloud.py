"""Point clouds as structured arrays: every field where its bytes lie, with any padding and byte order."""

import struct
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from dfs_ros.point_cloud import PointCloudError, from_points, positions, to_points, with_fields

FORMATS = ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"]


def field(name: str, offset: int, datatype: int = PointField.FLOAT32, count: int = 1) -> PointField:
    return PointField(name=name, offset=offset, datatype=datatype, count=count)


def cloud(order: str = "<") -> PointCloud2:
    """Return 2 rows of 2 points: x, y, z, 4 bytes of nothing, ring, 2 bytes of nothing; rows end in 3 more."""
    rows = [[(1.0, 2.0, 3.0, 7), (4.0, 5.0, 6.0, 8)], [(-1.0, -2.0, -3.0, 9), (0.5, 0.25, 0.125, 65535)]]
    data = b"".join(b"".join(struct.pack(order + "fff4xH2x", *point) for point in row) + b"\xaa" * 3 for row in rows)
    fields = [field("x", 0), field("y", 4), field("z", 8), field("ring", 16, PointField.UINT16)]
    message = PointCloud2(
        header=Header(frame_id="lidar"), height=2, width=2, point_step=20, row_step=43, is_bigendian=order == ">"
    )
    message.fields = fields
    message.data.frombytes(data)
    return message


@pytest.mark.parametrize("order", ["<", ">"])
def test_padded_clouds_of_either_byte_order_are_read_right(order: str) -> None:
    points = to_points(cloud(order))
    assert points.shape == (2, 2)
    assert points["ring"].tolist() == [[7, 8], [9, 65535]]
    assert positions(points).tolist() == [[1.0, 4.0, -1.0, 0.5], [2.0, 5.0, -2.0, 0.25], [3.0, 6.0, -3.0, 0.125]]
    assert positions(points).dtype == np.float32


def test_points_are_a_view_of_the_message_that_cannot_be_written() -> None:
    message = cloud()
    points = to_points(message)
    assert np.shares_memory(points, np.frombuffer(message.data, np.uint8))
    with pytest.raises(ValueError, match="read-only"):
        points["x"] = 0.0


def test_a_field_of_several_numbers_is_an_array_and_one_without_a_name_is_padding() -> None:
    message = PointCloud2(height=1, width=1, point_step=12, row_step=12)
    message.fields = [field("", 0, PointField.UINT32), field("normal", 4, PointField.INT16, 3), field("n", 10, 2, 0)]
    message.data.frombytes(struct.pack("<I3hBx", 5, 1, -2, 3, 200))
    points = to_points(message)
    assert points.dtype.names == ("normal", "n")
    assert points["normal"].tolist() == [[[1, -2, 3]]]
    assert points["n"].tolist() == [[200]]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"row_step": 39}, "row_step 39 and 86 bytes of data, but needs a row_step of at least 40"),
        ({"height": 3}, "but needs a row_step of at least 40 and 3 rows"),
        ({"width": 2**32 - 1}, "cloud of 4294967295x2 points"),
        ({"point_step": 0}, "point_step must be 1 to 1048576"),
        ({"point_step": 2**32 - 1, "width": 0}, "point_step must be"),
        ({"fields": [field("x", 0), field("x", 4)]}, "field 'x' is there twice"),
        ({"fields": [field("x", 0, 9)]}, "unknown datatype 9"),
        ({"fields": [field("x", 17)]}, "field 'x' of 4 bytes at 17 does not fit"),
        ({"fields": [field("x", 0, 7, 2**32 - 1)]}, "does not fit into point_step"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_words(changes: dict[str, Any], words: str) -> None:
    message = cloud()
    for name, value in changes.items():
        setattr(message, name, value)
    with pytest.raises(PointCloudError, match=words):
        to_points(message)


NUMBERS = st.one_of(st.integers(0, 50), st.integers(0, 2**32 - 1))
FIELDS = st.builds(field, st.sampled_from(["x", "y", "z", "", "é"]), NUMBERS, st.integers(0, 255), NUMBERS)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("height", "width", "row_step", "point_step"), NUMBERS),
            "fields": st.lists(FIELDS, max_size=4),
            "is_bigendian": st.booleans(),
        },
    )
)
def test_whatever_a_header_claims_there_are_points_or_a_refusal(changes: dict[str, Any]) -> None:
    message = cloud()
    for name, value in changes.items():
        setattr(message, name, value)
    with suppress(PointCloudError):
        assert positions(to_points(message)).shape == (3, message.height * message.width)


@pytest.mark.parametrize("fields", [[], [field("x", 0), field("y", 4)], [field(name, 0, 5) for name in "xyz"]])
def test_clouds_without_positions_are_refused_in_words(fields: list[PointField]) -> None:
    message = cloud()
    message.fields = fields
    with pytest.raises(PointCloudError, match="needs x, y and z as FLOAT32 or FLOAT64"):
        positions(to_points(message))


@pytest.mark.parametrize(("height", "width"), [(0, 0), (1, 0), (0, 5), (2**32 - 1, 0)])
def test_empty_clouds_are_clouds(height: int, width: int) -> None:
    message = PointCloud2(height=height, width=width, point_step=12, row_step=12 * width)
    message.fields = [field("x", 0), field("y", 4), field("z", 8)]
    points = to_points(message)
    assert positions(points).shape == (3, 0)
    back = from_points(points, Header(), is_dense=True)
    assert (back.height, back.width, len(back.data)) == (height, width, 0)


@pytest.mark.parametrize("order", ["<", ">"])
def test_new_fields_come_behind_all_that_was_there(order: str) -> None:
    grown = with_fields(to_points(cloud(order)), [("rgb", "f4"), ("class_id", "u1")])
    grown["rgb"], grown["class_id"] = 1.5, 4
    message = from_points(grown, Header(frame_id="lidar"), is_dense=False)
    rows = [(1.0, 2.0, 3.0, 7), (4.0, 5.0, 6.0, 8), (-1.0, -2.0, -3.0, 9), (0.5, 0.25, 0.125, 65535)]
    assert bytes(message.data) == b"".join(struct.pack(order + "fff4xH2xfB3x", *row, 1.5, 4) for row in rows)
    assert (message.height, message.width, message.point_step, message.row_step) == (2, 2, 28, 56)
    assert (message.is_bigendian, message.is_dense, message.header.frame_id) == (order == ">", False, "lidar")
    assert message.fields == [*cloud().fields, field("rgb", 20), field("class_id", 24, PointField.UINT8)]


def test_a_field_that_is_there_is_replaced_whatever_it_was() -> None:
    grown = with_fields(to_points(cloud()), [("ring", "f4")])
    assert [(name, *grown.dtype.fields[name]) for name in grown.dtype.names] == [
        ("x", np.dtype("<f4"), 0),
        ("y", np.dtype("<f4"), 4),
        ("z", np.dtype("<f4"), 8),
        ("ring", np.dtype("<f4"), 20),
    ]
    assert grown["ring"].tolist() == [[0.0, 0.0], [0.0, 0.0]]


@st.composite
def structured(draw: st.DrawFn) -> np.ndarray:
    """Return points with any fields of one byte order, any gaps between them."""
    order, offset, offsets, formats = draw(st.sampled_from("<>")), 0, [], []
    for _ in range(draw(st.integers(1, 5))):
        kind, count = draw(st.sampled_from(FORMATS)), draw(st.integers(1, 3))
        offset += draw(st.integers(0, 3))
        offsets.append(offset)
        formats.append(order + kind if count == 1 else (order + kind, (count,)))
        offset += np.dtype(formats[-1]).itemsize
    names = [f"field{number}" for number in range(len(formats))]
    itemsize = offset + draw(st.integers(0, 3))
    kind = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": itemsize})
    shape = draw(st.tuples(st.integers(1, 3), st.integers(0, 4)))
    return draw(arrays.arrays(np.uint8, (*shape, itemsize))).view(kind).reshape(shape)


@given(points=structured())
def test_points_become_a_cloud_and_points_again(points: np.ndarray) -> None:
    back = to_points(from_points(points, Header(), is_dense=True))
    assert back.shape == points.shape
    # of one byte each, there is no order to keep
    assert back.dtype == points.dtype
    assert back.tobytes() == points.tobytes()


@pytest.mark.parametrize("kind", ["u8", "f2", ("f4", (2, 2)), "U3"])
def test_types_that_clouds_do_not_have_are_refused_in_words(kind: Any) -> None:
    with pytest.raises(PointCloudError, match=r"field 'a' is .*; a cloud holds i1, u1"):
        from_points(np.zeros((1, 1), [("a", kind)]), Header(), is_dense=True)


def test_fields_of_two_byte_orders_are_refused_in_words() -> None:
    with pytest.raises(PointCloudError, match="differ in byte order"):
        from_points(np.zeros((1, 1), [("a", "<f4"), ("b", ">f4")]), Header(), is_dense=True)


@pytest.mark.parametrize("order", ["<", ">"])
def test_agrees_with_sensor_msgs_py(order: str) -> None:
    point_cloud2 = pytest.importorskip(
        "sensor_msgs_py.point_cloud2", reason="sensor_msgs_py comes with a ROS 2 installation only"
    )
    message = from_points(to_points(cloud(order)), Header(), is_dense=True)  # it does not know padded rows
    theirs = point_cloud2.read_points(message, reshape_organized_cloud=True)
    ours = to_points(message)
    assert theirs.dtype.names == ours.dtype.names
    for name in ours.dtype.names:
        assert theirs[name].tolist() == ours[name].tolist()
