"""Loads a model's networks from a folder in diffusers' layout or from single files, in their stored precision.

Single files have Black Forest Labs' or ComfyUI's names. diffusers converts the names; `checkpoint_keys` accounts for
every key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from colorizer import paths
from colorizer.engines.flux2_klein import checkpoint_keys
from colorizer.engines.flux2_klein import files as places
from colorizer.engines.flux2_klein.embeddings import Instructions
from colorizer.engines.flux2_klein.files import Files
from colorizer.errors import MissingModel, UnusableModel

GGUF = ".gguf"
_FP8 = (torch.float8_e4m3fn, torch.float8_e5m2)


@dataclass
class KleinModel:
    """diffusers' pipeline without its text encoder, and the embeddings of instructions."""

    pipeline: Any
    """`Flux2KleinPipeline` or `Flux2KleinKVPipeline`."""
    instructions: Instructions
    files: Files
    quantised: bool = False
    """Whether the transformer is a GGUF file; its precision is fixed then."""
    rounded: bool = False
    """Whether the transformer's weights were rounded to fp8; their former precision is lost until it is reloaded."""
    lora: tuple[Path, float] | None = field(default=None)
    """The current LoRA and its strength."""


def read(folder: Path) -> KleinModel:
    """Loads a model folder. Raises `MissingModel` with what to do if it is damaged."""
    from safetensors import SafetensorError

    files = places.read(folder)
    try:
        return _read(files)
    except UnusableModel:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, EOFError) as error:
        raise MissingModel(
            f"The model {folder.name} can't be read; one of its files may be damaged. Download it again."
        ) from error


def _read(files: Files) -> KleinModel:
    from diffusers import FlowMatchEulerDiscreteScheduler, Flux2KleinKVPipeline, Flux2KleinPipeline

    scheduler_folder = files.transformer.parent / "scheduler"
    scheduler = (
        FlowMatchEulerDiscreteScheduler.from_pretrained(scheduler_folder)
        if scheduler_folder.is_dir()
        else FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0)
    )
    parts = {
        "scheduler": scheduler,
        "vae": read_vae(files.vae),
        "transformer": read_transformer(files.transformer),
        "text_encoder": None,
        "tokenizer": None,
        "is_distilled": files.distilled,
    }
    pipeline = (Flux2KleinKVPipeline if files.kv else Flux2KleinPipeline)(**parts)
    pipeline.set_progress_bar_config(disable=True)
    instructions = Instructions(
        places.text_encoder_files(files),
        lambda: (read_text_encoder(files.text_encoder), _tokenizer(files.tokenizer)),
        paths.home() / "cache" / "instructions",
    )
    return KleinModel(pipeline, instructions, files, quantised=files.transformer.suffix == GGUF)


def read_transformer(path: Path) -> Any:
    """Loads the transformer from a diffusers folder, a .safetensors file (bfloat16 or fp8) or a .gguf file."""
    from diffusers import Flux2Transformer2DModel

    if path.is_dir():
        return Flux2Transformer2DModel.from_pretrained(path, torch_dtype=_stored(path)).eval()
    if path.suffix == GGUF:
        return _read_gguf(path)
    state = plain(_tensors(path), path.name)
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    config = checkpoint_keys.transformer_config(shapes)
    dtype = next(iter(state.values())).dtype
    with TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config), encoding="utf-8")
        converted = _in_diffusers_names(state)
        checkpoint_keys.check_keys(
            _expected(config), {key: tuple(value.shape) for key, value in converted.items()}, path.name
        )
        network = Flux2Transformer2DModel.from_single_file(
            converted, config=folder, torch_dtype=dtype, local_files_only=True
        )
    return network.eval()


def _read_gguf(path: Path) -> Any:
    """Loads a GGUF file with diffusers' loader; weights stay quantised and are dequantised layer by layer."""
    from importlib.util import find_spec

    from diffusers import Flux2Transformer2DModel, GGUFQuantizationConfig

    if find_spec("gguf") is None:
        raise MissingModel(
            f"{path.name} is a GGUF file, which needs the package gguf. Run `pip install gguf` in the backend's"
            " environment, or use the .safetensors file."
        )
    config = checkpoint_keys.transformer_config(gguf_shapes(path))
    with TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config), encoding="utf-8")
        network = Flux2Transformer2DModel.from_single_file(
            str(path),
            config=folder,
            quantization_config=GGUFQuantizationConfig(compute_dtype=torch.bfloat16),
            torch_dtype=torch.bfloat16,
            local_files_only=True,
        )
    lacking = [name for name, value in network.named_parameters() if value.is_meta]
    if lacking:
        raise UnusableModel(
            f"{path.name} doesn't fit this network: {len(lacking)} tensors are missing, the first is `{lacking[0]}`."
            " Download it again."
        )
    return network.eval()


