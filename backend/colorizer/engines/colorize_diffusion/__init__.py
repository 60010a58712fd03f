"""ColorizeDiffusion v1, v1.5 and v2, written from the papers on diffusers, peft and transformers.

References: Yan et al., v1: arXiv 2401.01456, v1.5: arXiv 2502.19937, v2: arXiv 2504.06895.

In reading order, named after the papers' parts:
`sketch_encoder`, `image_tokens`, `recovery` (v1.5), `reference_encoder` and `decoder_modules` (v2) are the networks
beside the denoising UNet; `attention` is the split cross-attention with its two LoRA adapters; `denoiser` is one
forward pass through all of them. `settings` is what a person can choose, `conditioning` turns pictures and settings
into what the denoiser takes, `guidance` combines the rows, `samplers` holds noise schedules and solvers, `pipeline` is
the whole way from pictures to a picture, `engine` the door of `engines/base.py`. `preprocess` and `manipulation` work
on pictures and tokens before it, `checkpoint_keys` and `convert` read the published checkpoints, `augmentation` is for
training; `patches` and `region_colours` belong to small models of one's own.
"""
