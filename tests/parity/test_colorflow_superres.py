"""ColorFlow's guided super-resolution against the published program."""

import pytest
import torch
from colorizer.engines.colorflow.condition import to_picture
from colorizer.engines.colorflow.published import load_strictly
from colorizer.engines.colorflow.super_resolution import FusionNet, upscale
from recorded import load_vae, shapes

SYSTEMS = ("colorflow_superres",)


@pytest.fixture
def fusion(fixture):
    network = FusionNet(fixture.config["detail"]["channels_list"])
    return load_strictly(network, fixture.weights("weights_multiresnet.safetensors"))


def test_super_resolution_agrees_given_the_recorded_draw(fixture, fusion):
    vae = load_vae(fixture)
    for case in fixture.cases("sr"):
        inputs = [fixture.arrays[f"{case}.{name}"] for name in ("color", "bw", "noise")]

        def enlarge(dtype, inputs=inputs):
            return [upscale(vae, fusion, *(part.to(dtype) for part in inputs))]

        fixture.check_run([f"{case}.output_raw"], [vae, fusion], enlarge)
        levels = to_picture(enlarge(torch.float32)[0][0], cut_off=True)
        fixture.check(f"{case}.image_uint8", levels, f"{case}.image_uint8", 1)


def test_fusion_features_agree(fixture, fusion):
    levels = range(len(fusion.two_layer_resnets))
    for case in fixture.cases("sr"):
        kinds = ("color", "bw")
        features = [[fixture.arrays[f"{case}.hidden_{kind}.{level}"] for level in levels] for kind in kinds]
        with torch.no_grad():
            fused = fusion(*features)
        for level, feature in enumerate(fused):
            fixture.check(f"{case}.branch_out.{level}", feature, f"{case}.branch_out.{level}")


def test_full_size_fusion_net_is_accounted_for(fixture):
    with torch.device("meta"):
        fusion = FusionNet()
    assert shapes(fusion) == {key: value[0] for key, value in fixture.keys().items()}
