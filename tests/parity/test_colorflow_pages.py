"""ColorFlow's way of a page against the published program: retrieval, canvas, input styles, super-resolution."""

import inspect

import numpy as np
import pytest
import torch
from colorizer.engines.colorflow import retrieval
from colorizer.engines.colorflow.condition import border_mask, centre, to_picture
from colorizer.engines.colorflow.input_style import InputStyle, prepare
from colorizer.engines.colorflow.line_extractor import LineExtractor
from colorizer.engines.colorflow.published import load_strictly
from colorizer.engines.colorflow.super_resolution import FusionNet, upscale
from diffusers import AutoencoderKL
from PIL import Image

FORWARD = 2e-5
STYLES = {
    "Sketch": InputStyle.SKETCH,
    "Sketch_Shading": InputStyle.SKETCH_SHADING,
    "GrayImage": InputStyle.GREY,
}


def picture(fixture, name):
    return fixture.arrays[name].numpy()


def size_of(pixels):
    return retrieval.Size(pixels.shape[1], pixels.shape[0])


@pytest.fixture(params=["ret0", "ret1"])
def search(request, colorflow_retrieval):
    """One published retrieval: its name, the fitted query and all reference patches."""
    run = colorflow_retrieval.config["detail"].get(request.param)
    if run is None:
        pytest.skip(f"no {request.param} in this fixture")
    size = retrieval.Size(*map(int, run["resolution"].split("x")))
    query = retrieval.fit(picture(colorflow_retrieval, f"{request.param}.query"), size)
    patches = []
    for index in range(run["n_ref"]):
        reference = picture(colorflow_retrieval, f"{request.param}.ref{index}")
        patches += retrieval.reference_patches(retrieval.fit(reference, size))
    return request.param, query, patches


def test_pictures_are_fitted_to_the_last_level(colorflow_retrieval):
    for case in colorflow_retrieval.cases("process_image"):
        size = size_of(picture(colorflow_retrieval, f"{case}.out"))
        got = retrieval.fit(picture(colorflow_retrieval, f"{case}.in"), size)
        colorflow_retrieval.check(case, got, f"{case}.out", 0)


def test_crops_are_the_published_ones(colorflow_retrieval):
    size = size_of(picture(colorflow_retrieval, "crops.ref_varres0"))
    fitted = retrieval.fit(picture(colorflow_retrieval, "crops.in"), size)
    for name, patches in (
        ("q", retrieval.query_patches(fitted)),
        ("ref", retrieval.reference_patches(fitted)),
    ):
        for index, patch in enumerate(patches):
            colorflow_retrieval.check(f"crops.{name}{index}", patch, f"crops.{name}_varres{index}", 0)


def test_patches_are_the_published_ones(colorflow_retrieval, search):
    name, query, patches = search
    for index, patch in enumerate(retrieval.query_patches(query)):
        colorflow_retrieval.check(f"{name}.query_patch{index}", patch, f"{name}.query_patch{index}", 0)
    for index, patch in enumerate(patches):
        if f"{name}.ref_patch{index}" in colorflow_retrieval.arrays:
            colorflow_retrieval.check(f"{name}.ref_patch{index}", patch, f"{name}.ref_patch{index}", 0)


def test_canvas_is_the_published_one(colorflow_retrieval, search):
    name, query, patches = search
    embeddings = (picture(colorflow_retrieval, f"{name}.{kind}_embeds") for kind in ("query", "ref"))
    cosines = retrieval.similarities(*embeddings)
    colorflow_retrieval.check(f"{name}.cosine", cosines, f"{name}.cosine", 1e-6)
    order = retrieval.ranking(cosines)
    colorflow_retrieval.check(f"{name}.order", order, f"{name}.order", 0)
    canvas = retrieval.stitch(query, patches, order)
    colorflow_retrieval.check(f"{name}.combined_image", canvas, f"{name}.combined_image", 0)


def test_mask_leaves_the_centre_to_colour(colorflow_retrieval, search):
    published = colorflow_retrieval.arrays[f"{search[0]}.mask_first_channel"] > 127
    assert bool(published[centre(*published.shape)].all())
    mask = border_mask(*(side // 8 for side in published.shape))[0, 0]
    assert torch.equal(mask == 0, published[::8, ::8])


def test_input_styles_agree_to_the_last_level(colorflow_retrieval):
    def lines(pixels):
        return 255 - np.asarray(Image.fromarray(pixels).convert("L"))[:, ::-1]

    def screen(pixels):
        return np.asarray(Image.fromarray(np.ascontiguousarray(pixels[::-1])).convert("L"))

    for name, style in STYLES.items():
        if f"styles.{name}.input_context" not in colorflow_retrieval.arrays:
            continue
        size = size_of(picture(colorflow_retrieval, f"styles.{name}.input_context"))
        got = prepare(picture(colorflow_retrieval, "styles.in"), style, size, lines=lines, screen=screen)
        colorflow_retrieval.check(f"styles.{name}", got, f"styles.{name}.input_context", 0)


def test_super_resolution_agrees_given_the_recorded_draw(colorflow_superres):
    known = inspect.signature(AutoencoderKL.__init__).parameters
    config = {name: value for name, value in colorflow_superres.config["vae"].items() if name in known}
    vae = load_strictly(
        AutoencoderKL(**config), colorflow_superres.weights(colorflow_superres.config["vae_weights"])
    )
    fusion = FusionNet(colorflow_superres.config["detail"]["channels_list"])
    load_strictly(fusion, colorflow_superres.weights("weights_multiresnet.safetensors"))
    for case in colorflow_superres.cases("sr"):
        inputs = [colorflow_superres.arrays[f"{case}.{name}"] for name in ("color", "bw", "noise")]
        got = upscale(vae, fusion, *inputs)
        colorflow_superres.check(f"{case}.output_raw", got, f"{case}.output_raw", FORWARD)
        levels = to_picture(got[0], cut_off=True)
        colorflow_superres.check(f"{case}.image_uint8", levels, f"{case}.image_uint8", 1)


def test_fusion_features_agree(colorflow_superres):
    fusion = FusionNet(colorflow_superres.config["detail"]["channels_list"])
    load_strictly(fusion, colorflow_superres.weights("weights_multiresnet.safetensors"))
    for case in colorflow_superres.cases("sr"):
        levels = range(len(fusion.two_layer_resnets))
        features = [
            [colorflow_superres.arrays[f"{case}.hidden_{kind}.{level}"] for level in levels]
            for kind in ("color", "bw")
        ]
        with torch.no_grad():
            fused = fusion(*features)
        for level, feature in enumerate(fused):
            colorflow_superres.check(
                f"{case}.branch_out.{level}", feature, f"{case}.branch_out.{level}", FORWARD
            )


def test_full_size_files_are_accounted_for(colorflow_superres, colorflow_retrieval):
    with torch.device("meta"):
        fusion, lines = FusionNet(), LineExtractor()
    for fixture, network, name in (
        (colorflow_superres, fusion, "full_keys.json"),
        (colorflow_retrieval, lines, "full_keys_line_model.json"),
    ):
        ours = {key: list(value.shape) for key, value in network.state_dict().items()}
        assert ours == {key: value[0] for key, value in fixture.keys(name).items()}
