"""What can go wrong, one exception type per area; every message says what was found, expected and what to do next."""


class DfsError(Exception):
    """Any error that DFS raises on purpose."""


class FogError(DfsError):
    """A quantity of the fog model is outside its physical range."""


class LabelError(DfsError):
    """A label set does not hold what was asked of it."""


class ArtifactError(DfsError):
    """A model file cannot be read, or is not a DFS model."""


class BackendError(DfsError):
    """A backend is not installed, not usable on this machine, or failed."""


class EngineError(BackendError):
    """An engine cannot be built, or one that is kept is not what it should be."""


class BuildEndedError(EngineError):
    """The build of an engine was ended before it was whole, because that was asked for."""


class FrameError(DfsError):
    """A frame or an image message is not what its header says, or has an encoding that is not known."""


class DatasetError(DfsError):
    """A dataset folder is incomplete or does not follow its layout."""


class ConfigError(DfsError):
    """A configuration has an unknown key or a value out of range."""


class CheckpointError(DfsError):
    """A checkpoint cannot be read, or holds another network than what was asked for."""


class TrainingError(DfsError):
    """A training run cannot go on."""


class BagError(DfsError):
    """A bag cannot be read or written."""


class OutputError(DfsError):
    """A result cannot be put where it was asked for."""


class MachineError(DfsError):
    """A question about this machine got no answer."""
