"""How much accelerator memory ColorizeDiffusion takes at full size in each setting, counted without an accelerator.

    python benchmarks/colorize_diffusion_memory.py [--versions v1.5,v2] [--sizes 512,768,1024]

The networks are built without memory (torch's meta device) and one step is walked through; every tensor that comes and
goes is counted, with the weights that the setting keeps there at that moment. Attention counts as what it returns, as
with flash attention. Not counted: CUDA itself (about 0.5 GB), cuDNN's workspaces, what the allocator can't reuse.
"""

from __future__ import annotations

import argparse
import warnings
import weakref
from dataclasses import replace

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

GIB = 2**30


class Living(TorchDispatchMode):
    """Counts the bytes that are alive, and their peak for each group of networks."""

    def __init__(self):
        super().__init__()
        self.now, self.sizes, self.peaks, self.group = 0, {}, {}, "before"

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        answer = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(answer):
            if isinstance(tensor, torch.Tensor):
                self.count(tensor.untyped_storage())
        return answer

    def know(self, tensor):
        """A weight: it is counted apart."""
        self.sizes[tensor.untyped_storage()._cdata] = 0

    def count(self, storage):
        name = storage._cdata
        if name not in self.sizes:
            self.sizes[name] = storage.nbytes()
            self.now += storage.nbytes()
            self.peaks[self.group] = max(self.peaks.get(self.group, 0), self.now)
            weakref.finalize(storage, self.drop, name)

    def drop(self, name):
        self.now -= self.sizes.pop(name)

    def enter(self, group):
        self.group = group
        self.peaks[group] = max(self.peaks.get(group, 0), self.now)


def weights(network):
    """Bytes of a network's weights."""
    return sum(tensor.numel() * tensor.element_size() for tensor in network.parameters())


def largest_layer(network):
    """Bytes of the largest single layer."""
    return max(
        sum(tensor.numel() * tensor.element_size() for tensor in layer.parameters(recurse=False))
        for layer in network.modules()
    )


def pipeline_of(version, way):
    """The networks at full size without memory, in the way's precision."""
    from colorize_diffusion import networks
    from colorizer.engines.colorize_diffusion import speed

    pipeline = networks(version, device="meta", clip_layers=32)
    for name in speed.HALVED:
        if getattr(pipeline, name) is not None:
            getattr(pipeline, name).to(way.dtype)
    speed._tile(pipeline.vae, on=way.tiled)
    pipeline.denoiser.one_row_at_a_time = way.one_row_at_a_time
    # What looks at values can't be walked through without them.
    pipeline.remembered = lambda _what, _picture, make: make()
    return pipeline


def peak(version, size, way):
    """GiB on the accelerator at most, and during what."""
    import torch.nn.functional as F
    from colorize_diffusion import inputs
    from colorizer.engines.colorize_diffusion import guidance, speed
    from colorizer.engines.colorize_diffusion.pipeline import Steps
    from colorizer.engines.colorize_diffusion.samplers import Sampler
    from colorizer.engines.runtime import device_swap, memory_profiles

    pipeline, living = pipeline_of(version, way), Living()
    there = {}
    for names in speed.GROUPS:
        found = [getattr(pipeline, name) for name in names if getattr(pipeline, name) is not None]
        if found:
            group = device_swap.swap_on_device([found], "meta")[0]
            there[names[0]] = found
            group.come = lambda name=names[0]: living.enter(name)
            for tensor in (tensor for network in found for tensor in network.parameters()):
                living.know(tensor)
    usual_plan, usual_attention = guidance.Rows.plan, F.scaled_dot_product_attention
    guidance.Rows.plan = lambda *given, kept=None, **named: usual_plan(*given, **named)  # noqa: ARG005 - see above
    F.scaled_dot_product_attention = lambda q, *_, **__: torch.empty_like(q)
    try:
        pictures, settings = inputs(version.value, size, device="meta")
        with living, torch.no_grad():
            pipeline(pictures, settings, Steps(Sampler.EULER, count=1))
    finally:
        guidance.Rows.plan, F.scaled_dot_product_attention = usual_plan, usual_attention
    everything = [network for found in there.values() for network in found]
    kept = {
        memory_profiles.Residency.ALL: lambda _: sum(map(weights, everything)),
        memory_profiles.Residency.GROUPS: lambda name: sum(map(weights, there.get(name, []))),
        memory_profiles.Residency.LAYERS: lambda name: max(map(largest_layer, there.get(name, everything))),
    }[way.keep]
    return max((kept(name) + bytes_, name) for name, bytes_ in living.peaks.items())


def main():
    from colorizer.engines.colorize_diffusion import speed
    from colorizer.engines.colorize_diffusion.settings import Version

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--versions", default="v1.5,v2")
    parser.add_argument("--sizes", default="512,768,1024")
    words = parser.parse_args()
    warnings.simplefilter("ignore")  # torch says of every LoRA that nothing is copied into no memory
    for version in words.versions.split(","):
        for wanted, way in speed.PROFILES.profiles("cuda"):
            found = []
            for size in words.sizes.split(","):
                most, name = peak(Version(version), int(size), replace(way, device="meta"))
                found.append(f"{size} px {most / GIB:5.2f} ({name})")
            print(f"{version:5} {way.name:11} from {wanted:4.1f} GiB free   {'   '.join(found)}", flush=True)


if __name__ == "__main__":
    main()
