"""Text-based manipulation of the reference's tokens (v1, arXiv 2401.01456).

An edit names a target ("red hair"), optionally the anchor that it replaces, and a control, which says where. The
projection of the local tokens on the control's text vector, normalised to 0..1 over the picture, sets how far each
token is moved, by a piecewise linear function with four thresholds. Text vectors have unit length
(`image_tokens.text_vectors`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from colorizer.engines.colorize_diffusion.settings import Edit
from colorizer.errors import InvalidInput

EVERYTHING = "everything"
NO_ANCHOR = "none"


def projection(tokens: Tensor, text: Tensor) -> Tensor:
    """Dot products (B, N, 1) of tokens (B, N, D) with a text vector (B or 1, 1, D), not normalised."""
    return (tokens * text).sum(dim=-1, keepdim=True)


def normalised(values: Tensor) -> Tensor:
    """Scales values (B, N, 1) to 0..1 over the tokens."""
    low = values.amin(dim=1, keepdim=True)
    high = values.amax(dim=1, keepdim=True)
    return (values - low) / (high - low)


def position_weights(
    relevance: Tensor, strength: Tensor, thresholds: Sequence[float], lowest: float = -2.0
) -> Tensor:
    """How far each token is moved, by its relevance.

    Args:
        relevance: (B, N, 1) in 0..1.
        strength: factor of the result.
        thresholds: four rising bounds t0..t3 in 0..1.
        lowest: the weight up to t0. Above, the weight rises from -1 to 0 (t1), to 1/2 (t2), and to 1 (t3 and above).
    """
    t0, t1, t2, t3 = thresholds
    pieces = (
        (relevance <= t0, torch.full_like(relevance, lowest)),
        (relevance <= t1, (relevance - t0) / (t1 - t0) - 1),
        (relevance <= t2, 0.5 * (relevance - t1) / (t2 - t1)),
        (relevance <= t3, 0.5 + 0.5 * (relevance - t2) / (t3 - t2)),
    )
    weights = torch.ones_like(relevance)
    for inside, value in reversed(pieces):
        weights = torch.where(inside, value, weights)
    return weights * strength


def heat_map(values: Tensor, thresholds: Sequence[float]) -> Tensor:
    """Heat map of relevance (B, N, 1): a quarter for each threshold that the normalised value reaches."""
    relevance = normalised(values)
    return torch.stack([(relevance >= threshold) * 0.25 for threshold in thresholds]).sum(dim=0)


def manipulate_local(
    tokens: Tensor, edits: Iterable[Edit], text: Callable[[str], Tensor], *, parity: bool = False
) -> Tensor:
    """Applies edits to the local tokens, one after the other; the class token is not changed.

    Args:
        tokens: class and local tokens (B, 1 + N, D).
        edits: the edits in order. The control word "everything" moves all tokens by the full strength.
        text: maps a prompt to its unit vector (1, 1, D).
        parity: treat "everything" as an ordinary word, as the published program does.
    """
    cls, local = tokens[:, :1], tokens[:, 1:]
    for edit in edits:
        target = text(edit.target)
        anchor = text(edit.anchor) if edit.anchor is not None else None
        present = anchor if anchor is not None and edit.enhance else target
        strength = edit.scale - projection(cls, present)
        if edit.control == EVERYTHING and not parity:
            weights = strength.expand(-1, local.shape[1], -1)
        else:
            relevance = normalised(projection(local, text(edit.control)))
            weights = position_weights(relevance, strength, edit.thresholds)
        if anchor is None:
            local = local + weights * target
        else:
            if edit.enhance:
                weights = weights + projection(local, anchor)
            local = local + weights * (target - anchor)
    return torch.cat([cls, local], dim=1)


def manipulate_global(cls: Tensor, edits: Iterable[Edit], text: Callable[[str], Tensor]) -> Tensor:
    """Applies edits to the class token (B, 1, D), for models that are conditioned on the class token only."""
    for edit in edits:
        target = text(edit.target)
        if edit.anchor is None:
            scale = edit.scale if edit.enhance else edit.scale - projection(cls, target)
            cls = cls + scale * target
            continue
        anchor = text(edit.anchor)
        if edit.enhance:
            cls = cls - projection(cls, anchor) * anchor + edit.scale * target
        else:
            cls = cls + edit.scale * (target - anchor)
    return cls


FIELDS = ("target", "anchor", "control", "scale", "enhanced", "ts0", "ts1", "ts2", "ts3")
ENTRY = re.compile(r"\[(\w+)\]\s*([^;]*)")


def parse_edits(text: str, *, parity: bool = False) -> tuple[Edit, ...]:
    """Parses edits, one per line.

    A line reads `[target] red hair; [anchor] none; [control] hair; [scale] 2.5; [enhanced] False; [ts0] 0.5; [ts1]
    0.55; [ts2] 0.65; [ts3] 0.95`.

    Args:
        text: the lines.
        parity: read any word after `[enhanced]` as true, as the published program does.

    Raises:
        InvalidInput: for a line that cannot be parsed.
    """
    return tuple(_parse_line(line, parity) for line in text.splitlines() if line.strip())


def _parse_line(line: str, parity: bool) -> Edit:  # noqa: FBT001 - private, one caller
    values = {name: value.strip() for name, value in ENTRY.findall(line)}
    try:
        anchor = values["anchor"]
        t0, t1, t2, t3 = (float(values[f"ts{i}"]) for i in range(4))
        return Edit(
            target=values["target"],
            anchor=None if anchor == NO_ANCHOR else anchor,
            control=values["control"],
            scale=float(values["scale"]),
            enhance=bool(values["enhanced"]) if parity else values["enhanced"].lower() == "true",
            thresholds=(t0, t1, t2, t3),
        )
    except (KeyError, ValueError) as error:
        raise InvalidInput(
            f"This text edit can't be read: {line.strip()!r}. Give all of {', '.join(FIELDS)}, each as"
            " `[name] value`, separated by semicolons."
        ) from error
