"""ColorizeDiffusion as a diffusers pipeline: pictures and settings in, pictures out.

`save_pretrained` and `from_pretrained` store one folder per network, and the LoRAs in `lora/`. The available networks
depend on the version; `__call__` checks before it starts that they suffice for the settings. `engine` connects the
pipeline to the program.
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
CACHE_SIZE = 16
"""Number of tokens and latents of pictures that are cached."""
POSTERIOR_SEED = 0
"""The VAE's posterior is sampled, as in the published program, but with its own seed, so that latents can be cached."""


@dataclass(frozen=True)
class Steps:
    """The sampler, the spacing of its steps, and their number."""

    sampler: Sampler = Sampler.DPM
    spacing: Spacing = Spacing.AUTOMATIC
    count: int = 20


class ColorizeDiffusionPipeline(DiffusionPipeline):
    """A model of version v1, v1.5 or v2.

    v1 needs `unet`, `sketch_encoder`, `vae` and `image_encoder`; v1.5 adds `threshold_embedder` and `recovery`; v2 adds
    `background_encoder`, `style_encoder`, `warp` and `style`. Text edits need `text_encoder` and `tokenizer`.
    """

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
        """Side of the pictures that the model was trained on, px; 0 for published models."""
        self.guided = guided
        """Whether classifier-free guidance helps. It does not for a distilled model, nor for a weakly trained one."""
        self.denoiser = Denoiser(unet, warp, style)
        self.conditioner = Conditioner(self.version, self._networks())
        self.cache: OrderedDict[Hashable, Tensor] = OrderedDict()
        self.tiny_vae: Any = None
        """An `AutoencoderTiny` for previews, if one is installed; not part of the model."""
        self.vae_previews = True
        """Whether the VAE may decode previews: only where it stays on the device and is fast."""

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
        """Writes a folder for each network, and the LoRAs to files of their own."""
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
        """Loads a model folder from disk. Nothing is downloaded."""
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
        """Colours a sketch once per seed.

        Args:
            pictures: the sketch, its references and masks.
            settings: modes, strengths, guidance, text edits.
            steps: sampler, spacing and number of steps.
            seeds: one per picture.
            on_step: called after each forward pass; may raise to cancel.

        Returns:
            (B, 3, H, W) in about [-1, 1], float32; B is the number of seeds.

        Raises:
            InvalidInput: where the version or the given pictures do not suffice for the settings.
        """
        settings, steps = settings or DiffusionSettings(), steps or Steps()
        self.check_inputs(pictures, settings)
        if settings.parity and self.version is not Version.V2:
            # The published program ignores both strengths in these versions.
            settings = replace(settings, strength=BranchStrength(merge=settings.strength.merge))
        scheduler = make_scheduler(steps.sampler, steps.spacing, steps.count, self.prediction, seeds)
        pictures = self.to_device(pictures)
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
            on_step = with_colours(colours, on_step)
        latent = denoise(predict, scheduler, noise * initial_scale(steps.sampler, scheduler), on_step)
        if colours is None or pictures.region_colours is None:
            return self.decode(latent)
        # The autoencoder loses detail of the region colours. That difference is added again.
        lost = pictures.region_colours - self.decode(colours)
        return self.decode(latent + colours) + lost

    def to_device(self, pictures: Pictures) -> Pictures:
        """Moves the pictures to the pipeline's device. Networks convert them to their own precision."""
        tensors = {
            name: tensor.to(self._execution_device)
            for name, tensor in vars(pictures).items()
            if tensor is not None
        }
        return Pictures(**tensors)

    def check_inputs(self, pictures: Pictures, settings: DiffusionSettings) -> None:
        """Raises `InvalidInput` for the first setting that the version or the pictures do not allow."""
        height, width = pictures.size
        if height % SIZE_STEP or width % SIZE_STEP:
            raise InvalidInput(
                f"The model's working size must be a multiple of {SIZE_STEP} px on both sides, not"
                f" {width} x {height}. Fit the sketch into such a size first."
            )
        self.check_modes(settings.modes)
        if self.takes_region_colours != (pictures.region_colours is not None):
            raise InvalidInput(
                "Give `region_colours` to a model that was trained with them, and to no other model."
            )
        if settings.modes.split and pictures.sketch_mask is None:
            raise InvalidInput(
                "Colouring foreground and background apart needs a foreground mask of the sketch. Create one first."
            )
        if (settings.modes.split or settings.modes.style) and pictures.reference is None:
            raise InvalidInput("This mode needs a reference picture. Add one.")
        needs_mask = settings.modes.background and pictures.background is None
        if needs_mask and pictures.reference_mask is None:
            raise InvalidInput(
                "Taking the background from the reference needs a foreground mask of the reference."
                " Create one, or choose a background picture."
            )
        if settings.injection is not None and pictures.reference is None:
            raise InvalidInput("Attention injection needs a reference picture. Add one.")
        if settings.edits and (self.text_encoder is None or self.tokenizer is None):
            raise InvalidInput("Text edits need CLIP's text model. Download CLIP ViT-H/14 first.")

    def check_modes(self, modes: Modes) -> None:
        """Raises `InvalidInput` for a mode that this version does not have."""
        if modes.style and self.version is not Version.V2:
            raise InvalidInput(f"ColorizeDiffusion {self.version.value} has no style detail. Use a v2 model.")
        if modes.foreground and self.version is Version.V1:
            raise InvalidInput(
                "ColorizeDiffusion v1 can't colour foreground and background apart. Use a v1.5 or v2 model."
            )

    def conditions(self, pictures: Pictures, settings: DiffusionSettings) -> Conditions:
        """The conditions that `__call__` computes, for inspection and tests."""
        with torch.no_grad():
            return self.conditioner.prepare(self.to_device(pictures), settings, self.text_vector)

    def image_tokens(self, picture: Tensor) -> Tensor:
        """RGB (1, 3, h, w) in [-1, 1] to class and local tokens (1, 1 + N, D)."""
        if self.image_encoder is None:
            raise InvalidInput("ColorizeDiffusion needs CLIP's image model. Download CLIP ViT-H/14 first.")
        tower = ImageTokens(self.image_encoder)
        return self.cached("tokens", picture, lambda: tower(picture).to(self.unet.dtype))

    def cached(self, what: str, picture: Tensor, compute: Callable[[], Tensor]) -> Tensor:
        """Returns the cached result for an equal picture, or computes it. Artists reuse a reference for many sketches.

        Args:
            what: kind of result, part of the cache key.
            picture: the picture that the result is computed from.
            compute: called if the result is not cached.
        """
        content = hashlib.sha256(picture.detach().float().cpu().numpy().tobytes()).hexdigest()
        name = (what, tuple(picture.shape), content, str(self._execution_device), str(self.unet.dtype))
        if name not in self.cache:
            self.cache[name] = compute()
        self.cache.move_to_end(name)
        while len(self.cache) > CACHE_SIZE:
            self.cache.popitem(last=False)
        return self.cache[name]

    def text_vector(self, words: str) -> Tensor:
        """CLIP's unit vector (1, 1, D) of a text."""
        ids = self.tokenizer(words, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return text_vectors(self.text_encoder, ids.to(self._execution_device)).to(self.unet.dtype)

    def encode(self, picture: Tensor) -> Tensor:
        """RGB (1, 3, H, W) in [-1, 1] to a scaled sample of the VAE's posterior (1, C, H/8, W/8)."""
        return self.cached("latent", picture, lambda: self.encode_uncached(picture))

    def encode_uncached(self, picture: Tensor) -> Tensor:
        """Like `encode`, without the cache."""
        posterior = self.vae.encode(picture.to(self.vae.dtype)).latent_dist
        sample = posterior.sample(torch.Generator("cpu").manual_seed(POSTERIOR_SEED))
        return (sample * self.vae.config.scaling_factor).to(self.unet.dtype)

    def decode(self, latent: Tensor) -> Tensor:
        """Scaled latent (B, C, h, w) to RGB (B, 3, 8 h, 8 w) in about [-1, 1], float32."""
        unscaled = (latent / self.vae.config.scaling_factor).to(self.vae.dtype)
        return self.vae.decode(unscaled, return_dict=False)[0].float()

    @torch.no_grad()
    def preview(self, latent: Tensor) -> Tensor:
        """A preview of a latent (1, C, h, w), in a size that depends on the method; see `previews`."""
        if self.tiny_vae is not None:
            return previews.tiny(self.tiny_vae, latent)
        if not self.vae_previews and latent.shape[1] == len(previews.COLOURS):
            return previews.linear(latent)
        return self.decode(previews.scale_down(latent, previews.VAE_LATENT))

    def injected_reference(self, pictures: Pictures, settings: DiffusionSettings) -> InjectedReference | None:
        """The reference's latent and residuals for attention injection; None if it is off."""
        if settings.injection is None or pictures.reference is None:
            return None
        reference = resized(pictures.reference, pictures.size)
        lines = -reference.to(self.sketch_encoder.dtype)
        return InjectedReference(self.encode(reference), self.sketch_encoder(lines))


def with_colours(colours: Tensor, on_step: OnStep) -> OnStep:
    """Adds the region colours' latent to the predicted latents that are passed to `on_step`."""
    return lambda done, total, ahead: on_step(done, total, lambda: ahead() + colours)
