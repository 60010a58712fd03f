"""Memory profiles of AnimeDiffusion, see `engines.runtime.memory_profiles`.

The network of 0.2 GB always fits on an accelerator, but its activations may not at a large working size. It then runs
on the CPU. The precision is always float32, in which the network was trained.
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
    """Moves the network to the profile's device."""
    pipeline.to("cpu" if profile.keep is Residency.NOTHING else profile.device)
