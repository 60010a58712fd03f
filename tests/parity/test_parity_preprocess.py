"""Pictures to tensors and back, masks, backgrounds and text manipulation, to the last grey level."""

import re

import published
import pytest
import torch
from colorizer.engines.colorize_diffusion import (
    augmentation,
    conditioning,
    manipulation,
    postprocess,
    preprocess,
    resizing,
)
from colorizer.engines.colorize_diffusion.preprocess import Box, SketchStyle
from colorizer.engines.colorize_diffusion.settings import Edit
from colorizer.engines.detectors import foreground_masks
from published import Arrays

SYSTEMS = ("cd_preprocess",)
EXACT = 1e-6
"""Beside pictures, which have to be equal: a grey level is 8e-3."""


@pytest.fixture
def arrays(folder):
    return Arrays(folder / "cases.npz")


@pytest.fixture
def detail(folder):
    return published.config_of(folder)["detail"]


@pytest.fixture
def images(arrays):
    """Every recorded picture with its results."""
    names = [name for name in arrays.numbered("img") if "." not in name]
    return [(arrays[name].numpy(), arrays.of(name)) for name in names]


def results(recorded, start):
    """Results whose names start so, with what follows."""
    found = [
        name.removeprefix(recorded.prefix)
        for name in recorded.names
        if name.startswith(recorded.prefix + start)
    ]
    return [(recorded[name], name.removeprefix(start)) for name in sorted(found)]


def size(text):
    height, width = text.split("x")
    return int(height), int(width)


def test_to_tensor(images, agree):
    for picture, recorded in images:
        tensor = preprocess.to_tensor(picture)
        agree(tensor, recorded["to_tensor"], EXACT)
        agree(-tensor, recorded["to_tensor_inverse"], EXACT)


@pytest.mark.parametrize("style", SketchStyle)
def test_sketch(style, images, agree):
    for picture, recorded in images:
        for tensor, text in results(recorded, f"sketch_{style.value}_"):
            if text.endswith("ltwh"):
                continue
            fitted, box = preprocess.fit(preprocess.sketch_lines(picture, style), size(text))
            agree(fitted, tensor, EXACT, text)
            agree(
                [box.left, box.top, box.width, box.height],
                recorded[f"sketch_{style.value}_{text}.orig_ltwh"],
                0,
            )


def test_lines_of_shaded_pictures(images, agree):
    for picture, recorded in images:
        lines = preprocess.to_tensor(preprocess.lines_of_shaded(picture))
        agree(lines, recorded["lineart_standard"], EXACT)


def test_padding(images, agree):
    for picture, recorded in images:
        for padded, text in results(recorded, "pad_margin_"):
            agree(preprocess.pad_sides(picture, float(text)), padded, 0, text)


def test_resizing(images, agree):
    for picture, recorded in images:
        tensor = preprocess.to_tensor(picture)
        for expected, text in results(recorded, "warp_resize_"):
            agree(conditioning.squash(tensor, size(text)), expected, EXACT, text)
        for expected, text in results(recorded, "resize_without_ratio_"):
            agree(resizing.squash(picture, int(text)), expected, 0, text)
        for expected, text in results(recorded, "resize_with_ratio_"):
            agree(resizing.longer_side(picture, int(text)), expected, 0, text)
        for expected, text in results(recorded, "resize_image_"):
            side = int(text)
            fitted, box = preprocess.fit(tensor, (side, side))
            inner = fitted[..., box.top : box.top + box.height, box.left : box.left + box.width]
            agree(inner, expected, EXACT, text)


def test_evaluation_sizes(images, agree):
    for picture, recorded in images:
        tensor = preprocess.to_tensor(picture)
        for expected, text in results(recorded, "resize_and_pad_"):
            first, second = (int(side) for side in text.split("_"))
            agree(resizing.squash(resizing.letterbox(picture, first), second), expected, 0, text)
        for expected, _ in results(recorded, "crop_from_square"):
            agree(resizing.unsquash(picture, tuple(expected.shape[:2])), expected, 0)
        for expected, text in results(recorded, "crop_scale_"):
            agree(resizing.fitted_share(picture.shape[:2], size(text)), expected, 1e-12, text)
        for expected, text in results(recorded, "resize_and_crop_"):
            agree(resizing.corner(tensor, size(text)), expected, EXACT, text)


