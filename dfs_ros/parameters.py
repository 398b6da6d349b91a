"""A node's parameters from one frozen dataclass that documents each of them, at the start and while it runs."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dfs_core.errors import ConfigError

if TYPE_CHECKING:
    from rcl_interfaces.msg import ParameterDescriptor
    from rclpy.node import Node
    from rclpy.parameter import Parameter

Parameters = TypeVar("Parameters")

NEVER, UNCONFIGURED, ALWAYS = "never", "unconfigured", "always"
"""When a parameter may be changed: not after the start, while a lifecycle node is unconfigured, or at any time."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*")

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def parameter(
    default: bool | float | str | Sequence[str] | Sequence[float],
    description: str,
    *,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    one_of: Sequence[str] | None = None,
    are_names: bool = False,
    length: int | None = None,
    settable: str = NEVER,
) -> Any:
    """Return a dataclass field for one parameter; its type is that of its default.

    A sequence is a list of strings, one that begins with a number a list of numbers, all within the limits.

    Args:
        default: value when the user gives none.
        description: what it is for, with its unit; `ros2 param describe` shows it.
        above: the smallest value that is refused.
        at_least: the smallest value that is allowed.
        at_most: the largest value that is allowed.
        one_of: the only values allowed.
        are_names: whether a list must hold different names, each fit to be part of a topic's.
        length: how many entries a list must have.
        settable: when it may be changed after the start: NEVER, UNCONFIGURED or ALWAYS.
    """
    checks: list[tuple[str, Callable[[Any], bool]]] = []
    if above is not None:
        checks.append((f"greater than {above:g}", _each(lambda value: value > above)))
    if at_least is not None:
        checks.append((f"at least {at_least:g}", _each(lambda value: value >= at_least)))
    if at_most is not None:
        checks.append((f"at most {at_most:g}", _each(lambda value: value <= at_most)))
    if one_of is not None:
        checks.append((f"one of {', '.join(one_of)}", lambda value: value in one_of))
    if are_names:
        checks.append(("different names of letters, digits, _ and / that begin with letters", _are_names))
    if length is not None:
        checks.append((f"{length} entries", lambda value: len(value) == length))
    kept: object = default if isinstance(default, bool | int | float | str) else tuple(default)
    return dataclasses.field(
        default=kept,
        metadata={
            "description": description,
            "checks": checks,
            "range": None if at_least is None or at_most is None else (at_least, at_most),
            "settable": settable,
        },
    )


def declare(node: "Node", parameters: type[Parameters]) -> Parameters:
    """Declare all fields of a dataclass as parameters of a node and return their values.

    Whole numbers are taken for numbers with a fraction, and one string for a list of one.

    Raises:
        ConfigError: a value has the wrong type or is out of range; names the parameter.
    """
    from rcl_interfaces.msg import ParameterDescriptor

    values = {}
    for entry in dataclasses.fields(parameters):  # type: ignore[arg-type]  # a dataclass, by contract
        descriptor = ParameterDescriptor(
            description=entry.metadata["description"],
            additional_constraints=", ".join(expected for expected, _ in entry.metadata["checks"]),
            read_only=entry.metadata["settable"] == NEVER,
            dynamic_typing=True,  # as the errors of the static one do not say what to do
        )
        default = list(entry.default) if isinstance(entry.default, tuple) else entry.default
        values[entry.name] = _checked(entry, node.declare_parameter(entry.name, default, descriptor).value)
        if not descriptor.read_only and _add_range(descriptor, entry):
            node.set_descriptor(entry.name, descriptor)  # only now: of what is out of range at the start, we say more
    return parameters(**values)


