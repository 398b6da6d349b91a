"""Parameters that may change while the node runs, checked as strictly as those given at the start."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic

from dfs_core.errors import ConfigError
from dfs_ros.parameters import UNCONFIGURED, Parameters, checked, declare

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.parameter import Parameter


class LiveParameters(Generic[Parameters]):
    """The current values of a node's parameters; `values` is replaced as a whole, so any thread may read it."""

    def __init__(self, node: "Node", parameters: type[Parameters], *, is_configured: Callable[[], bool]) -> None:
        """Declare the parameters and follow their changes.

        Args:
            node: whose parameters they are.
            parameters: frozen dataclass with a `parameter` for each.
            is_configured: whether parameters that are settable only while UNCONFIGURED are locked.

        Raises:
            ConfigError: a value has the wrong type or is out of range.
        """
        self.values = declare(node, parameters)
        self._fields = {entry.name: entry for entry in dataclasses.fields(parameters)}  # type: ignore[arg-type]
        self._is_configured = is_configured
        node.add_on_set_parameters_callback(self._check)
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
                checked(entry, change.value)
            except ConfigError as error:
                return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _follow(self, changes: "list[Parameter]") -> None:
        """Take over what was allowed."""
        ours = {change.name: change.value for change in changes if change.name in self._fields}
        new = {name: checked(self._fields[name], value) for name, value in ours.items()}
        self.values = dataclasses.replace(self.values, **new)  # type: ignore[type-var]