def test_latent_masks(images, agree):
    for picture, recorded in images:
        for expected, text in results(recorded, "scaled_resize_"):
            ours = conditioning.scale_down(preprocess.to_tensor(picture), float(text))
            agree(ours, expected, EXACT, text)


def test_mask_thresholds(arrays, agree):
    for name in sorted(arrays.names):
        if name.startswith("mask_thresholding.") and name.endswith(".mask"):
            recorded = arrays.of(name.removesuffix(".mask"))
            limit = recorded["ts"] if recorded["ts"].ndim else float(recorded["ts"])
            agree(preprocess.is_foreground(recorded["mask"], limit), recorded["out"], 0, name)


def test_foreground_painted_out(arrays, agree):
    recorded = arrays.of("background_reference")
    ours = conditioning.foreground_painted_out(
        recorded["reference"], recorded["rmask"], float(recorded["thr"])
    )
    agree(ours, recorded["out"], 0)


def test_blocky_dilation(arrays, agree):
    for name in arrays.numbered("mask_expansion", ".mask"):
        recorded = arrays.of(name.removesuffix(".mask"))
        block = tuple(recorded["grid"].tolist())
        agree(augmentation.expand_in_blocks(recorded["mask"], block), recorded["out4"], 0, name)
        agree(augmentation.expand_in_blocks(recorded["mask"][:1], block)[0], recorded["out3"], 0, name)


def test_background_bleaching(arrays, agree):
    for name in arrays.numbered("background_bleaching", ".p"):
        recorded = arrays.of(name.removesuffix(".p"))
        batch = augmentation.TrainingBatch(*(recorded[key] for key in ("x", "xs", "xms", "xc", "xmr")))
        chosen = recorded["rand0_index"] < recorded["p"]
        thresholds = (recorded["thresh_s"], recorded["thresh_r"])
        ours = augmentation.bleach_backgrounds(batch, thresholds, chosen, recorded["rand1_white"])
        for one, key in zip(ours, ("out_x", "out_xs", "out_xc_bg"), strict=True):
            agree(one, recorded[key], EXACT, key)


def number_after(text, name):
    """The number that follows a name in the fixture's own description of its settings."""
    return float(re.search(rf"{name}\D{{0,3}}?(\d*\.?\d+)", text)[1])


def test_segmentation(arrays, detail, agree):
    """With the stand-in for a network that the fixture was made with."""
    said = detail["isnet_proceed"]
    working_size, factor = int(number_after(said, "working size s")), number_after(said, "sigmoid")

    def network(pixels):
        return torch.sigmoid(factor * pixels.mean(dim=1, keepdim=True))

    for name in arrays.numbered("isnet_proceed", ".x"):
        recorded = arrays.of(name.removesuffix(".x"))
        picture, smaller = recorded["x"], recorded["crop_th"]
        grown = foreground_masks.reference_mask(network, picture, working_size)
        agree(grown, recorded["crop_dilate"], EXACT, "grown")
        plain = foreground_masks.reference_mask(network, picture, working_size, dilation=1)
        agree(plain, recorded["crop_nodilate"], EXACT, "plain")
        small = foreground_masks.reference_mask(
            network, picture, working_size, tuple(smaller.shape[-2:]), dilation=1
        )
        agree(small, smaller, EXACT, "smaller")
        agree(
            foreground_masks.sketch_mask(network, picture, working_size), recorded["nocrop"], EXACT, "sketch"
        )


def test_without_a_sketch(arrays, agree):
    """The published box is (0, 0, H, W), read as left, top, width, height; ours is right."""
    height, width = arrays["preprocessing_inputs_empty.sketch"].shape[-2:]
    sketch, box = preprocess.no_sketch((height, width))
    agree(sketch, arrays["preprocessing_inputs_empty.sketch"], 0)
    assert box == Box(0, 0, width, height)
    assert arrays["preprocessing_inputs_empty.original_shape"].tolist() == [0, 0, height, width]


def test_fitted_inputs(arrays):
    """The pictures themselves were not recorded: what is around them was."""
    recorded = arrays.of("preprocessing_inputs")
    left, top, width, height = recorded["original_shape"].tolist()
    outside = recorded["sketch"].clone()
    outside[..., top : top + height, left : left + width] = -1.0
    assert bool((outside == -1).all())


