"""ColorizeDiffusion v1, v1.5 and v2, implemented from the papers on diffusers, peft and transformers.

References: Yan et al., v1: arXiv 2401.01456, v1.5: arXiv 2502.19937, v2: arXiv 2504.06895.

The modules in reading order, named after the parts of the papers:

- Networks beside the denoising UNet: `sketch_encoder`, `image_tokens`, `recovery` (v1.5), `reference_encoder` and
  `decoder_modules` (v2).
- `attention`: split cross-attention with its two LoRA adapters. `denoiser`: one forward pass through all networks.
- `settings`: the user's choices. `conditioning`: converts pictures and settings to the denoiser's inputs.
- `guidance`: classifier-free guidance. `noise`, `samplers`, `solvers`, `sampling`: schedules and the denoising loop.
- `pipeline`: from pictures to a picture. `engine`: the pipeline behind the interface of `engines/base.py`.
- `preprocess` and `manipulation`: prepare pictures and tokens.
- `checkpoint_keys` and `convert`: read the published checkpoints.
- `augmentation`: for training only. `patches` and `region_colours`: for the project's own small models only.
"""
