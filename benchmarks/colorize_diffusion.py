"""ColorizeDiffusion at full size with random weights: the plain way and ours, processor seconds a step, peak memory.

    python benchmarks/colorize_diffusion.py [--versions v1.5,v2] [--sizes 512] [--steps 2] [--threads 1]

Every line is a process of its own, all of one run. `plain` is what a diffusers pipeline does: float32, every row of the
guidance through every attention with its own tokens, keys and values made anew at each step, the background warped
everywhere. `ours` skips and keeps what changes nothing (same picture up to rounding), `ours, chosen` also takes the
precision and layout that `speed.PROFILES` takes here; `error` is the latent's mean difference from that of `plain`, as
a share of it. Seconds are the process's own, because other programs run on the same cores.
`of roofline` is the share of the fastest step that this processor could do: the arithmetic of a step at the rate of a
large product of matrices in the same precision, or its weights at the rate of copying, whichever takes longer.
Guidance is 4; split by a mask that covers the left half. Goal: 1.5 times as fast as `plain`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import torch

WAYS = ("plain", "ours", "ours, chosen")


def networks(version, device="cpu", clip_layers=1):
    """A pipeline of the published sizes; weights are noise of about the usual strength, without slow initialisation.

    CLIP has one layer, because it runs once a picture and isn't measured. On the device "meta" nothing has memory.
    """
    from colorizer.engines.colorize_diffusion.adapters import add_adapter
    from colorizer.engines.colorize_diffusion.architecture import Architecture, Tower, build
    from colorizer.engines.colorize_diffusion.checkpoint_keys import Component
    from colorizer.engines.colorize_diffusion.convert import LORA, NEEDED
    from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline

    sizes = Architecture(
        towers={Component.IMAGE_ENCODER: Tower(1280, clip_layers, 5120, 1024, 257, patch=14)}
    )
    made = {}
    for component in sorted(NEEDED[version] - set(LORA) | {Component.IMAGE_ENCODER}, key=lambda c: c.value):
        with torch.device("meta"):
            network = build(component, sizes)
        network = filled(network.to_empty(device=device)) if device != "meta" else network
        made[component.value] = network.eval().requires_grad_(False)
    for component, side in LORA.items():
        if component in NEEDED[version]:
            add_adapter(made["unet"], side, lora(made["unet"], version.value, side.value))
    pipeline = ColorizeDiffusionPipeline(**made, version=version.value)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def filled(network):
    """Weights as a fresh network has them, roughly."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
        if "position_ids" in name:
            tensor.data = torch.arange(tensor.numel()).view(tensor.shape)
        elif tensor.ndim > 1:
            tensor.data.normal_(0, tensor[0].numel() ** -0.5, generator=generator)
        else:
            tensor.data.fill_(1.0 if name.endswith("weight") else 0.0)
    return network


def lora(unet, version, side):
    """Random LoRA of the published ranks."""
    torch.manual_seed(0)
    tensors = {}
    for name, layer in unet.named_modules():
        layer = getattr(layer, "base_layer", layer)
        kind = name.rsplit(".", 1)[-1]
        if ".attn2.to_" not in name or kind not in ("to_q", "to_k", "to_v"):
            continue
        if version == "v2" and not name.startswith("up_blocks"):
            continue
        wide = version == "v1.5" and side == "background"
        rank = min(layer.in_features, layer.out_features) // 2 if wide else 4
        tensors[f"{name}.lora_A.weight"] = torch.randn(rank, layer.in_features) * 0.02
        tensors[f"{name}.lora_B.weight"] = torch.randn(layer.out_features, rank) * 0.02
    return tensors


