"""Runs diffusers' pipeline for one picture, with progress, cancellation within a step, and previews.

The sampling is the pipeline's own: with the same pictures, text and seed, the result equals a direct call of the
pipeline bit for bit (tested).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

from colorizer.engines.flux2_klein.model import KleinModel
from colorizer.imaging.values import RGB

PREVIEW_LATENT = 32
"""Longest side of the latent that is decoded for a preview, in latent pixels."""

Tell = Callable[[int, int], None]
"""Called with the number of transformer blocks done and their total number; may raise to cancel."""
OnPreview = Callable[[Callable[[], RGB]], None]
"""Called with a function that decodes a preview."""


@dataclass(frozen=True)
class Drawing:
    """The pipeline's inputs for one picture."""

    pictures: tuple[RGB, ...]
    """Input pictures, the line art first; their sides are multiples of 16 px."""
    embedding: Tensor
    """Embedding of the instruction, (1, 512, D)."""
    negative: Tensor | None
    """Embedding of the empty text, for guidance; None for distilled models."""
    steps: int
    guidance: float
    seed: int

    @property
    def tokens(self) -> int:
        """Number of tokens of the output picture, the input pictures and the text together."""
        shown = sum(picture.shape[0] * picture.shape[1] for picture in self.pictures)
        return (shown + self.size[0] * self.size[1]) // 256 + self.embedding.shape[1]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the output picture, px; the same as the line art's."""
        return self.pictures[0].shape[:2]


def draw(model: KleinModel, drawing: Drawing, tell: Tell, look: OnPreview) -> RGB:
    """Generates a picture (height, width, 3).

    Args:
        model: the loaded model.
        drawing: the inputs.
        tell: see `Tell`.
        look: see `OnPreview`.
    """
    pipeline = model.pipeline
    height, width = drawing.size
    device, dtype = pipeline._execution_device, pipeline.transformer.dtype
    dtype = dtype if dtype.itemsize > 1 else torch.bfloat16  # fp8 weights are computed in bfloat16
    embedding = drawing.embedding.to(device, dtype)
    generator = torch.Generator().manual_seed(drawing.seed)
    shape = (1, pipeline.transformer.config.in_channels, height // 16, width // 16)
    noise = randn_tensor(shape, generator=generator, device=device, dtype=embedding.dtype)
    # WORKAROUND: diffusers 0.42 has no public way to pack and unpack the latents that a callback gets, see
    # https://github.com/huggingface/diffusers/blob/main/src/diffusers/pipelines/flux2/pipeline_flux2_klein.py;
    # `_pack_latents` here and `_unpatchify_latents` below go when there is one.
    before = [pipeline._pack_latents(noise)]

    def on_step(running: Any, step: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        after = tensors["latents"]
        sigmas = running.scheduler.sigmas
        velocity = (after.float() - before[0].float()) / (sigmas[step + 1] - sigmas[step])
        ahead = after.float() - sigmas[step + 1] * velocity
        before[0] = after
        if step + 1 < drawing.steps:
            look(lambda: _seen(running, ahead, height, width))
        return {}

    guided: dict[str, Any] = {}
    if not model.files.kv:
        negative = drawing.negative
        guided = {"guidance_scale": drawing.guidance if negative is not None else 1.0}
        if negative is not None:
            guided["negative_prompt_embeds"] = negative.to(device, dtype)
    passes = drawing.steps * (2 if drawing.negative is not None and drawing.guidance > 1 else 1)
    with _counting(pipeline.transformer, passes, tell):
        drawn = pipeline(
            image=[Image.fromarray(np.ascontiguousarray(picture)) for picture in drawing.pictures],
            prompt_embeds=embedding,
            height=height,
            width=width,
            num_inference_steps=drawing.steps,
            latents=noise,
            output_type="np",
            callback_on_step_end=on_step,
            **guided,
        ).images[0]
    return np.rint(drawn * 255).astype(np.uint8)


@contextmanager
def _counting(transformer: Any, passes: int, tell: Tell) -> Iterator[None]:
    """Context that reports every transformer block, so that a job can be cancelled within a forward pass of minutes."""
    blocks: Sequence[Any] = [*transformer.transformer_blocks, *transformer.single_transformer_blocks]
    done, total = [0], len(blocks) * passes

    def count(*_: Any) -> None:
        tell(done[0], total)
        done[0] += 1

    hooks = [block.register_forward_pre_hook(count) for block in blocks]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    tell(total, total)


@torch.no_grad()
def _seen(pipeline: Any, packed: Tensor, height: int, width: int) -> RGB:
    """Decodes a scaled-down packed latent (1, n, C) with the model's VAE, for a preview."""
    vae = pipeline.vae
    latent = packed.permute(0, 2, 1).reshape(1, -1, height // 16, width // 16)
    mean = vae.bn.running_mean.view(1, -1, 1, 1).to(latent)
    spread = torch.sqrt(vae.bn.running_var.view(1, -1, 1, 1).to(latent) + vae.config.batch_norm_eps)
    latent = pipeline._unpatchify_latents(latent * spread + mean)
    longest = max(latent.shape[-2:])
    if longest > PREVIEW_LATENT:
        latent = F.interpolate(latent, scale_factor=PREVIEW_LATENT / longest, mode="area")
    decoded = vae.decode(latent.to(vae.device, vae.dtype), return_dict=False)[0].float()
    pixels = (decoded[0].clamp(-1, 1) + 1) * 127.5
    return pixels.round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