def gguf_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a GGUF file's tensors; the shapes are in torch's order (rows first)."""
    import gguf

    try:
        tensors = gguf.GGUFReader(path).tensors
    except (ValueError, OSError, IndexError) as error:
        raise UnusableModel(
            f"{path.name} can't be read as a GGUF file: it is damaged or incomplete. Download it again."
        ) from error
    return {tensor.name: tuple(int(length) for length in reversed(tensor.shape)) for tensor in tensors}


def read_vae(path: Path) -> Any:
    """Loads the VAE from a diffusers folder, or from a file in the published or in diffusers' naming."""
    from diffusers import AutoencoderKLFlux2
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    if path.is_dir():
        return AutoencoderKLFlux2.from_pretrained(path, torch_dtype=_stored(path)).eval()
    state = _tensors(path)
    config = checkpoint_keys.vae_config({key: tuple(value.shape) for key, value in state.items()})
    if not any(key.startswith("encoder.down_blocks.") for key in state):
        beside = {key: value for key, value in state.items() if key.startswith("bn.")}
        state = convert_ldm_vae_checkpoint(state, config) | beside
    network = AutoencoderKLFlux2.from_config(config)
    network.to(next(value.dtype for value in state.values() if value.is_floating_point()))
    state.setdefault("bn.num_batches_tracked", torch.tensor(0))
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    checkpoint_keys.check_keys(expected, {key: tuple(value.shape) for key, value in state.items()}, path.name)
    network.load_state_dict(state)
    return network.eval()


def read_text_encoder(path: Path) -> Any:
    """Loads the text encoder from a transformers folder or from a single file of Qwen3."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    if path.is_dir():
        return Qwen3ForCausalLM.from_pretrained(path, dtype="auto", local_files_only=True).eval()
    state = plain(_tensors(path), path.name)
    config = checkpoint_keys.text_encoder_config({key: tuple(value.shape) for key, value in state.items()})
    with torch.device("meta"):
        network = Qwen3ForCausalLM(Qwen3Config(**config))
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    if config["tie_word_embeddings"]:
        expected.pop("lm_head.weight", None)
    checkpoint_keys.check_keys(expected, {key: tuple(value.shape) for key, value in state.items()}, path.name)
    network.load_state_dict(state, strict=False, assign=True)
    network.tie_weights()
    network.model.rotary_emb = type(network.model.rotary_emb)(
        network.config
    )  # its buffers are not stored in files
    return network.eval()


def plain(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """A file's weights by published name; fp8 weights are multiplied by their scales and converted to bfloat16.

    Raises:
        UnusableModel: for NVFP4, which only ComfyUI supports.
    """
    if checkpoint_keys.is_nvfp4({key: tuple(value.shape) for key, value in state.items()}):
        raise UnusableModel(
            f"{name} is an NVFP4 file (packed in four bits), which isn't supported. Use the bfloat16, fp8 or GGUF file."
        )
    found = {key.removeprefix(checkpoint_keys.COMFY_PREFIX): value for key, value in state.items()}
    kept = checkpoint_keys.weights_only({key: tuple(value.shape) for key, value in found.items()})
    made = {}
    for key in kept:
        value = found[key]
        if value.dtype in _FP8:
            stem = key.removesuffix(".weight")
            scale = next((found[stem + end] for end in checkpoint_keys.SCALES if stem + end in found), None)
            value = value.to(torch.float32)
            value = (value if scale is None else value * scale.to(torch.float32)).to(torch.bfloat16)
        made[key] = value
    return made


def _in_diffusers_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    from diffusers.loaders.single_file_utils import convert_flux2_transformer_checkpoint_to_diffusers

    if "x_embedder.weight" in state:
        return state
    converted: dict[str, Tensor] = convert_flux2_transformer_checkpoint_to_diffusers(dict(state))
    return converted


def _expected(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    from diffusers import Flux2Transformer2DModel

    with torch.device("meta"):
        network = Flux2Transformer2DModel.from_config({**config})
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def _tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a .safetensors file, memory-mapped. Raises `UnusableModel` if it is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UnusableModel(
            f"{path.name} can't be read as a model: it is damaged, incomplete or of another kind. Download it again."
        ) from error


def _stored(folder: Path) -> torch.dtype:
    """The stored precision of a folder's weights."""
    from safetensors import safe_open

    file = next(iter(sorted(folder.glob("*.safetensors"))), None)
    if file is None:
        raise OSError(f"no weights in {folder}")
    with safe_open(file, framework="pt") as opened:
        kinds = (opened.get_tensor(key).dtype for key in opened.keys())  # noqa: SIM118 - not a dictionary
        return next(kind for kind in kinds if kind.is_floating_point)


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)
