"""Converts ColorFlow's published files and a base model to one model folder, with every tensor accounted for.

The LoRA is merged into the base network (maximum difference 8e-7) and the constant prompt is embedded once, so that
neither peft nor a text encoder is needed afterwards. The folder is written to a temporary place and then moved.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, PixArtTransformer2DModel, UNet2DConditionModel
from torch import Tensor
from transformers import AutoTokenizer, CLIPTextModel, CLIPVisionModelWithProjection, T5EncoderModel

from colorizer.engines.checkpoints import read_tensors
from colorizer.engines.colorflow.image_tower import ImageTower
from colorizer.engines.colorflow.in_context import InContextPipeline
from colorizer.engines.colorflow.input_style import InputStyle
from colorizer.engines.colorflow.lora import PIXART_TARGETS, SD_TARGETS, load_lora, merge_lora
from colorizer.engines.colorflow.model import ColorFlowModel
from colorizer.engines.colorflow.pixart_pipeline import ColorFlowPixArtPipeline, pixart_scheduler
from colorizer.engines.colorflow.prompts import Prompts
from colorizer.engines.colorflow.published import (
    load_strictly,
    pixart_guider_from_published,
    sd_guider_from_published,
)
from colorizer.engines.colorflow.screenstyle import ScreenStyle, fold_spectral_norm, without_unused_noise
from colorizer.engines.colorflow.sd_pipeline import ColorFlowSDPipeline, sd_scheduler
from colorizer.engines.colorflow.super_resolution import FusionNet
from colorizer.engines.detectors.manga_lines import LineExtractor
from colorizer.errors import UnusableModel
from colorizer.files import atomic_folder

PROMPT = "manga"
SD_TOKENS = 77
PIXART_TOKENS = 120

_GENERATOR = "ScreenStyle/color2manga/color2manga_cycle_ganstft/latest_net_G_RGB2INTSCR.pth"
_DECODER = "ScreenStyle/ScreenVAE/latest_net_dec.pth"


class Variant(str, Enum):
    """The published models, by the name of their folder."""

    GREY = "GraySD"
    SKETCH = "sketch"
    SHADING = "shading"

    @property
    def style(self) -> InputStyle:
        """The kind of page that the model was trained on."""
        styles = {Variant.GREY: InputStyle.GREY, Variant.SKETCH: InputStyle.SKETCH}
        return styles.get(self, InputStyle.SKETCH_SHADING)


@dataclass(frozen=True)
class Sources:
    """Folders of the downloaded files."""

    published: Path
    """The downloaded ColorFlow repository."""
    base: Path
    """The base model in diffusers' layout: Stable Diffusion 1.5 for `GraySD`, PixArt-XL-2-1024-MS for the others."""


def convert(sources: Sources, variant: Variant, folder: Path, prompts: Prompts | None = None) -> None:
    """Writes the model folder of a published variant.

    Args:
        sources: the downloaded files.
        variant: the published model.
        folder: the model folder to write.
        prompts: precomputed embeddings; None: computed with the base model's text encoder.

    Raises:
        UnusableModel: a file is missing, damaged or of another network. Nothing is left on disk then.
    """
    try:
        with atomic_folder(folder) as building:
            _join(sources, variant, prompts).save(building)
    except OSError as error:
        raise UnusableModel(
            f"The model can't be converted: {error}. Check that both downloads are complete."
        ) from error


def _join(sources: Sources, variant: Variant, prompts: Prompts | None) -> ColorFlowModel:
    vae = AutoencoderKL.from_pretrained(sources.base / "vae")
    colouring = _colouring(sources, variant, vae, prompts or embed_prompts(sources.base, variant))
    widths = vae.config.block_out_channels
    fusion = load_strictly(
        FusionNet((widths[0], *widths)), _tensors(sources.published / variant.value / "MultiResNetModel.bin")
    )
    tower = CLIPVisionModelWithProjection.from_pretrained(sources.published / "image_encoder")
    return ColorFlowModel(
        variant.style,
        colouring,
        ImageTower(tower),
        fusion,
        line_extractor=_line_extractor(sources.published) if variant is not Variant.GREY else None,
        screenstyle=_screenstyle(sources.published) if variant is Variant.GREY else None,
    )


def _colouring(sources: Sources, variant: Variant, vae: AutoencoderKL, prompts: Prompts) -> InContextPipeline:
    own = sources.published / variant.value
    guider = _tensors(own / "diffusion_pytorch_model.bin")
    config: dict[str, Any] = json.loads((own / "config.json").read_text(encoding="utf-8"))
    if variant is Variant.GREY:
        unet = UNet2DConditionModel.from_pretrained(sources.base / "unet")
        load_lora(unet, _tensors(own / "unet_lora.bin"), SD_TARGETS)
        merge_lora(unet)
        parts = (unet, sd_guider_from_published(guider, config), vae, sd_scheduler(), prompts)
        return ColorFlowSDPipeline(*parts)
    transformer = PixArtTransformer2DModel.from_pretrained(sources.base / "transformer")
    load_lora(transformer, _tensors(own / "transformer_lora.bin"), PIXART_TARGETS)
    merge_lora(transformer)
    parts = (transformer, pixart_guider_from_published(guider, config), vae, pixart_scheduler(), prompts)
    return ColorFlowPixArtPipeline(*parts)


def _line_extractor(published: Path) -> LineExtractor:
    return load_strictly(LineExtractor(), _tensors(published / "LE/erika.pth"))


def _screenstyle(published: Path) -> ScreenStyle:
    both = ScreenStyle()
    generator = {
        key: value
        for key, value in fold_spectral_norm(_tensors(published / _GENERATOR)).items()
        if ".noiseblock." not in key
    }
    load_strictly(both.generator, generator)
    load_strictly(both.decoder, without_unused_noise(_tensors(published / _DECODER)))
    return both.eval()


@torch.no_grad()
def embed_prompts(base: Path, variant: Variant) -> Prompts:
    """Embeds the constant and the empty prompt with the base model's text encoder (T5 needs 20 GB of memory)."""
    tokenizer = AutoTokenizer.from_pretrained(base / "tokenizer")
    kind, length = (CLIPTextModel, SD_TOKENS) if variant is Variant.GREY else (T5EncoderModel, PIXART_TOKENS)
    encoder = kind.from_pretrained(base / "text_encoder")
    tokens = tokenizer(
        [PROMPT, ""], padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    )
    if variant is Variant.GREY:
        return Prompts.of(*encoder(tokens.input_ids)[0])
    embedded = encoder(tokens.input_ids, attention_mask=tokens.attention_mask)[0]
    return Prompts.of(*embedded, *tokens.attention_mask)


def _tensors(file: Path) -> dict[str, Tensor]:
    """Reads all tensors of a file without executing pickled code; floats are converted to float32."""
    tensors = read_tensors(file)
    return {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}
