"""Point clouds as numpy structured arrays, out of sensor_msgs/PointCloud2 and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from dfs_core.errors import FrameError

Points = NDArray[np.void]
"""A structured array [H, W] with a field for each of the cloud's; H is 1 for clouds in no order."""

LARGEST_POINT_BYTES = 1 << 20

_Places = dict[str, tuple[np.dtype[Any], int]]
"""Type and offset in bytes of each field."""

_FORMATS = {
    PointField.INT8: "i1",
    PointField.UINT8: "u1",
    PointField.INT16: "i2",
    PointField.UINT16: "u2",
    PointField.INT32: "i4",
    PointField.UINT32: "u4",
    PointField.FLOAT32: "f4",
    PointField.FLOAT64: "f8",
}
_DATATYPES = {name: datatype for datatype, name in _FORMATS.items()}


class PointCloudError(FrameError):
    """A point cloud is not what its header says, or lacks a field; `reason` is the same for all with that fault."""

    def __init__(self, reason: str, text: str) -> None:
        """Take the reason, such as "fields", and what was found, expected and to be done."""
        super().__init__(text)
        self.reason = reason


def to_points(message: PointCloud2) -> Points:
    """Return the points of a cloud, [H, W], as a read-only view of the message, which must not be changed meanwhile.

    Padding of points and rows is skipped, the byte order is that of the message. A field of several numbers is an array
    in each point. Fields without a name are padding.

    Raises:
        PointCloudError: sizes do not fit together, or a field is of no known type, there twice, or outside of its
            point.
    """
    height, width, row_step, point_step = message.height, message.width, message.row_step, message.point_step
    found = f"cloud of {width}x{height} points of {point_step} bytes"
    kind = _point_type(message, found)
    if row_step < width * point_step or len(message.data) != height * row_step:
        raise PointCloudError(
            "size",
            f"{found}: has row_step {row_step} and {len(message.data)} bytes of data, but needs a row_step of at least "
            f"{width * point_step} and {height} rows of it; check the driver",
        )
    points = np.ndarray((height, width), kind, message.data, strides=(row_step, point_step))
    points.flags.writeable = False
    return points


def from_points(points: Points, header: Header, *, is_dense: bool) -> PointCloud2:
    """Return a cloud of points, with rows that are not padded.

    Args:
        points: structured array [H, W], all fields in one byte order.
        header: goes into the message as it is.
        is_dense: whether no point has numbers that are not finite.

    Raises:
        PointCloudError: a field is of a type that clouds do not have, or has another byte order than the others.
    """
    height, width = points.shape
    step = points.dtype.itemsize
    message = PointCloud2(header=header, height=height, width=width, point_step=step, row_step=step * width)
    message.fields = [_field(name, *place) for name, place in _places(points.dtype).items()]
    message.is_bigendian = _is_big_endian(points.dtype)
    message.is_dense = is_dense
    message.data.frombytes(np.ascontiguousarray(points).reshape(-1).view(np.uint8).data)
    return message


def with_fields(points: Points, kinds: Sequence[tuple[str, str]]) -> Points:
    """Return a copy of points with further fields, which are 0, at the end of each; those of these names are replaced.

    All other bytes of a point stay where and what they are.

    Args:
        points: structured array [H, W].
        kinds: name and numpy type of each new field, without byte order, such as ("rgb", "f4"); it is that of `points`.
    """
    order, step = ">" if _is_big_endian(points.dtype) else "<", points.dtype.itemsize
    places = _places(points.dtype)
    for name, kind in kinds:
        places.pop(name, None)
        added = np.dtype(order + kind)
        offset = _aligned(step, added.itemsize)
        places[name] = added, offset
        step = offset + added.itemsize
    grown = np.zeros(points.shape, _structure(places, _aligned(step, 4)))
    # as plain bytes: numpy copies structured points field by field, and leaves out what is between them
    raw = np.dtype((np.void, points.dtype.itemsize))
    old: Points = np.ndarray(points.shape, raw, grown.data, strides=grown.strides)
    old[...] = points.view(raw)
    return grown


