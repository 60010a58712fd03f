"""The correspondence network: finds the cell of the reference to which each place of the sketch corresponds.

Encoders compute feature pyramids of both pictures; joint self-attention at the coarsest level exchanges information
between them; decoders compute a grid of queries for the sketch and a grid of keys for the reference. The products of
queries and keys are the attention logits; an additional learned key means "not in the reference". A key's colour is one
of its own pixels, so no colour is invented.

The network is independent of regions, palettes and layers (the other modules of this room) and of training
(`colorizer_lab.training`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save
from torch import Tensor, nn

from colorizer.engines.match.reranker import Reranker
from colorizer.files import write_atomically

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"


@dataclass(frozen=True)
class MatchConfig:
    """The configuration of the network's architecture. Parts `[0, background_parts)` are background."""

    image_size: int = 128
    query_grid: int = 64
    key_grid: int = 32
    parts: int = 32
    background_parts: int = 4
    fine_width: int = 24
    middle_width: int = 80
    deep_width: int = 160
    query_width: int = 64
    attention_layers: int = 3
    attention_heads: int = 4
    descriptor: int = 48

    @property
    def deep_grid(self) -> int:
        """Side of the grid at the coarsest level, at which both pictures attend to each other."""
        return self.key_grid // 2

    @property
    def cell(self) -> int:
        """Side of a key's cell in pixels."""
        return self.image_size // self.key_grid


@dataclass(frozen=True)
class WarpField:
    """The warp of a reference to the sketch."""

    where: Tensor
    """(B, S, S, 2): the position (x, y) in the reference for each pixel of the sketch; -1..1 from edge to edge, values
    outside of this are outside of the reference."""
    likeness: Tensor
    """(B,), -1..1: the correlation of the sketch's lines with the reference's edges."""


@dataclass(frozen=True)
class Features:
    """The network's features before queries and keys are compared. Q, K: sides of the grids; D: descriptor length."""

    queries: Tensor
    """(B, Q*Q, D), unit length, fp32."""
    trust: Tensor
    """(B, Q*Q, 2): the values added to the logits of the keys close to and around each query's own place, fp32."""
    own_place: Tensor
    """(B, Q*Q, 2): each query's own place in the reference, (x, y), -1..1 from edge to edge, fp32."""
    keys: Tensor
    """(B, K*K + 1, D), unit length, fp32; the last is the null key."""
    key_bias: Tensor
    """(B, K*K + 1), fp32."""
    colours: Tensor
    sketch_parts: Tensor
    reference_parts: Tensor


@dataclass(frozen=True)
class Correspondence:
    """The answer for a whole picture. Q = query_grid, K = key_grid."""

    logits: Tensor
    """(B, N, K*K + 1): the attention logits of all Q*Q queries or the chosen ones, fp32; the last column is the null
    key ("not in the reference")."""
    colours: Tensor
    """(B, K*K, 3) sRGB 0..1: one pixel of each key's cell (in training a weighted mean of them)."""
    sketch_parts: Tensor
    """(B, parts, Q, Q) part logits."""
    reference_parts: Tensor
    """(B, parts, K, K) part logits."""


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with a residual connection; initialised so that they add nothing."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(math.gcd(8, inputs), inputs)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        hidden: Tensor = self.second(F.silu(self.first(F.silu(self.norm(x)))))
        shortcut: Tensor = self.shortcut(x)
        return hidden + shortcut


