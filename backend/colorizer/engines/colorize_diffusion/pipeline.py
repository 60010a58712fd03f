"""ColorizeDiffusion as a diffusers pipeline: pictures and settings in, pictures out.

`save_pretrained` and `from_pretrained` keep one folder per network and the LoRA in `lora/`. Which networks there are
decides what the version can do; `__call__` checks that before it starts. The engine's door is in `engine`.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from colorizer.engines.colorize_diffusion import previews
from colorizer.engines.colorize_diffusion.adapters import (
    adapter_file,
    adapters_of,
    add_adapter,
    load_adapters,
)
from colorizer.engines.colorize_diffusion.conditioning import (
    Conditioner,
    Conditions,
    Networks,
    Pictures,
    resized,
)
from colorizer.engines.colorize_diffusion.denoiser import Denoiser, takes_region_colours
from colorizer.engines.colorize_diffusion.image_tokens import ImageTokens, text_vectors
from colorizer.engines.colorize_diffusion.noise import Spacing
from colorizer.engines.colorize_diffusion.samplers import Sampler, initial_scale, make_scheduler
from colorizer.engines.colorize_diffusion.sampling import (
    InjectedReference,
    OnStep,
    Predictor,
    Window,
    denoise,
)
from colorizer.engines.colorize_diffusion.settings import (
    BranchStrength,
    DiffusionSettings,
    Modes,
    Prediction,
    Version,
)
from colorizer.errors import InvalidInput

SIZE_STEP = 64
LATENT_SHRINK = 8
REMEMBERED = 16
"""Tokens and latents of pictures that are kept."""
POSTERIOR_SEED = 0
"""The VAE's posterior is sampled as published, but apart from the picture's seed, so that conditions can be kept."""


@dataclass(frozen=True)
class Steps:
    """How the noise is removed."""

    sampler: Sampler = Sampler.DPM
    spacing: Spacing = Spacing.AUTOMATIC
    count: int = 20


class ColorizeDiffusionPipeline(DiffusionPipeline):
    """One model of one version. v1 needs the first four networks, the others more; text needs the last two."""

    _optional_components = [
        "image_encoder",
        "threshold_embedder",
        "recovery",
        "background_encoder",
        "style_encoder",
        "warp",
        "style",
        "text_encoder",
        "tokenizer",
    ]

    def __init__(  # noqa: PLR0913 - diffusers finds a pipeline's networks in this list
        self,
        unet: Any,
        sketch_encoder: Any,
        vae: Any,
        image_encoder: Any = None,
        threshold_embedder: Any = None,
        recovery: Any = None,
        background_encoder: Any = None,
        style_encoder: Any = None,
        warp: Any = None,
        style: Any = None,
        text_encoder: Any = None,
        tokenizer: Any = None,
        version: str = Version.V1.value,
        prediction: str = Prediction.EPSILON.value,
        size: int = 0,
        guided: bool = True,  # noqa: FBT001 - diffusers hands on what it read, by name
    ) -> None:
        super().__init__()
        self.register_modules(
            unet=unet,
            sketch_encoder=sketch_encoder,
            vae=vae,
            image_encoder=image_encoder,
            threshold_embedder=threshold_embedder,
            recovery=recovery,
            background_encoder=background_encoder,
            style_encoder=style_encoder,
            warp=warp,
            style=style,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
        )
        self.register_to_config(version=version, prediction=prediction, size=size, guided=guided)
        self.version = Version(version)
        self.prediction = Prediction(prediction)
        self.size = size
        """Side of the pictures that a model of one's own was trained on, px; 0 for a published one."""
        self.guided = guided
        """Whether guidance helps: not a distilled model, which has it in its weights, nor one that learned little."""
        self.denoiser = Denoiser(unet, warp, style)
        self.conditioner = Conditioner(self.version, self._networks())
        self.memory: OrderedDict[Hashable, Tensor] = OrderedDict()
        self.tiny_vae: Any = None
        """For previews, where somebody has one: an `AutoencoderTiny`; not part of the model."""
        self.vae_previews = True
        """Whether the VAE may make previews: it is at hand and quick."""

    @property
    def takes_region_colours(self) -> bool:
        """Whether the model was trained with the match engine's colours as an input."""
        return takes_region_colours(self.unet)

    def _networks(self) -> Networks:
        return Networks(
            image_tokens=self.image_tokens,
            encode=self.encode,
            sketch_encoder=self.sketch_encoder,
            recovery=self.recovery,
            threshold_embedder=self.threshold_embedder,
            background_encoder=self.background_encoder,
            style_encoder=self.style_encoder,
        )

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> None:
        """Writes a folder per network, without the LoRA, and the LoRA beside them."""
        from safetensors.torch import save_file

        folder = Path(save_directory)
        adapters = adapters_of(self.unet)
        if adapters:
            self.unet.unload_lora()
        super().save_pretrained(folder, **options)
        for side, tensors in adapters.items():
            file = adapter_file(folder, side)
            file.parent.mkdir(exist_ok=True)
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file)
            add_adapter(self.unet, side, tensors)

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> ColorizeDiffusionPipeline:
        """Reads a folder on this machine; nothing is ever fetched."""
        pipeline: ColorizeDiffusionPipeline = super().from_pretrained(
            str(folder), local_files_only=True, **options
        )
        load_adapters(pipeline.unet, Path(folder))
        return pipeline

    @torch.no_grad()
    def __call__(
        self,
        pictures: Pictures,
        settings: DiffusionSettings | None = None,
        steps: Steps | None = None,
        seeds: Sequence[int] = (0,),
        on_step: OnStep | None = None,
    ) -> Tensor:
        """One picture per seed: (B, 3, H, W) in about [-1, 1]. `on_step` may raise to stop.

        Raises `InvalidInput` for what this version or these pictures can't give.
        """
        settings, steps = settings or DiffusionSettings(), steps or Steps()
        self.check_inputs(pictures, settings)
        if settings.parity and self.version is not Version.V2:
            # the published program does not pass the two strengths on
            settings = replace(settings, strength=BranchStrength(merge=settings.strength.merge))
        scheduler = make_scheduler(steps.sampler, steps.spacing, steps.count, self.prediction, seeds)
        pictures = self.placed(pictures)
        conditions = self.conditioner.prepare(pictures, settings, self.text_vector)
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        predict = Predictor(
            self.denoiser,
            conditions,
            settings,
            Window(settings.guidance, self.version, parity=settings.parity),
            self.injected_reference(pictures, settings),
            generators,
        )
        shape = (
            len(seeds),
            self.unet.config.out_channels,
            *(side // LATENT_SHRINK for side in pictures.size),
        )
        noise = randn_tensor(shape, generator=generators, device=self._execution_device, dtype=torch.float32)
        colours = conditions.region_colours
        if colours is not None and on_step is not None:
            on_step = added(colours, on_step)
        latent = denoise(predict, scheduler, noise * initial_scale(steps.sampler, scheduler), on_step)
        if colours is None or pictures.region_colours is None:
            return self.decode(latent)
        lost = pictures.region_colours - self.decode(colours)  # what the autoencoder can't hold of them
        return self.decode(latent + colours) + lost

    def placed(self, pictures: Pictures) -> Pictures:
        """The pictures on the pipeline's device; networks of less precision take them down themselves."""
        tensors = {
            name: tensor.to(self._execution_device)
            for name, tensor in vars(pictures).items()
            if tensor is not None
        }
        return Pictures(**tensors)

    def check_inputs(self, pictures: Pictures, settings: DiffusionSettings) -> None:
        """Raises `InvalidInput` for the first thing that can't be done."""
        height, width = pictures.size
        if height % SIZE_STEP or width % SIZE_STEP:
            raise InvalidInput(
                f"The model's working size must be a multiple of {SIZE_STEP} px on both sides, not"
                f" {width} x {height}. Fit the sketch into such a size first."
            )
        self.check_modes(settings.modes)
        if self.takes_region_colours != (pictures.region_colours is not None):
            raise InvalidInput(
                "Models that were trained with region colours need them, and others can't use them."
                " Give `region_colours` where the model takes them."
            )
        if settings.modes.split and pictures.sketch_mask is None:
            raise InvalidInput(
                "Colouring in two parts needs a foreground mask of the sketch. Make one first."
            )
        if (settings.modes.split or settings.modes.style) and pictures.reference is None:
            raise InvalidInput("This mode needs a reference picture. Add one.")
        needs_mask = settings.modes.background and pictures.background is None
        if needs_mask and pictures.reference_mask is None:
            raise InvalidInput(
                "Taking the background from the reference needs a foreground mask of the reference."
                " Make one, or choose a background picture."
            )
        if settings.injection is not None and pictures.reference is None:
            raise InvalidInput("Attention injection needs a reference picture. Add one.")
        if settings.edits and (self.text_encoder is None or self.tokenizer is None):
            raise InvalidInput("Changing the reference by words needs the text model. Download it first.")

    def check_modes(self, modes: Modes) -> None:
        """Raises `InvalidInput` for a switch that this version lacks."""
        if modes.style and self.version is not Version.V2:
            raise InvalidInput(f"ColorizeDiffusion {self.version.value} has no style detail. Use a v2 model.")
        if modes.foreground and self.version is Version.V1:
            raise InvalidInput(
                "ColorizeDiffusion v1 can't tell the foreground from the background. Use a v1.5 or v2 model."
            )

    def conditions(self, pictures: Pictures, settings: DiffusionSettings) -> Conditions:
        """The time-independent part of `__call__`, for looking at."""
        with torch.no_grad():
            return self.conditioner.prepare(self.placed(pictures), settings, self.text_vector)

    def image_tokens(self, picture: Tensor) -> Tensor:
        """RGB (1, 3, h, w) in [-1, 1] to class and local tokens (1, 1 + N, D)."""
        if self.image_encoder is None:
            raise InvalidInput("ColorizeDiffusion needs the CLIP image model. Download it first.")
        tower = ImageTokens(self.image_encoder)
        return self.remembered("tokens", picture, lambda: tower(picture).to(self.unet.dtype))

    def remembered(self, what: str, picture: Tensor, make: Callable[[], Tensor]) -> Tensor:
        """What was made of an equal picture before: an artist colours many sketches from one reference."""
        content = hashlib.sha256(picture.detach().float().cpu().numpy().tobytes()).hexdigest()
        name = (what, tuple(picture.shape), content, str(self._execution_device), str(self.unet.dtype))
        if name not in self.memory:
            self.memory[name] = make()
        self.memory.move_to_end(name)
        while len(self.memory) > REMEMBERED:
            self.memory.popitem(last=False)
        return self.memory[name]

    def text_vector(self, words: str) -> Tensor:
        """Words to a unit vector (1, 1, D)."""
        ids = self.tokenizer(words, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return text_vectors(self.text_encoder, ids.to(self._execution_device)).to(self.unet.dtype)

    def encode(self, picture: Tensor) -> Tensor:
        """RGB (1, 3, H, W) in [-1, 1] to a scaled sample of the VAE's posterior (1, C, H/8, W/8)."""
        return self.remembered("latent", picture, lambda: self.encode_anew(picture))

    def encode_anew(self, picture: Tensor) -> Tensor:
        """The same without looking at what is remembered."""
        posterior = self.vae.encode(picture.to(self.vae.dtype)).latent_dist
        sample = posterior.sample(torch.Generator("cpu").manual_seed(POSTERIOR_SEED))
        return (sample * self.vae.config.scaling_factor).to(self.unet.dtype)

    def decode(self, latent: Tensor) -> Tensor:
        """Scaled latent (B, C, h, w) to RGB (B, 3, 8 h, 8 w) in about [-1, 1], float32."""
        unscaled = (latent / self.vae.config.scaling_factor).to(self.vae.dtype)
        return self.vae.decode(unscaled, return_dict=False)[0].float()

    @torch.no_grad()
    def preview(self, latent: Tensor) -> Tensor:
        """A small picture of a latent (1, C, h, w), of any size; see `previews`."""
        if self.tiny_vae is not None:
            return previews.tiny(self.tiny_vae, latent)
        if not self.vae_previews and latent.shape[1] == len(previews.COLOURS):
            return previews.linear(latent)
        return self.decode(previews.reduced(latent, previews.VAE_LATENT))

    def injected_reference(self, pictures: Pictures, settings: DiffusionSettings) -> InjectedReference | None:
        """What attention injection reads, where it is on."""
        if settings.injection is None or pictures.reference is None:
            return None
        reference = resized(pictures.reference, pictures.size)
        lines = -reference.to(self.sketch_encoder.dtype)
        return InjectedReference(self.encode(reference), self.sketch_encoder(lines))


def added(colours: Tensor, on_step: OnStep) -> OnStep:
    """Tells what a step points to with the region colours that it corrects."""
    return lambda done, total, ahead: on_step(done, total, lambda: ahead() + colours)
