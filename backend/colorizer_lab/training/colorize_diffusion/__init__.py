"""Training of ColorizeDiffusion v1, v1.5 and v2 in the papers' stages (arXiv 2401.01456, 2502.19937, 2504.06895).

`config` defines the stages, `trainer` runs one, `model` computes its loss. `ablation` measures the effect of each
stage.
"""