def inputs(version, size, device="cpu"):
    """Pictures and settings: guidance 4, split by a mask that covers the left half."""
    from colorizer.engines.colorize_diffusion.conditioning import Pictures
    from colorizer.engines.colorize_diffusion.settings import DiffusionSettings, Modes

    generator = torch.Generator().manual_seed(1)
    mask = torch.zeros(1, 1, size, size)
    mask[..., : size // 2] = 1
    sketch = (torch.rand(1, 3, size, size, generator=generator) > 0.95).float() * 2 - 1
    reference = torch.rand(1, 3, size, size, generator=generator) * 2 - 1
    sketch, reference, mask = (tensor.to(device) for tensor in (sketch, reference, mask))
    pictures = Pictures(sketch, reference=reference, sketch_mask=mask, reference_mask=mask)
    return pictures, DiffusionSettings(
        Modes(foreground=version == "v1.5", background=True, style=version == "v2")
    )


def make_plain():
    """Undoes what is skipped and kept."""
    from colorizer.engines.colorize_diffusion import guidance

    usual_plan, usual_features = guidance.Rows.plan, guidance.Rows.features

    def plan(rows, conditions, *, sees_reference, bank=None, kept=None):  # noqa: ARG001 - left out on purpose
        made = usual_plan(rows, conditions, sees_reference=sees_reference, bank=bank)
        return type(made)(**{**vars(made), "rows_with_reference": rows.kinds * rows.batch})

    def features(rows, conditions):
        made = usual_features(rows, conditions)
        if rows.without_reference:
            made.context[rows.conditional :] = 0
        return made

    guidance.Rows.plan, guidance.Rows.features = plan, features


def measure(version, size, steps, way):
    """Seconds a step and MB for one way, in this process."""
    from colorizer.engines.colorize_diffusion import speed
    from colorizer.engines.colorize_diffusion.pipeline import Steps
    from colorizer.engines.colorize_diffusion.samplers import Sampler
    from colorizer.engines.colorize_diffusion.settings import Version
    from colorizer.engines.runtime import memory_profiles

    pipeline = networks(Version(version))
    if way == "plain":
        make_plain()
    speed.place(
        pipeline,
        speed.PROFILES.choose("cpu") if way == "ours, chosen" else memory_profiles.MemoryProfile("cpu"),
    )
    pictures, settings = inputs(version, size)
    moments, latents = [], []
    operations = counted(pipeline.denoiser)
    pipeline.decode = lambda latent: latents.append(latent) or latent  # the VAE is the same for all
    pipeline(
        pictures,
        settings,
        Steps(Sampler.EULER, count=steps),
        (0,),
        lambda *_: moments.append(time.process_time()),
    )
    laps = sorted(b - a for a, b in zip(moments, moments[1:], strict=False))
    torch.save(latents[0].float(), sys.argv[-1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = laps[len(laps) // 2]
    return {
        "seconds": seconds,
        "peak_mb": peak,
        "of_roofline": roofline(pipeline.unet, operations[-1]) / seconds,
    }


def counted(denoiser):
    """A list that takes the arithmetic operations of every forward pass from now on."""
    from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

    usual, found = type(denoiser).__call__, []
    attention = {  # the processor's, which the counter doesn't know
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: lambda q, k, v, *_, **__: sdpa_flop_count(
            q, k, v
        )
    }

    def call(*arguments):
        with FlopCounterMode(display=False, custom_mapping=attention) as counter:
            answer = usual(*arguments)
        found.append(counter.get_total_flops())
        return answer

    type(denoiser).__call__ = call
    return found


def roofline(unet, operations):
    """The fewest seconds a step of so many operations can take here."""
    size, table = 2048, torch.empty(2**27)
    factor = torch.ones(size, size, dtype=unet.dtype)
    product = fastest(lambda: factor @ factor) / (2 * size**3)
    copy = fastest(table.clone) / (table.numel() * 4)
    weights = sum(tensor.numel() * tensor.element_size() for tensor in unet.parameters())
    return max(operations * product, weights * copy)


def fastest(work, times=5):
    """Processor seconds of the fastest of some runs."""
    found = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def run(version, size, steps, threads, way, folder):
    """One way in a process of its own."""
    file = f"{folder}/{WAYS.index(way)}.pt"
    words = [
        "--one",
        way,
        "--versions",
        version,
        "--sizes",
        size,
        "--steps",
        steps,
        "--threads",
        threads,
        file,
    ]
    answer = subprocess.run(
        [sys.executable, __file__, *map(str, words)], stdout=subprocess.PIPE, text=True, check=True
    )
    return {**json.loads(answer.stdout.splitlines()[-1]), "latent": torch.load(file, weights_only=True)}


def main():
    import tempfile

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--versions", default="v1.5,v2")
    parser.add_argument("--sizes", default="512")
    parser.add_argument("--steps", type=int, default=3, help="at least 2; the first is not measured")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--one", choices=WAYS)
    parser.add_argument("file", nargs="?")
    words = parser.parse_args()
    if words.one:
        torch.set_num_threads(words.threads)
        print(json.dumps(measure(words.versions, int(words.sizes), words.steps, words.one)))
        return
    for version in words.versions.split(","):
        for size in words.sizes.split(","):
            with tempfile.TemporaryDirectory() as folder:
                found = {way: run(version, size, words.steps, words.threads, way, folder) for way in WAYS}
            plain = found["plain"]
            for way, one in found.items():
                times = plain["seconds"] / one["seconds"]
                error = (one["latent"] - plain["latent"]).abs().mean() / plain["latent"].abs().mean()
                print(
                    f"{version:5} {size:>5} px  {way:13} {one['seconds']:7.2f} s/step  {times:5.2f} x"
                    f"  {one['of_roofline']:4.0%} of roofline  {one['peak_mb']:7.0f} MB  error {error:.1e}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
