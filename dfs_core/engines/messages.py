"""What a builder says when it fails, and what is known to cure it."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

SHOWN = 4
"""Messages of one failure that are shown, the first ones."""

LENGTH = 300
"""Characters of each."""


QUANTISE = "`dfs quantize MODEL --target tensorrt --calibration FOLDER --out FILE`"
"""The command whose int8 files TensorRT takes; MODEL is in fp32."""


class Cure(NamedTuple):
    """What to do about a message that this pattern is found in."""

    pattern: str
    advice: str


CURES = (
    Cure(
        r"deconv.*bf16|bf16.*deconv|filterWeightsBFloat16",
        "TensorRT has no transposed convolutions in bfloat16: export with --precision fp16, or a network that resizes "
        "and convolves instead",
    ),
    Cure(
        r"FP32 GEMM is not supported|for Turing",
        "Turing (sm75) lacks matrix products in float32: leave sm75 out of --target, or export with --precision fp16; "
        "of products with learned matrices DFS makes convolutions by itself",
    ),
    Cure(
        r"HW-specific datatypes: fp8",
        "fp8 needs sm89 or later: leave the others out of --target, or export with --precision fp16",
    ),
    Cure(
        r"Non-zero zero point|has type Int32 but must have type",
        "TensorRT takes 8 bits only symmetrically and with biases in float: quantise the file in fp32 for it with "
        + QUANTISE,
    ),
    Cure(
        r"(?i)workspace",
        "the workspace is too small for a layer: give more with --workspace-mb, or take smaller frames with "
        "--max-size and --max-batch",
    ),
    Cure(
        r"violate shape constraints|Dimension mismatch for tensor|static dimensions that don't match",
        "the network does not take all the sizes of the profile: give ones that it takes with --min-size, --size and "
        "--max-size",
    ),
    Cure(
        r"(?i)out ?of ?memory|cudaError 2\b",
        "too little memory, of the workspace or of the GPU: give more with --workspace-mb, end what else uses the GPU, "
        "or take smaller frames with --max-size and --max-batch",
    ),
    Cure(
        r"(?i)could not find any implementation",
        "this GPU computes no such layer in this number format: give more with --workspace-mb, then try a file in "
        "another --precision",
    ),
    Cure(r"cudaError 35\b|driver version is insufficient", "the NVIDIA driver is missing or too old; see `nvidia-smi`"),
)
"""What is known, the more special first."""

_NO_DRIVER = re.compile(r"\[\S*catchCudaError\S*\].*?\(cudaError \d+: [^)]*\)+")


def explain(messages: Iterable[str]) -> str:
    """Return the first messages of a failure in one line, and the cure if one is known.

    Args:
        messages: all errors of a failed build, in order; a failure without a GPU adds some that say only that.
    """
    said = [" ".join(message.split()) for message in messages]
    reasons = [_NO_DRIVER.sub("", message).strip() for message in said]
    found = list(dict.fromkeys(filter(None, reasons))) or said
    if not found:
        return "it does not say why"
    cures = [cure.advice for cure in CURES if any(re.search(cure.pattern, message) for message in found)]
    shown = [message if len(message) <= LENGTH else f"{message[:LENGTH]}…" for message in found[:SHOWN]]
    return "; ".join([" | ".join(shown), *cures[:1]])


@cache
def message_log(tensorrt: ModuleType) -> Any:
    """Return the one logger of a package: TensorRT keeps the first that it is given, and for as long as it runs.

    `with log.collecting() as errors:` gives the errors of what is done inside. Good builds have some too, so that they
    count only when one has failed; those of other threads are among them.
    """

    class MessageLog(tensorrt.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            tensorrt.ILogger.__init__(self)
            self._collected: dict[int, list[str]] = {}

        @contextmanager
        def collecting(self) -> Iterator[list[str]]:
            errors: list[str] = []
            self._collected[id(errors)] = errors
            try:
                yield errors
            finally:
                del self._collected[id(errors)]

        def log(self, severity: Any, message: str) -> None:
            if severity in {tensorrt.ILogger.Severity.ERROR, tensorrt.ILogger.Severity.INTERNAL_ERROR}:
                for errors in tuple(self._collected.values()):
                    errors.append(message)

    return MessageLog()
