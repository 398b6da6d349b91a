"""The services by which an operator controls a dehaze node while it runs."""

import threading
from collections.abc import Callable

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.task import Future
from std_srvs.srv import SetBool, Trigger

from dfs_core.errors import DfsError


class ControlServices:
    """`~/enable` and `~/reload_model` of a node that has the parameter `enabled`."""

    def __init__(self, node: Node, *, reload_model: Callable[[], str]) -> None:
        """Offer the services.

        Args:
            node: whose they are.
            reload_model: called in a thread of its own; returns what is running now, or raises DfsError.
        """
        self._node = node
        self._reload_model = reload_model
        node.create_service(SetBool, "~/enable", self._enable)
        # In a group of its own, as others would wait for what it awaits; and one reload at a time.
        group = MutuallyExclusiveCallbackGroup()
        node.create_service(Trigger, "~/reload_model", self._reload, callback_group=group)

    def _enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        result = self._node.set_parameters([Parameter("enabled", value=request.data)])[0]
        response.success = result.successful
        response.message = result.reason or ("frames are dehazed" if request.data else "frames pass as they are")
        return response

    async def _reload(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Answer when the new model has taken over or was refused; the executor goes on meanwhile."""
        done: Future = Future()
        done.add_done_callback(self._wake_executor)
        threading.Thread(target=self._run, args=(done,), name="reload", daemon=True).start()
        response.success, response.message = await done
        return response

    def _wake_executor(self, _: Future) -> None:
        """Have the executor look at what awaits, which it does only when it wakes."""
        executor = self._node.executor
        if executor is not None:
            executor.wake()

    def _run(self, done: Future) -> None:
        try:
            done.set_result((True, self._reload_model()))
        except DfsError as error:
            self._refuse(done, str(error))
        except Exception as error:  # noqa: BLE001 - the caller waits for an answer
            self._refuse(done, f"{type(error).__name__}: {error}")

    def _refuse(self, done: Future, reason: str) -> None:
        if self._node.context.ok():
            self._node.get_logger().error(f"the model was not replaced: {reason}")
        done.set_result((False, f"{reason}; the model before goes on"))