def test_to_pictures(arrays, agree):
    for picture, expected in zip(arrays["to_numpy.x"], arrays["to_numpy.out"], strict=True):
        agree(postprocess.to_picture(picture[None]), expected, 0)
    agree(postprocess.to_mask(arrays["to_numpy_mask.x"]), arrays["to_numpy_mask.out"], 0)


def test_shown_pictures(arrays, detail, agree):
    """What the published window shows, in its order: results, sketch, reference, background, masks, cut-outs."""
    recorded = arrays.of("postprocess")
    said = detail["postprocess"]
    box = Box(*(int(number_after(said, name)) for name in ("left", "top", "width", "height")))
    pictures = {
        name: postprocess.to_picture(recorded[name]) for name in ("sketch", "reference", "background")
    }
    cropped = [postprocess.crop(postprocess.to_picture(one[None]), box) for one in recorded["results"]]
    sketch_mask = postprocess.to_mask(preprocess.above(recorded["smask"], number_after(said, "mask_ss")))
    reference_mask = postprocess.to_mask(preprocess.above(recorded["rmask"], number_after(said, "mask_ts")))
    background_mask = postprocess.to_mask(recorded["bgmask"])
    shown = [
        *cropped,
        *pictures.values(),
        *(
            postprocess.over_white(pictures["background"], background_mask, keep_foreground=k)
            for k in (True, False)
        ),
        sketch_mask,
        reference_mask,
        *(
            postprocess.over_white(pictures["reference"], reference_mask, keep_foreground=k)
            for k in (True, False)
        ),
    ]
    for i, picture in enumerate(shown):
        agree(picture, recorded[f"out{i}"], 0, f"out{i}")


def test_position_weights(arrays, agree):
    for name in arrays.numbered("compute_pwv", ".s"):
        recorded = arrays.of(name.removesuffix(".s"))
        relevance, limits = manipulation.normalised(recorded["s"]), recorded["thresholds"].tolist()
        strength = recorded["dscale"]
        agree(manipulation.position_weights(relevance, strength, limits), recorded["out"], EXACT, name)
        flat = manipulation.position_weights(relevance, strength, limits, lowest=-1.0)
        agree(flat, recorded["out_ratio1"], EXACT, name)


def test_heat_map(arrays, agree):
    for name in arrays.numbered("assign_heatmap", ".s"):
        recorded = arrays.of(name.removesuffix(".s"))
        agree(
            manipulation.heat_map(recorded["s"], [float(recorded["threshold"])]), recorded["out"], EXACT, name
        )


def edits_of(case):
    """The edits of a recorded case; those of class tokens have neither control nor thresholds."""
    count = len(case["targets"])
    limits = case.get("thresholds", [(0.5, 0.55, 0.65, 0.95)] * count)
    controls = case.get("controls", ["none"] * count)
    return [
        Edit(target, control, None if anchor == "none" else anchor, scale, enhance, tuple(limit))
        for target, control, anchor, scale, enhance, limit in zip(
            case["targets"], controls, case["anchors"], case["scales"], case["enhances"], limits, strict=True
        )
    ]


def test_manipulation(arrays, detail, agree):
    tokens = arrays["manip.v"]

    def text(words):
        return arrays[f"manip.text.{words}"][None]

    for name, case in detail.items():
        if name.startswith("manip.local."):
            ours = manipulation.manipulate_local(tokens, edits_of(case), text, parity=True)
            agree(ours, arrays[name], name=name)
        elif name.startswith("manip.global."):
            agree(
                manipulation.manipulate_global(tokens[:, :1], edits_of(case), text), arrays[name], name=name
            )


def test_parsing_edits(detail):
    recorded = detail["parse_prompts"]
    edits = manipulation.parse_edits(recorded["input"], parity=True)
    assert [edit.target for edit in edits] == recorded["output"]["targets"]
    assert [edit.anchor or "none" for edit in edits] == recorded["output"]["anchors"]
    assert [edit.control for edit in edits] == recorded["output"]["controls"]
    assert [edit.scale for edit in edits] == recorded["output"]["target_scales"]
    assert [edit.enhance for edit in edits] == recorded["output"]["enhances"]
    assert [list(edit.thresholds) for edit in edits] == recorded["output"]["thresholds_list"]
    assert [edit.enhance for edit in manipulation.parse_edits(recorded["input"])] == [False, True]
    assert manipulation.parse_edits("") == ()
