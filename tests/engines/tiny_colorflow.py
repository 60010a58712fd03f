"""Tiny ColorFlow models with random weights, of both base models."""

from __future__ import annotations

import torch
from colorizer.engines.colorflow.image_tower import ImageTower
from colorizer.engines.colorflow.input_style import InputStyle
from colorizer.engines.colorflow.model import ColorFlowModel
from colorizer.engines.colorflow.pixart_guider import PixArtGuider
from colorizer.engines.colorflow.pixart_pipeline import ColorFlowPixArtPipeline, pixart_scheduler
from colorizer.engines.colorflow.prompts import Prompts
from colorizer.engines.colorflow.sd_guider import SDGuider
from colorizer.engines.colorflow.sd_pipeline import ColorFlowSDPipeline, sd_scheduler
from colorizer.engines.colorflow.super_resolution import FusionNet
from diffusers import AutoencoderKL, PixArtTransformer2DModel, UNet2DConditionModel
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

WIDTHS = (32, 32, 32, 32)


def make_sd() -> ColorFlowModel:
    """A grey-mode model."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            block_out_channels=WIDTHS, cross_attention_dim=24, attention_head_dim=4, layers_per_block=1
        )
        guider = SDGuider(block_out_channels=WIDTHS, attention_head_dim=4, layers_per_block=1)
        prompts = Prompts.of(torch.randn(5, 24), torch.randn(5, 24))
        pipeline = ColorFlowSDPipeline(unet.eval(), guider.eval(), _vae(), sd_scheduler(), prompts)
        return _model(InputStyle.GREY, pipeline)


def make_pixart() -> ColorFlowModel:
    """A sketch-mode model."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        heads = {"num_attention_heads": 2, "attention_head_dim": 24, "num_layers": 2}
        transformer = PixArtTransformer2DModel(**heads, cross_attention_dim=48, caption_channels=20)
        prompts = Prompts.of(torch.randn(5, 20), torch.randn(5, 20))
        guider = PixArtGuider(**heads)
        parts = (transformer.eval(), guider.eval(), _vae(), pixart_scheduler(), prompts)
        return _model(InputStyle.SKETCH, ColorFlowPixArtPipeline(*parts))


def _model(style: InputStyle, pipeline) -> ColorFlowModel:
    pipeline.set_progress_bar_config(disable=True)
    tower = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
        projection_dim=16,
    )
    fusion = FusionNet((WIDTHS[0], *WIDTHS)).eval()
    return ColorFlowModel(style, pipeline, ImageTower(CLIPVisionModelWithProjection(tower)), fusion)


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=WIDTHS,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
    ).eval()
