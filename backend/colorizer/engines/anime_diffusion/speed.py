"""Memory profiles of AnimeDiffusion, see `engines.runtime.memory_profiles`.

Its one network of 0.2 GB always fits, but at a large working size its activations may not: then it runs on the
processor, which has more memory. Always float32, in which it was trained.
"""

from __future__ import annotations

from colorizer.engines.anime_diffusion.pipeline import AnimeDiffusionPipeline
from colorizer.engines.runtime.memory_profiles import MemoryProfile, MemoryProfiles, Residency

PROFILES = MemoryProfiles(
    dedicated=((1.0, "everything", {}), (0.0, "processor", {"keep": Residency.NOTHING})),
    shared=((0.0, "everything", {}),),
    precise=True,
)


def place(pipeline: AnimeDiffusionPipeline, profile: MemoryProfile) -> None:
    """Places the network as the profile says."""
    pipeline.to("cpu" if profile.keep is Residency.NOTHING else profile.device)
