"""How an AnimeDiffusion model is put onto a device, see `engines.ways`.

Its one network of 0.2 GB is never the trouble, but at a large working size what it computes may be: then it runs on the
processor, which has more memory. Always float32, in which it was trained.
"""

from __future__ import annotations

from colorizer.engines.anime_diffusion.pipeline import AnimeDiffusionPipeline
from colorizer.engines.ways import Keep, Ladders, Way

LADDERS = Ladders(
    cards=((1.0, "everything", {}), (0.0, "processor", {"keep": Keep.NOTHING})),
    processors=((0.0, "everything", {}),),
    precise=True,
)


def place(pipeline: AnimeDiffusionPipeline, way: Way) -> None:
    """Puts the network where the way says."""
    pipeline.to("cpu" if way.keep is Keep.NOTHING else way.device)
