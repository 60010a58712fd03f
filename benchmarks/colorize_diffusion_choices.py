"""What each choice of `speed` costs in error and gains in time, for ColorizeDiffusion at full size with random weights.

    python benchmarks/colorize_diffusion_choices.py [--version v1.5] [--size 512] [--vae-size 640] [--threads 1]

One choice a line, all in one process, each against the line above its part: float32 with everything on the processor.
Seconds are the process's own, of a step or of one picture through the VAE; `error` is the mean difference as a share of
what it differs from. Random weights are no trained ones: the errors say which choice costs more, not how it looks.
Moving networks on and off an accelerator changes no bit (tests) and can't be timed here; memory is counted by
`colorize_diffusion_memory.py`.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import replace

import torch


def line(part, name, seconds, usual_seconds, error):
    """One row."""
    print(
        f"{part:8} {name:38} {seconds:8.2f} s {usual_seconds / seconds:6.2f} x   error {error:.1e}",
        flush=True,
    )


def difference(found, usual):
    """Mean difference as a share."""
    return ((found - usual).abs().mean() / usual.abs().mean()).item()


def steps(pipeline, version, size):
    """A step in every way."""
    from colorize_diffusion import inputs
    from colorizer.engines.colorize_diffusion import speed
    from colorizer.engines.colorize_diffusion.settings import Guidance
    from colorizer.engines.runtime import memory_profiles

    pictures, settings = inputs(version, size)
    halved = memory_profiles.MemoryProfile("cpu", torch.bfloat16)
    free = replace(settings, guidance=Guidance(1))
    choices = {
        "float32": (memory_profiles.MemoryProfile("cpu"), settings),
        "channels last": (memory_profiles.MemoryProfile("cpu", channels_last=True), settings),
        "rows of the guidance apart": (
            memory_profiles.MemoryProfile("cpu", one_row_at_a_time=True),
            settings,
        ),
        "bfloat16": (halved, settings),
        "bfloat16, channels last": (replace(halved, channels_last=True), settings),
        "bfloat16, channels last, rows apart": (
            replace(halved, channels_last=True, one_row_at_a_time=True),
            settings,
        ),
        "bfloat16, channels last, guidance 1": (replace(halved, channels_last=True), free),
    }
    usual = None
    for name, (way, chosen) in choices.items():
        speed.place(pipeline, way)
        seconds, latent = step(pipeline, pictures, chosen)
        usual = usual or (seconds, latent)
        line("a step", name, seconds, usual[0], difference(latent, usual[1]))


def step(pipeline, pictures, settings):
    """Seconds of the second step, and the latent after it."""
    from colorizer.engines.colorize_diffusion.pipeline import Steps
    from colorizer.engines.colorize_diffusion.samplers import Sampler

    moments = []
    decode, pipeline.decode = pipeline.decode, lambda latent: latent.float()
    two = Steps(Sampler.EULER, count=2)
    latent = pipeline(pictures, settings, two, (0,), lambda *_: moments.append(time.process_time()))
    pipeline.decode = decode
    return moments[1] - moments[0], latent


@torch.no_grad()
def pictures_of_latents(pipeline, size):
    """The VAE's ways, and previews."""
    from colorizer.engines.colorize_diffusion import previews, speed
    from colorizer.engines.runtime import memory_profiles
    from diffusers import AutoencoderTiny

    pipeline.decode(torch.zeros(1, 4, 8, 8))  # the first time takes longer
    latent = torch.randn(1, 4, size // 8, size // 8, generator=torch.Generator().manual_seed(2))
    speed.place(pipeline, memory_profiles.MemoryProfile("cpu"))
    usual = timed(lambda: pipeline.decode(latent))
    line("the VAE", "float32, whole", usual[0], usual[0], 0)
    for name, way in (("channels last", {"channels_last": True}), ("in tiles", {"tiled": True})):
        speed.place(pipeline, memory_profiles.MemoryProfile("cpu", **way))
        seconds, found = timed(lambda: pipeline.decode(latent))
        line("the VAE", name, seconds, usual[0], difference(found, usual[1]))
    speed.place(pipeline, memory_profiles.MemoryProfile("cpu"))
    pipeline.vae.to(torch.bfloat16)
    seconds, found = timed(lambda: pipeline.decode(latent))
    line("the VAE", "bfloat16 (not used)", seconds, usual[0], difference(found, usual[1]))
    pipeline.vae.float()
    small, vae = previews.scale_down(latent, previews.VAE_LATENT), AutoencoderTiny()
    for name, work in (
        ("the VAE", lambda: pipeline.decode(small)),
        ("tiny VAE", lambda: previews.tiny(vae, latent)),
        ("linear", lambda: previews.linear(latent)),
    ):
        print(f"preview  {name:38} {timed(work)[0]:8.2f} s", flush=True)


def timed(work):
    """Processor seconds and what came of it."""
    start = time.process_time()
    found = work()
    return max(time.process_time() - start, 1e-4), found


def main():
    from colorize_diffusion import networks
    from colorizer.engines.colorize_diffusion.settings import Version

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", default="v1.5")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--vae-size", type=int, default=640)
    parser.add_argument("--threads", type=int, default=1)
    words = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(words.threads)
    pipeline = networks(Version(words.version))
    steps(pipeline, words.version, words.size)
    pictures_of_latents(pipeline, words.vae_size)


if __name__ == "__main__":
    main()