def positions(points: Points) -> NDArray[np.floating]:
    """Return x, y and z of each point, [3, N], row by row.

    Raises:
        PointCloudError: one of them is not there, or is no floating-point number.
    """
    for name in ("x", "y", "z"):
        kind = points.dtype[name] if name in (points.dtype.names or ()) else None
        if kind is None or kind.kind != "f":
            have = ", ".join(points.dtype.names or ()) or "none"
            raise PointCloudError(
                "positions", f"cloud needs x, y and z as FLOAT32 or FLOAT64, but has no such '{name}'; fields: {have}"
            )
    size = max(points.dtype[name].itemsize for name in ("x", "y", "z"))
    found = np.empty((3, *points.shape), f"f{size}")
    for row, name in zip(found, ("x", "y", "z"), strict=True):
        row[...] = points[name]
    return found.reshape(3, -1)


def _point_type(message: PointCloud2, found: str) -> np.dtype[np.void]:
    """Return the numpy type of a cloud's points."""
    step, order = message.point_step, ">" if message.is_bigendian else "<"
    if not 0 < step <= LARGEST_POINT_BYTES:
        raise PointCloudError("size", f"{found}: point_step must be 1 to {LARGEST_POINT_BYTES}; check the driver")
    places: _Places = {}
    for field in message.fields:
        if not field.name:
            continue
        if field.name in places or field.datatype not in _FORMATS:
            what = "is there twice" if field.name in places else f"has the unknown datatype {field.datatype}"
            raise PointCloudError("fields", f"{found}: field '{field.name[:80]}' {what}; check the driver")
        kind, count = np.dtype(order + _FORMATS[field.datatype]), max(1, field.count)  # 0 means 1 in old clouds
        if field.offset + count * kind.itemsize > step:
            raise PointCloudError(
                "fields",
                f"{found}: field '{field.name[:80]}' of {count * kind.itemsize} bytes at {field.offset} does not fit "
                "into point_step; check the driver",
            )
        places[field.name] = kind if count == 1 else np.dtype((kind, (count,))), field.offset
    return _structure(places, step)


def _structure(places: _Places, size: int) -> np.dtype[np.void]:
    """Return the structured type of these fields and size in bytes."""
    formats, offsets = [kind for kind, _ in places.values()], [offset for _, offset in places.values()]
    return np.dtype({"names": list(places), "formats": formats, "offsets": offsets, "itemsize": size})


def _places(kind: np.dtype[np.void]) -> _Places:
    """Return the fields of a structured type, in their order."""
    fields: Mapping[str, tuple[Any, ...]] = kind.fields or {}
    return {name: (fields[name][0], fields[name][1]) for name in kind.names or ()}


def _field(name: str, kind: np.dtype[Any], offset: int) -> PointField:
    """Return the description of one field of a structured type."""
    base, shape = kind.subdtype or (kind, (1,))
    datatype = _DATATYPES.get(base.str[1:])
    if datatype is None or len(shape) != 1:
        raise PointCloudError(
            "fields", f"field '{name}' is {kind}; a cloud holds {', '.join(_DATATYPES)} or rows of one"
        )
    return PointField(name=name, offset=offset, datatype=datatype, count=shape[0])


def _is_big_endian(kind: np.dtype[np.void]) -> bool:
    """Tell the byte order of a structured type; without fields of several bytes, little-endian."""
    orders = {base.str[0] for base in (kind[name].base for name in kind.names or ())} - {"|"}
    if len(orders) > 1:
        raise PointCloudError("fields", "fields of points differ in byte order, a cloud has one; convert some of them")
    return orders == {">"}


def _aligned(offset: int, size: int) -> int:
    """Return the next multiple of a size."""
    return -(-offset // size) * size
