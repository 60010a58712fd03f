"""Embeddings of instructions, computed once per text by the text encoder and cached on disk.

Qwen3-4B is as large as the transformer. It is therefore loaded only for a text that is not cached, on the CPU (a few
seconds to a minute), and released immediately. The cache is `COLORIZE_HOME/cache/instructions`; its keys are the
SHA-256 of the encoder's files and of the text.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from colorizer.engines.runtime.memory_profiles import has_bfloat16_units
from colorizer.files import atomic_file, sha256_of

KEPT_FILES = 64
"""Number of cached embeddings, 8 MB each with the published text encoder; the oldest are deleted."""
_SUMS = "sums.json"
_EMBEDDING = "embedding"


class Instructions:
    """Embeds texts with one text encoder, with a cache on disk.

    Args:
        files: the files of the encoder and of the tokenizer; their hash is part of the cache key.
        read: loads encoder and tokenizer, `(Qwen3ForCausalLM, Qwen2TokenizerFast)`.
        folder: the cache folder.
    """

    def __init__(self, files: Sequence[Path], read: Callable[[], tuple[Any, Any]], folder: Path) -> None:
        self._files = tuple(files)
        self._read = read
        self._folder = folder

    def embed(self, texts: Sequence[str], tell: Callable[[], None]) -> list[Tensor]:
        """Returns the embedding of each text, (1, 512, 7680) with the published encoder.

        Args:
            texts: the texts.
            tell: called before the encoder is loaded, which may take a minute.
        """
        files = [self._file(text) for text in texts]
        known = [_load(file) for file in files]
        if any(embedding is None for embedding in known):
            tell()
            made = self._encode([text for text, there in zip(texts, known, strict=True) if there is None])
            for place, embedding in enumerate(known):
                if embedding is None:
                    known[place] = made.pop(0)
                    _save(files[place], known[place])
        for file in files:
            os.utime(file)
        return [embedding for embedding in known if embedding is not None]

    def _encode(self, texts: Sequence[str]) -> list[Tensor]:
        from diffusers import Flux2KleinPipeline

        encoder, tokenizer = self._read()
        encoder.to(_precision(encoder))
        reader = Flux2KleinPipeline(
            scheduler=None, vae=None, transformer=None, text_encoder=encoder, tokenizer=tokenizer
        )
        with torch.no_grad():
            return [reader.encode_prompt(text, device=torch.device("cpu"))[0] for text in texts]

    def _file(self, text: str) -> Path:
        said = [*(_sum(self._folder, file) for file in self._files), str(has_bfloat16_units()), text]
        return self._folder / f"{hashlib.sha256(chr(0).join(said).encode()).hexdigest()}.safetensors"


def _precision(encoder: Any) -> torch.dtype:
    """The precision to compute in: float32 if the CPU is slow at the stored precision and there is enough memory."""
    stored: torch.dtype = encoder.dtype
    if stored is torch.float32 or has_bfloat16_units():
        return stored
    import psutil

    wanted = 4 * sum(parameter.numel() for parameter in encoder.parameters())
    return torch.float32 if psutil.virtual_memory().available > wanted else stored


def _load(file: Path) -> Tensor | None:
    try:
        return load_file(file)[_EMBEDDING]
    except (OSError, SafetensorError, KeyError):  # missing or damaged
        return None


def _save(file: Path, embedding: Tensor | None) -> None:
    assert embedding is not None
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(file, by_many=True) as part:
        save_file({_EMBEDDING: embedding.contiguous()}, part)
    by_age = sorted(file.parent.glob("*.safetensors"), key=lambda one: one.stat().st_mtime_ns, reverse=True)
    for old in by_age[KEPT_FILES:]:
        old.unlink(missing_ok=True)


def _sum(folder: Path, file: Path) -> str:
    """SHA-256 of a file; for a file that has not changed, it is read from a list on disk."""
    stat = file.stat()
    known_by = f"{file.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
    listed = folder / _SUMS
    try:
        known: dict[str, str] = json.loads(listed.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    if known_by not in known:
        known[known_by] = sha256_of(file)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(listed, by_many=True) as part:
            part.write_text(json.dumps(known), encoding="utf-8")
    return known[known_by]