class LiveParameters(Generic[Parameters]):
    """The current values of a node's parameters; `values` is replaced as a whole, so any thread may read it."""

    def __init__(
        self,
        node: "Node",
        parameters: type[Parameters],
        *,
        is_configured: Callable[[], bool],
        accept: Callable[[Parameters], None] = lambda _: None,
        on_change: Callable[[Parameters], None] = lambda _: None,
    ) -> None:
        """Declare the parameters and follow their changes.

        Args:
            node: whose parameters they are.
            parameters: frozen dataclass with a `parameter` for each.
            is_configured: whether parameters that are settable only while UNCONFIGURED are locked.
            accept: raises ConfigError for values that do not fit each other or the node, once changes would be made.
            on_change: called after changes, with the values before them.

        Raises:
            ConfigError: a value has the wrong type or is out of range.
        """
        self.values = declare(node, parameters)
        self._fields = {entry.name: entry for entry in dataclasses.fields(parameters)}  # type: ignore[arg-type]
        self._is_configured = is_configured
        self._accept = accept
        self._on_change = on_change
        node.add_on_set_parameters_callback(self._check)
        self._is_told_of_changes = hasattr(node, "add_post_set_parameters_callback")  # since Iron
        if self._is_told_of_changes:
            node.add_post_set_parameters_callback(self._follow)

    def _check(self, changes: "list[Parameter]") -> Any:
        """Answer whether the changes are allowed, and if not, why."""
        from rcl_interfaces.msg import SetParametersResult

        for change in changes:
            entry = self._fields.get(change.name)
            if entry is None:
                continue
            if entry.metadata["settable"] == UNCONFIGURED and self._is_configured():
                reason = f"parameter {change.name} takes effect when the node is configured; clean it up first"
                return SetParametersResult(successful=False, reason=reason)
        try:
            self._accept(self._changed(changes))
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if not self._is_told_of_changes:
            self._follow(changes)
        return SetParametersResult(successful=True)

    def _follow(self, changes: "list[Parameter]") -> None:
        """Take over what was allowed."""
        before, self.values = self.values, self._changed(changes)
        self._on_change(before)

    def _changed(self, changes: "list[Parameter]") -> Parameters:
        """Return the values as they are after some changes.

        Raises:
            ConfigError: one has the wrong type or is out of range, or they do not fit each other.
        """
        ours = {change.name: change.value for change in changes if change.name in self._fields}
        new = {name: _checked(self._fields[name], value) for name, value in ours.items()}
        return dataclasses.replace(self.values, **new)  # type: ignore[type-var]


def _add_range(descriptor: "ParameterDescriptor", entry: "dataclasses.Field[Any]") -> bool:
    """Tell the range of a number that has one, for tools that show a slider; say whether it has."""
    from rcl_interfaces.msg import FloatingPointRange, IntegerRange

    if entry.metadata["range"] is None or isinstance(entry.default, tuple):
        return False
    low, high = entry.metadata["range"]
    if isinstance(entry.default, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
    else:
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
    return True


def _each(holds: Callable[[float], bool]) -> Callable[[float | Sequence[float]], bool]:
    """Return a check of a number that also checks all numbers of a list."""
    return lambda value: all(map(holds, [value] if isinstance(value, int | float) else value))


def _are_names(values: Sequence[str]) -> bool:
    return len(set(values)) == len(values) and all(map(_NAME.fullmatch, values))


def _checked(entry: "dataclasses.Field[Any]", given: Any) -> Any:
    """Return the value given for a field, in the type of its default.

    Raises:
        ConfigError: it has the wrong type or is out of range; names the parameter.
    """
    value = _as_type_of(entry.default, given, entry.name)
    for expected, holds in entry.metadata["checks"]:
        if not holds(value):
            raise ConfigError(f"parameter {entry.name} must be {expected}, not {value!r}; set it by -p {entry.name}:=…")
    return value


def _as_type_of(default: Any, value: Any, name: str) -> Any:
    """Return a parameter's value in the type of its default."""
    if isinstance(default, tuple) and default and isinstance(default[0], float):
        return _as_numbers(value, name)
    if isinstance(default, tuple):
        values = [value] if isinstance(value, str) else value
        if isinstance(values, list | tuple) and all(isinstance(entry, str) for entry in values):
            return tuple(entry for entry in values if entry)
        raise ConfigError(f"parameter {name} must be a list of strings, not {value!r}; write [first, second]")
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        raise ConfigError(f"parameter {name} must be {_KINDS[type(default)]}, not {value!r}; set it by -p {name}:=…")
    return value


def _as_numbers(value: Any, name: str) -> tuple[float, ...]:
    """Return a list of numbers, which rclpy may hand over as an array."""
    values = None if isinstance(value, str | bytes) or not isinstance(value, Iterable) else list(value)
    if values is None or not all(type(entry) in {int, float} for entry in values):
        raise ConfigError(f"parameter {name} must be a list of numbers, not {value!r}; write [0.0, 1.5]")
    return tuple(float(entry) for entry in values)