class AttentionLayer(nn.Module):
    """One transformer layer over the tokens of both pictures."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, width) to the same."""
        batch, count, width = tokens.shape
        qkv = self.qkv(self.norm_attention(tokens))
        q, k, v = qkv.view(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        # Written as separate operations: on a CPU the backward pass of the fused attention is several times slower.
        scores = torch.matmul(q * (width // self.heads) ** -0.5, k.transpose(-1, -2))
        mixed = torch.matmul(scores.softmax(-1).to(v.dtype), v)
        tokens = tokens + self.out(mixed.transpose(1, 2).reshape(batch, count, width))
        result: Tensor = tokens + self.mlp(self.norm_mlp(tokens))
        return result


class Encoder(nn.Module):
    """Computes features of a picture at a half, a quarter and an eighth of its size."""

    def __init__(self, channels: int, config: MatchConfig) -> None:
        super().__init__()
        fine, middle, deep = config.fine_width, config.middle_width, config.deep_width
        self.fine = nn.Sequential(nn.Conv2d(channels, fine, 4, 2, 1), ResidualBlock(fine, fine))
        self.middle = nn.Sequential(
            nn.Conv2d(fine, middle, 4, 2, 1),
            ResidualBlock(middle, middle),
            ResidualBlock(middle, middle),
        )
        self.deep = nn.Sequential(
            nn.Conv2d(middle, deep, 4, 2, 1), ResidualBlock(deep, deep), ResidualBlock(deep, deep)
        )

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, channels, S, S) to (fine, middle, deep)."""
        fine = self.fine(picture)
        middle = self.middle(fine)
        return fine, middle, self.deep(middle)


class MatchNetwork(nn.Module):
    """Computes the correspondence of a sketch and a reference. Its architecture is defined by its `MatchConfig`."""

    def __init__(self, config: MatchConfig) -> None:
        super().__init__()
        self.config = config
        middle, deep, width = config.middle_width, config.deep_width, config.query_width
        # Ink and mask; of the warped reference: colours, mask, whether it is there, and its likeness.
        self.sketch_encoder = Encoder(2 + 6, config)
        self.reference_encoder = Encoder(4, config)
        self.position = nn.Parameter(torch.randn(1, config.deep_grid**2, deep) * 0.02)
        self.origin = nn.Parameter(torch.randn(2, 1, 1, deep) * 0.02)
        self.attention = nn.ModuleList(
            AttentionLayer(deep, config.attention_heads) for _ in range(config.attention_layers)
        )
        # + 2: the position on the canvas, so that pictures in the same pose can be matched by position.
        self.sketch_up_middle = ResidualBlock(middle + deep, middle)
        self.sketch_up_fine = ResidualBlock(config.fine_width + middle + 2, width)
        self.reference_up = ResidualBlock(middle + deep + 2, middle)
        self.query = nn.Conv2d(width, config.descriptor, 1)
        self.trust = nn.Conv2d(width, 2, 1)
        nn.init.zeros_(self.trust.weight)
        nn.init.constant_(self.trust.bias, -2.0)  # type: ignore[arg-type]
        self.log_reach = nn.Parameter(
            torch.tensor([0.7, 3.0]).log()
        )  # the radii of the two trusts, in cells of the key grid
        self.key = nn.Conv2d(middle, config.descriptor + 1, 1)
        self.pick = nn.Conv2d(middle, config.cell**2, 1)
        self.sketch_part = nn.Conv2d(width, config.parts, 1)
        self.reference_part = nn.Conv2d(middle, config.parts, 1)
        self.null_key = nn.Parameter(torch.randn(1, 1, config.descriptor))
        self.null_bias = nn.Parameter(torch.zeros(1, 1))
        self.log_scale = nn.Parameter(torch.tensor(2.5))
        # Trained afterwards, on the network's answers (`colorizer_lab.training.match_reranker`).
        self.reranker = Reranker().requires_grad_(False)

    def forward(
        self,
        ink: Tensor,
        ink_mask: Tensor,
        reference: Tensor,
        reference_mask: Tensor,
        warp: WarpField | None = None,
        chosen: Tensor | None = None,
    ) -> Correspondence:
        """Compares queries with every key.

        Args:
            ink: (B, 1, S, S), 0..1, 1 = line.
            ink_mask: (B, 1, S, S), -1 background, +1 foreground, 0 unknown.
            reference: (B, 3, S, S), sRGB 0..1.
            reference_mask: (B, 1, S, S), like `ink_mask`.
            warp: the warp of the reference to the sketch; None: it isn't registered.
            chosen: (B, N), the indices of queries; None: all.
        """
        features = self.features(ink, ink_mask, reference, reference_mask, warp)
        return Correspondence(
            self.logits(features, chosen),
            features.colours,
            features.sketch_parts,
            features.reference_parts,
        )

    def features(
        self,
        ink: Tensor,
        ink_mask: Tensor,
        reference: Tensor,
        reference_mask: Tensor,
        warp: WarpField | None = None,
    ) -> Features:
        """Computes the features without comparing them, because training compares only few queries. Arguments as in
        `forward`."""
        picture = self._channels_last(torch.cat([reference * 2 - 1, reference_mask], 1))
        under = _under(picture, warp)
        sketch = self._channels_last(torch.cat([ink * 2 - 1, ink_mask, under], 1))
        sketch_fine, sketch_middle, sketch_deep = self.sketch_encoder(sketch)
        _, reference_middle, reference_deep = self.reference_encoder(picture)
        sketch_deep, reference_deep = self._look_at_each_other(sketch_deep, reference_deep)

        sketch_middle = self.sketch_up_middle(torch.cat([sketch_middle, _twice(sketch_deep)], 1))
        sketch_top = self.sketch_up_fine(_with_place(sketch_fine, _twice(sketch_middle)))
        reference_top = self.reference_up(_with_place(reference_middle, _twice(reference_deep)))

        key_and_bias = _rows(self.key(reference_top).float())
        count = len(key_and_bias)
        keys = torch.cat([key_and_bias[..., :-1], self.null_key.expand(count, -1, -1)], 1)
        return Features(
            queries=F.normalize(_rows(self.query(sketch_top).float()), dim=-1),
            trust=_rows(self._trust(sketch_top, under)),
            own_place=_rows(self._own_place(sketch_top, warp)),
            keys=F.normalize(keys, dim=-1),
            key_bias=torch.cat([key_and_bias[..., -1], self.null_bias.expand(count, -1)], 1),
            colours=self._colours(reference, self.pick(reference_top).float()),
            sketch_parts=self.sketch_part(sketch_top).float(),
            reference_parts=self.reference_part(reference_top).float(),
        )

    def logits(self, features: Features, chosen: Tensor | None = None) -> Tensor:
        """(B, N, K*K + 1): the attention logits of all queries, or of the `chosen` ones (B, N), fp32."""
        queries, trust, own_place = (
            rows if chosen is None else rows.gather(1, chosen[..., None].expand(-1, -1, rows.shape[-1]))
            for rows in (features.queries, features.trust, features.own_place)
        )
        with torch.autocast(queries.device.type, enabled=False):
            scaled = queries * self.log_scale.exp()
            logits = torch.baddbmm(features.key_bias[:, None], scaled, features.keys.transpose(1, 2))
            grid = self.config.key_grid
            hills = logits[..., :-1].view(*logits.shape[:2], grid, grid)
            for across, down in self._hills(own_place, trust):
                hills.addcmul_(down[..., None], across[..., None, :])
            return logits

    def _trust(self, top: Tensor, under: Tensor) -> Tensor:
        """(B, 2, Q, Q): the trusts; no trust where the reference isn't below the sketch."""
        there = F.adaptive_avg_pool2d(under[:, 4:5].float(), self.config.query_grid)
        return F.softplus(self.trust(top).float()) * there

    def _own_place(self, top: Tensor, warp: WarpField | None) -> Tensor:
        """(B, 2, Q, Q)."""
        if warp is None:
            return top.new_zeros(len(top), 2, *top.shape[2:], dtype=torch.float32)
        return F.adaptive_avg_pool2d(warp.where.float().permute(0, 3, 1, 2), self.config.query_grid)

    def _hills(self, own_place: Tensor, trust: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """For each trust a Gaussian of its height and radius around every query's own place, as its horizontal and
        vertical factors (B, N, K)."""
        grid = self.config.key_grid
        centres = (2 * torch.arange(grid, device=trust.device) + 1) / grid - 1
        apart = (own_place[..., None] - centres) * (grid / 2)  # (B, N, 2, K), cells
        for height, reach in zip(trust.unbind(-1), self.log_reach.exp(), strict=True):
            across, down = torch.exp(-(apart**2) / (2 * reach**2)).unbind(2)
            yield across, height[..., None] * down

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes `config.json` and `model.safetensors` (fp16) to `folder`, each atomically."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: value.half().contiguous() for name, value in self.state_dict().items()}
        config = json.dumps(asdict(self.config), indent=2) + "\n"
        for name, data in (
            (WEIGHTS_FILE, save(weights, metadata={"format": "pt"})),
            (CONFIG_FILE, config.encode()),
        ):
            write_atomically(folder / name, data)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> MatchNetwork:
        """Loads a network saved by `save_pretrained`, in fp32 on the CPU, in evaluation mode."""
        folder = Path(folder)
        config = MatchConfig(**json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")))
        network = cls(config)
        network.load_state_dict(load_file(folder / WEIGHTS_FILE))
        return network.eval()

    def _channels_last(self, picture: Tensor) -> Tensor:
        return picture.contiguous(memory_format=torch.channels_last)

    def _look_at_each_other(self, sketch: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
        cells = self.config.deep_grid**2
        tokens = torch.cat(
            [
                _rows(sketch) + self.position + self.origin[0],
                _rows(reference) + self.position + self.origin[1],
            ],
            1,
        )
        for layer in self.attention:
            tokens = layer(tokens)
        return _grid(tokens[:, :cells], sketch), _grid(tokens[:, cells:], reference)

    def _colours(self, reference: Tensor, pick: Tensor) -> Tensor:
        """(B, K*K, 3): the picked pixel of every cell; in training a weighted mean of the pixels."""
        pixels = F.pixel_unshuffle(reference.float(), self.config.cell)
        pixels = pixels.view(len(pixels), 3, self.config.cell**2, -1)  # (B, 3, cell^2, K*K)
        weights = pick.flatten(2)
        if self.training:
            chosen = weights.softmax(1)
        else:
            chosen = F.one_hot(weights.argmax(1), self.config.cell**2).transpose(1, 2).float()
        return (pixels * chosen[:, None]).sum(2).transpose(1, 2)


def _under(picture: Tensor, warp: WarpField | None) -> Tensor:
    """(B, 6, S, S): colours and mask of a reference (B, 4, S, S) after the warp, its presence, and the likeness."""
    if warp is None:
        return picture.new_zeros(len(picture), 6, *picture.shape[2:])
    shown = torch.cat([picture, torch.ones_like(picture[:, :1])], 1)
    under = F.grid_sample(shown, warp.where, align_corners=False)
    return torch.cat([under, under[:, 4:] * warp.likeness[:, None, None, None]], 1)


def _rows(grid: Tensor) -> Tensor:
    """(B, C, H, W) to (B, H*W, C)."""
    return grid.permute(0, 2, 3, 1).flatten(1, 2)


def _grid(rows: Tensor, like: Tensor) -> Tensor:
    """(B, H*W, C) to the shape and dtype of `like`, (B, C, H, W), channels last."""
    batch, channels, height, width = like.shape
    return rows.to(like.dtype).view(batch, height, width, channels).permute(0, 3, 1, 2)


def _twice(grid: Tensor) -> Tensor:
    return F.interpolate(grid, scale_factor=2, mode="nearest")


def _with_place(*grids: Tensor) -> Tensor:
    """Concatenates grids of the same size along the channels and adds each cell's position (x, y), -1..1."""
    first = grids[0]
    batch, _, height, width = first.shape
    y = torch.linspace(-1, 1, height, device=first.device, dtype=first.dtype)
    x = torch.linspace(-1, 1, width, device=first.device, dtype=first.dtype)
    place = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1])
    return torch.cat([*grids, place.expand(batch, -1, -1, -1)], 1)
