"""Looking on while the codec runs: seconds and products of its stages, rates that were tried."""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from encoding_cost.measuring import now
from encoding_cost.products import Counter, Product
from encoding_cost.setting import LATENTS, MODEL, Setting, has
from latentprint.codec import analysis, colour, entropy, matcher

# What the codec calls, by the stage that it belongs to; a call within another one is not counted.
STAGES: tuple[tuple[str, Any, str], ...] = (
    ("colour", colour, "rgb_to_yuv"),
    ("colour", colour, "chroma_input"),
    ("analysis", analysis, "analyse"),
    ("hyper", entropy, "side_information"),
    ("quantise", entropy, "levels"),
    ("quantise", entropy, "quantise"),
    ("quantise", entropy, "y_hat"),
)
ANALYSES = {"analysis luma": "analysis, luma", "analysis chroma": "analysis, chroma"}
ENTROPY = {"hyper": "hyper networks", "quantise": "context"}


class Meter:
    """Sees the stages while the codec runs.

    Attributes
    ----------
    seconds : dict of stage to float
        As `measuring.now`; the two analyses are stages of their own.
    products : dict of stage to list of Product
        With `count` alone.
    analyses : list of (args, options)
        What the analysis networks were called with.
    decisions : list of matcher.Decision
        How searches ended.
    """

    def __init__(self, device: str, *, count: bool = False) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.products: dict[str, list[Product]] = defaultdict(list)
        self.analyses: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.decisions: list[matcher.Decision] = []
        self._device = device
        self._count = count
        self._inside = False

    @contextmanager
    def watching(self) -> Iterator["Meter"]:
        """Measure every call of `STAGES` within the block."""
        decision = matcher.Decision

        def noted(*values: Any) -> matcher.Decision:
            self.decisions.append(decision(*values))
            return self.decisions[-1]

        kept = [(module, name, getattr(module, name)) for _, module, name in STAGES]
        try:
            matcher.Decision = noted
            for (stage, _, _), (module, name, function) in zip(STAGES, kept, strict=True):
                setattr(module, name, self._around(stage, function))
            yield self
        finally:
            matcher.Decision = decision
            for module, name, function in kept:
                setattr(module, name, function)

    def _around(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def measured(*args: Any, **options: Any) -> Any:
            if self._inside:
                return function(*args, **options)
            name = stage
            if stage == "analysis":
                name = f"analysis {options['component']}"
                self.analyses.append((args, options))
            self._inside = True
            try:
                with Counter(self.products[name]) if self._count else nullcontext():
                    began = now(self._device)
                    result = function(*args, **options)
                    self.seconds[name] += now(self._device) - began
            finally:
                self._inside = False
            return result

        return measured


@functools.cache
def stage_products(setting: Setting, point: str) -> Mapping[str, list[Product]]:
    """Count the products of every stage while one picture is coded."""
    codec = setting.codec(point)
    latents = LATENTS if has(codec, "entropy") else ("y",)
    with Meter(setting.device, count=True).watching() as meter:
        codec.encode(setting.pictures(1), model=MODEL, latents=latents)
    return meter.products


def distinct_trials(decision: matcher.Decision) -> int:
    """Count the rates that a search needed: displacements beyond the ends are one."""
    return len({(trial.model, matcher.clipped(trial.beta)) for trial in decision.trials})
