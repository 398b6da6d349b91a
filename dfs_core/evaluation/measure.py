"""Ask every method and every judge about one scene in one fog, unless they have been asked before."""

import functools
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dfs_core.errors import DfsError
from dfs_core.evaluation.judges.judge import Image, Judge, Opinion
from dfs_core.evaluation.methods.method import Expense, Method
from dfs_core.evaluation.predictions import Prediction, Predictions, fingerprint, key_of
from dfs_core.evaluation.results import CLEAR
from dfs_core.metrics.image import HIGHEST_PSNR, psnr, ssim
from dfs_core.metrics.visibility import compare, contrast

TIMED = 5
"""Calls of which the median time is what a method takes."""


@dataclass(frozen=True)
class Measured:
    """What was found for one method.

    Attributes:
        model: the method's name, or `CLEAR`.
        psnr: of the dehazed frame, dB, at most `HIGHEST_PSNR`; None for the clear scene, where it is infinite.
        ssim: of the dehazed frame.
        opinions: what each judge, by name, sees in the dehazed frame.
        fog_density: what the method takes β for, 1/m, or None.
        mask: the method's own mask, of any size, or None.
    """

    model: str
    psnr: float | None
    ssim: float
    opinions: dict[str, Opinion] = field(repr=False)
    fog_density: float | None = None
    mask: Image | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Examined:
    """What was found for one method on a frame of which no clear version is known.

    Attributes:
        model: the method's name.
        figures: `contrast`, those of `dfs_core.metrics.visibility.Visibility`, `fog_density` that is left.
        opinions: what each judge, by name, sees in the dehazed frame.
        dehazed: gives the dehazed frame; the method is asked again if its answer was kept without.
    """

    model: str
    figures: Mapping[str, float | None]
    opinions: dict[str, Opinion] = field(repr=False)
    dehazed: Callable[[], Image] = field(repr=False)


class Bench:
    """Methods and judges side by side.

    Attributes:
        methods: the rows but for `CLEAR`.
        judges: who looks at what they make.
        predictions: what was answered.
    """

    def __init__(self, methods: Sequence[Method], judges: Sequence[Judge], predictions: Predictions) -> None:
        """Remember whom to ask.

        Args:
            methods: the rows, `hazy` first, without `CLEAR`.
            judges: who looks at what they make.
            predictions: what was answered before, and where new answers go.
        """
        self.methods, self.judges = tuple(methods), tuple(judges)
        self.predictions = predictions

    def measure(self, hazy: Image, clear: Image) -> list[Measured]:
        """Return what is found of each method, in their order, and of the clear scene at the end.

        Args:
            hazy: the scene in fog, RGB uint8 [H, W, 3].
            clear: the scene without, of the same shape.
        """
        new: dict[str, Prediction] = {}
        prints = fingerprint(hazy), fingerprint(clear)
        found = [self._measure(method, hazy, clear, prints, new) for method in self.methods]
        opinions = self._opinions(lambda: clear, (prints[1],), new)
        found.append(Measured(CLEAR, None, 1.0, opinions))
        self.predictions.put(new)
        return found

    def examine(self, frame: Image, estimator: Method) -> list[Examined]:
        """Return what is found of each method, in their order, on a frame of which no clear version is known.

        Args:
            frame: RGB uint8 [H, W, 3].
            estimator: says what fog is left in a picture.
        """
        new: dict[str, Prediction] = {}
        print_ = fingerprint(frame)
        found = [self._examine(method, frame, print_, estimator, new) for method in self.methods]
        self.predictions.put(new)
        return found

    def costs(self, frame: Image, problems: list[str]) -> list[dict[str, Any]]:
        """Return what each method is and costs for a frame of this size: `Results.methods`.

        Times are medians of some calls, made now, after one that is not counted. What cannot be found is None, and is
        added to `problems`: it is asked last, after what may have taken hours.
        """
        return [self._cost(method, frame, problems) for method in self.methods]

    def _cost(self, method: Method, frame: Image, problems: list[str]) -> dict[str, Any]:
        expense = Expense()
        try:
            expense = method.expense(*frame.shape[:2])
        except DfsError as error:
            problems.append(f"{method.name}: its parameters and MACs are not known ({error})")
        ms: float | None = None
        try:
            ms = _median_ms(method, frame)
        except DfsError as error:
            problems.append(f"{method.name}: its time is not known ({error})")
        return {
            "model": method.name,
            "source": method.source,
            "parameters": expense.parameters,
            "macs": expense.macs,
            "ms_per_frame": ms,
        }

    def _examine(
        self,
        method: Method,
        frame: Image,
        print_: str,
        estimator: Method,
        new: dict[str, Prediction],
    ) -> Examined:
        asked = functools.cache(lambda: method(frame))
        key = key_of("examination", method.key, estimator.key, print_)
        if (kept := self.predictions.get(key)) is None:
            answer = asked()
            figures = {
                "contrast": contrast(answer.dehazed),
                **asdict(compare(frame, answer.dehazed)),
                "fog_density": estimator(answer.dehazed).fog_density,
            }
            kept = new[key] = Prediction(figures)
        opinions = self._opinions(lambda: asked().dehazed, (method.key, print_), new)
        return Examined(method.name, kept.figures, opinions, lambda: asked().dehazed)

    def _measure(
        self, method: Method, hazy: Image, clear: Image, prints: tuple[str, str], new: dict[str, Prediction]
    ) -> Measured:
        asked = functools.cache(lambda: method(hazy))
        key = key_of("answer", method.key, *prints)
        if (kept := self.predictions.get(key)) is None:
            answer = asked()
            figures = {
                "psnr": min(psnr(answer.dehazed, clear), HIGHEST_PSNR),
                "ssim": ssim(answer.dehazed, clear),
                "fog_density": answer.fog_density,
            }
            kept = new[key] = Prediction(figures, answer.mask)
        opinions = self._opinions(lambda: asked().dehazed, (method.key, prints[0]), new)
        return Measured(method.name, opinions=opinions, mask=kept.mask, **kept.figures)  # type: ignore[arg-type]

    def _opinions(
        self, picture: Callable[[], Image], of: tuple[str, ...], new: dict[str, Prediction]
    ) -> dict[str, Opinion]:
        """Return what each judge, by name, says of a picture that is known by `of`."""
        return {judge.name: self._opinion(judge, picture, of, new) for judge in self.judges}

    def _opinion(
        self, judge: Judge, picture: Callable[[], Image], of: tuple[str, ...], new: dict[str, Prediction]
    ) -> Opinion:
        """Return what a judge says of a picture, which is made only if it has to be."""
        key = key_of("opinion", judge.key, *of)
        if (kept := self.predictions.get(key)) is None:
            opinion = judge(picture())
            confidence = None if math.isnan(opinion.confidence) else opinion.confidence
            kept = new[key] = Prediction({"confidence": confidence}, opinion.mask, opinion.painting)
        assert kept.mask is not None  # noqa: S101 - opinions are kept with their masks
        confidence = kept.figures["confidence"]
        return Opinion(kept.mask, math.nan if confidence is None else confidence, kept.painting)


def _median_ms(method: Method, frame: Image) -> float:
    """Return what a call takes, ms."""
    method(frame)
    times = []
    for _ in range(TIMED):
        start = time.perf_counter()
        method(frame)
        times.append(1000.0 * (time.perf_counter() - start))
    return statistics.median(times)
