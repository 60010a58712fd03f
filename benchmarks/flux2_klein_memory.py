"""How much accelerator memory FLUX.2 klein 4B takes at full size in each setting, counted without an accelerator.

    python benchmarks/flux2_klein_memory.py [--sizes 512,768,1024] [--shown 2]

The networks are built without memory (torch's meta device); one step, the VAE's encoding of what is shown and its
decoding are walked through, and every tensor that comes and goes is counted, with the weights that the setting keeps
there at that moment. Attention counts as what it returns, as with flash attention. Not counted: CUDA itself (about
0.5 GB), cuDNN's workspaces, what the allocator can't reuse.
"""

from __future__ import annotations

import argparse

import torch
from colorize_diffusion_memory import GIB, Living, largest_layer, weights

TRANSFORMER = {
    "in_channels": 128,
    "num_layers": 5,
    "num_single_layers": 20,
    "attention_head_dim": 128,
    "num_attention_heads": 24,
    "joint_attention_dim": 7680,
    "guidance_embeds": False,
}
TEXT = 512


def networks(dtype):
    """Transformer and VAE at full size, without memory."""
    from diffusers import AutoencoderKLFlux2, Flux2Transformer2DModel

    with torch.device("meta"):
        return Flux2Transformer2DModel(**TRANSFORMER).to(dtype).eval(), AutoencoderKLFlux2().to(dtype).eval()


def activations(size, shown, dtype, *, tiled):
    """Bytes alive at most in a step and in the VAE, without weights."""
    import torch.nn.functional as F

    transformer, vae = networks(dtype)
    if tiled:
        vae.enable_tiling()
    living = Living()
    for network in (transformer, vae):
        for tensor in (*network.parameters(), *network.buffers()):
            living.know(tensor)
    tokens = (size // 16) ** 2
    usual = F.scaled_dot_product_attention
    F.scaled_dot_product_attention = lambda query, *_, **__: torch.empty_like(query)
    try:
        with living, torch.no_grad(), torch.device("meta"):
            living.enter("encode")
            vae.encode(torch.empty(1, 3, size, size, dtype=dtype))
            living.enter("step")
            transformer(
                hidden_states=torch.empty(1, tokens * (1 + shown), 128, dtype=dtype),
                encoder_hidden_states=torch.empty(1, TEXT, 7680, dtype=dtype),
                timestep=torch.empty(1, dtype=dtype),
                img_ids=torch.empty(1, tokens * (1 + shown), 4),
                txt_ids=torch.empty(1, TEXT, 4),
                return_dict=False,
            )
            living.enter("decode")
            vae.decode(torch.empty(1, 32, size // 8, size // 8, dtype=dtype))
    finally:
        F.scaled_dot_product_attention = usual
    return living.peaks, transformer, vae


def kept(way, part, transformer, vae):
    """Bytes of weights on the device while a part runs."""
    from colorizer.engines.runtime.memory_profiles import Residency

    share = 0.5 if way.stored is not None else 1.0
    block = max(
        weights(one) for one in (*transformer.transformer_blocks, *transformer.single_transformer_blocks)
    )
    beside = weights(transformer) - sum(
        weights(one) for one in (*transformer.transformer_blocks, *transformer.single_transformer_blocks)
    )
    there = {
        Residency.ALL: weights(transformer) * share,
        Residency.GROUPS: beside + block if part == "step" else 0,
        Residency.LAYERS: largest_layer(transformer) if part == "step" else 0,
    }[way.keep]
    return there + weights(vae)


def main():
    from colorizer.engines.flux2_klein import speed

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="512,768,1024")
    parser.add_argument("--shown", type=int, default=2, help="pictures: the sketch and its references")
    words = parser.parse_args()
    for wanted, way in speed.PROFILES.profiles("cuda"):
        found = []
        for size in map(int, words.sizes.split(",")):
            peaks, *parts = activations(size, words.shown, way.dtype, tiled=way.tiled)
            most, name = max(
                (kept(way, part, *parts) + bytes_, part) for part, bytes_ in peaks.items() if part != "before"
            )
            found.append(f"{size} px {most / GIB:5.2f} ({name})")
        print(f"{way.name:11} from {wanted:4.1f} GiB free   {'   '.join(found)}", flush=True)


if __name__ == "__main__":
    main()
