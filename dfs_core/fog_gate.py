"""The fog gate: whether a camera's frame has enough fog to be dehazed, without going to and fro at the threshold."""

import math


class FogGate:
    """Opens where fog is denser than a threshold, and closes where it is less dense than a share of it.

    It keeps one camera's state, starts closed, and is told the thresholds with every frame, since they may change.

    Attributes:
        is_open: whether the newest frame was to be dehazed.
    """

    def __init__(self) -> None:
        """Begin closed: what lies between the two thresholds at the start is passed on."""
        self.is_open = False

    def __call__(self, attenuation: float, *, opens_at: float, hysteresis: float) -> bool:
        """Return whether to dehaze a frame.

        Args:
            attenuation: β of the frame in 1/m; nan, where the model does not tell, opens the gate.
            opens_at: β in 1/m from which on a closed gate opens; 0: any.
            hysteresis: share of `opens_at`, in [0, 1], below which an open gate closes; 1 for a single threshold.
        """
        threshold = opens_at * hysteresis if self.is_open else opens_at
        self.is_open = math.isnan(attenuation) or attenuation >= threshold
        return self.is_open
