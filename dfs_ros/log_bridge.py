"""Let a node's logger say what the packages below it, which know no ROS, write to Python's."""

import logging
from typing import Any


class LogBridge(logging.Handler):
    """Passes on records of one Python logger, from INFO upwards, until it is closed."""

    def __init__(self, source: str, logger: Any) -> None:
        """Begin to pass on.

        Args:
            source: name of the Python logger, such as "dfs_core".
            logger: a node's.
        """
        super().__init__(logging.INFO)
        self._source = logging.getLogger(source)
        self._logger = logger
        self._level_before = self._source.level
        self._source.setLevel(logging.INFO)
        self._source.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on; each severity on a line of its own, as rclpy demands."""
        text = self.format(record)
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        else:
            self._logger.info(text)

    def close(self) -> None:
        """Stop passing on."""
        self._source.removeHandler(self)
        if not any(isinstance(handler, LogBridge) for handler in self._source.handlers):  # of another node here
            self._source.setLevel(self._level_before)
        super().close()
