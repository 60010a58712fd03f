"""ColorFlow's way of a page against the published program: retrieval, canvas, input styles."""

import numpy as np
import torch
from colorizer.engines.colorflow import retrieval
from colorizer.engines.colorflow.condition import border_mask, centre
from colorizer.engines.colorflow.input_style import InputStyle, prepare
from colorizer.engines.detectors.manga_lines import LineExtractor
from PIL import Image
from recorded import shapes

SYSTEMS = ("colorflow_retrieval",)
STYLES = {
    "Sketch": InputStyle.SKETCH,
    "Sketch_Shading": InputStyle.SKETCH_SHADING,
    "GrayImage": InputStyle.GREY,
}


def picture(fixture, name):
    return fixture.arrays[name].numpy()


def size_of(pixels):
    return retrieval.Size(pixels.shape[1], pixels.shape[0])


def test_pictures_are_fitted_to_the_last_level(fixture):
    for case in fixture.cases("process_image"):
        size = size_of(picture(fixture, f"{case}.out"))
        got = retrieval.fit(picture(fixture, f"{case}.in"), size)
        fixture.check(case, got, f"{case}.out", 0)


def test_crops_are_the_published_ones(fixture):
    size = size_of(picture(fixture, "crops.ref_varres0"))
    fitted = retrieval.fit(picture(fixture, "crops.in"), size)
    for name, patches in (
        ("q", retrieval.query_patches(fitted)),
        ("ref", retrieval.reference_patches(fitted)),
    ):
        for index, patch in enumerate(patches):
            fixture.check(f"crops.{name}{index}", patch, f"crops.{name}_varres{index}", 0)


def searches(fixture):
    """Every published retrieval: its name, the fitted query and all reference patches."""
    runs = {name: run for name, run in fixture.config["detail"].items() if "resolution" in run}
    for name, run in runs.items():
        size = retrieval.Size(*map(int, run["resolution"].split("x")))
        patches = []
        for index in range(run["n_ref"]):
            reference = retrieval.fit(picture(fixture, f"{name}.ref{index}"), size)
            patches += retrieval.reference_patches(reference)
        yield name, retrieval.fit(picture(fixture, f"{name}.query"), size), patches


def test_patches_are_the_published_ones(fixture):
    for name, query, patches in searches(fixture):
        for index, patch in enumerate(retrieval.query_patches(query)):
            fixture.check(f"{name}.query_patch{index}", patch, f"{name}.query_patch{index}", 0)
        for index, patch in enumerate(patches):
            if f"{name}.ref_patch{index}" in fixture.arrays:
                fixture.check(f"{name}.ref_patch{index}", patch, f"{name}.ref_patch{index}", 0)


def test_canvas_is_the_published_one(fixture):
    for name, query, patches in searches(fixture):
        embeddings = (picture(fixture, f"{name}.{kind}_embeds") for kind in ("query", "ref"))
        cosines = retrieval.similarities(*embeddings)
        fixture.check(f"{name}.cosine", cosines, f"{name}.cosine", 1e-6)
        order = retrieval.ranking(cosines)
        fixture.check(f"{name}.order", order, f"{name}.order", 0)
        canvas = retrieval.stitch(query, patches, order)
        fixture.check(f"{name}.combined_image", canvas, f"{name}.combined_image", 0)


def test_mask_leaves_the_centre_to_colour(fixture):
    for name, _query, _patches in searches(fixture):
        published = fixture.arrays[f"{name}.mask_first_channel"] > 127
        assert bool(published[centre(*published.shape)].all())
        mask = border_mask(*(side // 8 for side in published.shape))[0, 0]
        assert torch.equal(mask == 0, published[::8, ::8])


def test_input_styles_agree_to_the_last_level(fixture):
    def lines(pixels):
        return 255 - np.asarray(Image.fromarray(pixels).convert("L"))[:, ::-1]

    def screen(pixels):
        return np.asarray(Image.fromarray(np.ascontiguousarray(pixels[::-1])).convert("L"))

    for name, style in STYLES.items():
        if f"styles.{name}.input_context" not in fixture.arrays:
            continue
        size = size_of(picture(fixture, f"styles.{name}.input_context"))
        got = prepare(picture(fixture, "styles.in"), style, size, lines=lines, screen=screen)
        fixture.check(f"styles.{name}", got, f"styles.{name}.input_context", 0)


def test_full_size_line_extractor_is_accounted_for(fixture):
    with torch.device("meta"):
        lines = LineExtractor()
    assert shapes(lines) == {
        key: value[0] for key, value in fixture.keys("full_keys_line_model.json").items()
    }
