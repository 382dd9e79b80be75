"""Both components of a batch through the entropy side: symbols, rates, the search for a rate."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentprint.codec import entropy, gains
from latentprint.codec.blocks import Weights
from latentprint.codec.coded import Coded, Latents, joined, reordered, with_y
from latentprint.codec.layouts import CHANNELS
from latentprint.codec.matcher import Decision, Tolerances, match_together, search
from latentprint.codec.state import State

logger = logging.getLogger(__name__)

COMPONENTS = tuple(CHANNELS)

Planes = Mapping[str, Tensor]
Sides = Mapping[str, entropy.Side]


@dataclass(frozen=True)
class EntropyCoder:
    """The entropy side of one folder of weights.

    Attributes
    ----------
    weights : callable (component, model id) -> mapping of str to Tensor
        The entropy file, on the codec's device.
    device : torch.device
    """

    weights: Callable[[str, int], Weights]
    device: torch.device

    def sides(
        self, ys: Planes, model: int, z_hats: Mapping[str, Tensor | None] | None = None
    ) -> dict[str, entropy.Side]:
        """Derive what does not depend on the displacement, of both components.

        Parameters
        ----------
        ys : mapping of str to Tensor, float32, (batch, channel, h, w)
            y of "luma" and "chroma".
        model : int
            Model id, 0..3.
        z_hats : mapping of str to Tensor or None, optional
            Hyper latents that do not follow from y alone.
        """
        return {
            component: entropy.side_information(
                y,
                weights=self.weights(component, model),
                z_hat=z_hats[component] if z_hats else None,
            )
            for component, y in ys.items()
        }

    def quantise_matched(
        self,
        ys: Mapping[int, Planes],
        sides: Mapping[int, Sides],
        target: float,
        tools: bool,
        wanted: frozenset[str],
        size: tuple[int, int],
        state: State | None,
    ) -> Coded:
        """Find model id and displacement of each image and quantise there; keep y if wanted.

        Parameters
        ----------
        ys, sides : mapping of model id to mapping of str
            y and side information by all four models.
        target, tools, wanted, size, state
            As in `match` and `quantise`.
        """
        decisions = self.match(ys, sides, target, tools, size, state)
        pieces, order = [], []
        for model in sorted({decision.model for decision in decisions}):
            rows = torch.tensor([i for i, d in enumerate(decisions) if d.model == model])
            betas = torch.tensor([[decisions[row].beta] * 2 for row in rows.tolist()])
            of_rows = {component: y[rows] for component, y in ys[model].items()}
            beside = {component: side.of(rows) for component, side in sides[model].items()}
            coded = self.quantise(of_rows, beside, model, betas, tools, wanted, size, state)
            pieces.append(with_y(coded, of_rows) if "y" in wanted else coded)
            order.append(rows)
        return reordered(joined(pieces), torch.cat(order).argsort())

    def match(
        self,
        ys: Mapping[int, Planes],
        sides: Mapping[int, Sides],
        target: float,
        tools: bool,
        size: tuple[int, int],
        state: State | None,
    ) -> list[Decision]:
        """Run the searches of a batch side by side; with a state, of one image.

        Parameters
        ----------
        ys, sides
            As in `quantise_matched`.
        target : float
            Bits per pixel, from `matcher.check_target`.
        tools : bool
            RVS and GRFS.
        size : (int, int)
            Height and width of the pictures, pixels.
        state : State or None
            Changed.

        Returns
        -------
        list of Decision
            One for each image.
        """
        if state is not None:
            if state.size not in (None, size):
                logger.warning(
                    "state: images of %d x %d pixels after %d x %d; the reference software then "
                    "counts wrong rates by a rule that is not specified, which is not followed",
                    *size,
                    *state.size,
                )
            state.size = size

        def rates(asked: list[tuple[Any, int, int]]) -> list[float]:
            bpp = torch.empty(len(asked))
            for model in {model for _, model, _ in asked}:
                places = [i for i, (_, wanted, _) in enumerate(asked) if wanted == model]
                rows = torch.tensor([asked[i][0] for i in places])
                beta = torch.tensor([asked[i][2] for i in places])
                bits = sum(
                    sides[model][component].of(rows).bits + quantised.bits
                    for component, quantised in self._components(
                        {component: y[rows] for component, y in ys[model].items()},
                        {component: side.of(rows) for component, side in sides[model].items()},
                        model,
                        beta[:, None].expand(-1, 2),
                        tools,
                        state,
                    )
                )
                bpp[places] = (bits / (size[0] * size[1])).float().cpu()
            return bpp.tolist()

        count = len(ys[0]["luma"])
        tolerances = [state.tolerances if state else Tolerances() for _ in range(count)]
        decisions = match_together(
            rates, {row: search(target, tolerances[row]) for row in range(count)}
        )
        return [decisions[row] for row in range(count)]

    def quantise(
        self,
        ys: Planes,
        sides: Sides,
        model: int,
        beta: Tensor,
        tools: bool,
        wanted: frozenset[str],
        size: tuple[int, int],
        state: State | None,
    ) -> Coded:
        """Quantise both components and keep what is wanted.

        Parameters
        ----------
        ys : mapping of str to Tensor, float32, (batch, channel, h, w)
        sides : mapping of str to entropy.Side
        model : int
            Model id, 0..3.
        beta : Tensor, integer, (batch, 2)
            Displacement of luma and chroma.
        tools : bool
            RVS, GRFS and LSBS.
        wanted : frozenset of str
            Attributes of `Latents`; y is left to the caller.
        size : (int, int)
            Height and width of the pictures, pixels.
        state : State or None
            Changed.
        """
        bits, latents = [], {}
        for component, quantised in self._components(ys, sides, model, beta, tools, state):
            side = sides[component]
            bits += [side.bits, quantised.bits]
            latents[component] = _latents(quantised, side, model, wanted)
        return Coded(
            **latents,
            model=torch.full((len(beta),), model),
            beta=beta.clamp(gains.BETA_MIN, gains.BETA_MAX),
            bits=torch.stack(bits, dim=1).cpu(),
            size=size,
            tools=tools,
        )

    def rebuild(self, coded: Coded, model: int) -> Coded:
        """Rebuild y_hat of images of one model id from their symbols; `coded` is completed.

        Parameters
        ----------
        coded : Coded
            With q and z_hat, and grfs where the tools were on.
        model : int
            Model id, 0..3.
        """
        for column, component in enumerate(COMPONENTS):
            latents = getattr(coded, component)
            weights = self.weights(component, model)
            q = latents.q.to(self.device)
            side = entropy.side_information(q, weights=weights, z_hat=latents.z_hat.to(self.device))
            levels = entropy.levels(
                side.index,
                component=component,
                model=model,
                beta=coded.beta[:, column],
                with_tools=coded.tools,
                weights=weights,
                raised=latents.grfs,
            )
            rebuilt = entropy.rebuild(q, side, levels, component=component, weights=weights)
            latents.mu = rebuilt.mu
            latents.y_hat_before_lsbs = rebuilt.rebuilt
            latents.y_hat = entropy.y_hat(rebuilt, levels, model=model)
        return coded

    def _components(
        self,
        ys: Planes,
        sides: Sides,
        model: int,
        beta: Tensor,
        tools: bool,
        state: State | None,
    ) -> list[tuple[str, entropy.Quantised]]:
        """Quantise both components at the displacements (batch, 2)."""
        found = []
        for column, component in enumerate(COMPONENTS):
            weights = self.weights(component, model)
            side = sides[component]
            at = {"component": component, "model": model, "with_tools": tools, "weights": weights}
            raised = None
            if state is not None and tools:
                # The first image that a model meets fixes the flags.
                if (model, component) not in state.raised:
                    first = entropy.levels(side.index[:1], beta=beta[:1, column], **at)
                    state.raised[model, component] = first.raised
                raised = state.raised[model, component]
            levels = entropy.levels(side.index, beta=beta[:, column], raised=raised, **at)
            found.append(
                (
                    component,
                    entropy.quantise(
                        ys[component], side, levels, component=component, weights=weights
                    ),
                )
            )
        return found


def _latents(
    quantised: entropy.Quantised, side: entropy.Side, model: int, wanted: frozenset[str]
) -> Latents:
    """Keep what was asked for of one component."""
    coded, levels = quantised.coded, quantised.levels
    raised = levels.raised
    if raised is None:
        raised = torch.zeros(coded.q.shape[:2], dtype=torch.bool, device=coded.q.device)
    makers: dict[str, Callable[[], Tensor]] = {
        "y_hat": lambda: entropy.y_hat(coded, levels, model=model),
        "y_hat_before_lsbs": lambda: coded.rebuilt,
        "q": lambda: coded.q.to(torch.int16),
        "z_hat": lambda: side.z_hat,
        "mu": lambda: coded.mu,
        "gain": lambda: levels.scales.gain.flatten(1),
        "grfs": lambda: raised,
        "cube": lambda: coded.flags,
    }
    return Latents(**{name: make() for name, make in makers.items() if name in wanted})
