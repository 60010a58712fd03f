"""Training ColorizeDiffusion v1, v1.5 and v2, stage by stage as the papers do, on whatever pictures one has.

`config` says what a stage is, `trainer` runs one, `model` is its loss. `ablation` asks what each stage brought.
"""
