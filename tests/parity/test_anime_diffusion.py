"""AnimeDiffusion against the published program: network, schedule, samplers, losses, gradients, lines and warp."""

import numpy as np
import pytest
import torch
from colorizer.engines.anime_diffusion import diffusion
from colorizer.engines.anime_diffusion.checkpoint import NETWORK, network_from_published
from colorizer.engines.anime_diffusion.pictures import Warp, to_picture, xdog
from colorizer.engines.anime_diffusion.unet import TIME_PERIOD, AnimeDiffusionUNet, SelfAttention, sinusoid
from precision import embed_time, exact_rates, told_time
from recorded import LIMIT

SYSTEMS = ("animediffusion",)
GRADIENTS = 1e-3
"""Of the largest gradient of a tensor; some are smaller than the limit itself."""
PLACES = 3
"""Last places in which a coordinate may differ, which is as large as its picture."""


@pytest.fixture
def betas(fixture):
    return diffusion.Betas(fixture.config["config"]["time_step"], **fixture.config["config"]["betas"])


@pytest.fixture
def schedule(betas):
    return diffusion.ddim_scheduler(betas)


@pytest.fixture
def unet(fixture, betas, recorded_time):
    network = network_from_published(
        fixture.weights("weights.safetensors"), fixture.config["config"]["unet"], betas
    )
    return network.requires_grad_(False)


@pytest.fixture
def condition(fixture):
    return torch.cat([fixture.arrays["inputs.condition"], fixture.arrays["inputs.distorted"]], dim=1)


def test_network_predicts_the_published_noise(fixture, unet):
    for case in fixture.cases("unet"):
        if case == "unet_cbam":
            continue
        x, t = fixture.arrays[f"{case}.x"], fixture.arrays.get(f"{case}.t")
        fixture.check_run([f"{case}.out"], [unet], lambda dtype, x=x, t=t: [unet(x.to(dtype), t)])


def test_every_block_leaves_the_published_features(fixture, unet):
    seen = {}
    for name, blocks in (
        ("enc", unet.encoder_block),
        ("dec", unet.decoder_block),
        ("bottom", unet.bottom_block[-1:]),
    ):
        for index, block in enumerate(blocks):
            key = name if name == "bottom" else f"{name}{index}"
            block.register_forward_hook(lambda _m, _i, output, key=key: seen.update({key: output[:1]}))
    names = [name for name in fixture.arrays if name.startswith("unet0.act.")]

    def features(dtype):
        unet(fixture.arrays["unet0.x"].to(dtype), fixture.arrays["unet0.t"])
        return [seen[name.removeprefix("unet0.act.")] for name in names]

    fixture.check_run(names, [unet], features)
    assert len(names) == len(seen)


def test_cbam_variant_loads_and_agrees(fixture, recorded_time):
    unet = AnimeDiffusionUNet(**fixture.config["detail"]["cbam_unet_config"]).requires_grad_(False)
    unet.load_state_dict(fixture.weights("weights_cbam.safetensors"))
    x, t = fixture.arrays["unet_cbam.x"], fixture.arrays["unet_cbam.t"]
    fixture.check_run(["unet_cbam.out"], [unet], lambda dtype: [unet(x.to(dtype), t)])


def test_time_embedding_has_the_short_period(fixture):
    for name in (name for name in fixture.arrays if name.startswith("time_embedding.dim")):
        t, width = fixture.arrays["time_embedding.t"], int(name.removeprefix("time_embedding.dim"))
        got = sinusoid(t, width)
        exact = embed_time(t, width, True, 0, max_period=TIME_PERIOD, rates={}, unrecorded=exact_rates)
        # the one exception to the limit: the last bit of exp(), which is the processor's, see `precision`
        fixture.check(name, got, name, rounding=(got - exact).abs().max)
        with told_time(fixture.rates):
            fixture.check(f"{name} in the recorded rates", sinusoid(t, width), name, 2e-7)


def test_schedule_is_the_published_one(fixture, schedule):
    for name, values in diffusion.schedule_tables(schedule).items():
        scale = float(values.abs().max().clamp(min=1))
        fixture.check(f"schedule.{name}", values, f"schedule.{name}", 2e-7 * scale)


def test_shorter_schedules_scale_their_betas(fixture):
    for case in fixture.cases("schedule"):
        if case != "schedule":
            tables = diffusion.schedule_tables(diffusion.ddim_scheduler(diffusion.Betas(int(case[8:]))))
            for name in ("gammas", "posterior_variance"):
                fixture.check(f"{case}.{name}", tables[name], f"{case}.{name}", 2e-7)


def test_forward_process_adds_the_published_noise(fixture, schedule):
    for case in ("q_sample", "q_sample_rand", "unseen_transform"):
        noise = fixture.arrays[f"{case}.noise"]
        t = fixture.arrays[f"{case}.t"].expand(len(noise))
        clean = fixture.arrays.get(f"{case}.x0", fixture.arrays["inputs.reference"])
        fixture.check(case, diffusion.add_noise(schedule, clean, noise, t), f"{case}.out")


def test_ancestral_steps_agree(fixture, unet, schedule, condition):
    for case in fixture.cases("p_sample"):
        x, t, noise = (fixture.arrays[f"{case}.{name}"] for name in ("x_t", "t", "noise"))
        predicted = unet(torch.cat([x, condition], dim=1), t)
        got = diffusion.ancestral_step(
            schedule, predicted, x, t, noise, eta=float(fixture.arrays[f"{case}.eta"])
        )
        fixture.check(case, got, f"{case}.out")


def test_first_step_of_ddim_agrees(fixture, unet, schedule, condition):
    for case in fixture.cases("ddim."):
        settings, start = fixture.config["detail"][case], fixture.arrays[f"{case}.x_T"]
        noise = fixture.arrays.get(f"{case}.noise", torch.zeros(1, *start.shape))[0]
        schedule.set_timesteps(settings["n_steps"])
        got = diffusion.sample_step(
            unet, schedule, start, condition, schedule.timesteps[0], noise, eta=settings["eta"]
        )
        fixture.check(f"{case}.step0", got, f"{case}.step0")


def test_all_steps_of_ddim_agree(fixture, unet, schedule, condition):
    for case in fixture.cases("ddim."):
        settings, start = fixture.config["detail"][case], fixture.arrays[f"{case}.x_T"]
        noise = fixture.arrays.get(f"{case}.noise", torch.zeros(settings["n_steps"], *start.shape))

        def draw(dtype, start=start, noise=noise, eta=settings["eta"]):
            inputs = (part.to(dtype) for part in (start, condition, noise))
            return [diffusion.sample(unet, schedule, *inputs, eta=eta)]

        fixture.check_run([f"{case}.out"], [unet], draw)
        assert schedule.timesteps.flip(0).tolist() == fixture.arrays[f"{case}.used_sequence"].tolist()


def test_inversion_agrees(fixture, unet, schedule, condition):
    for case in fixture.cases("fix_forward"):
        steps = int(case.removeprefix("fix_forward")) if case[11:].isdigit() else diffusion.SAMPLING_STEPS
        inputs = fixture.arrays["inputs.reference"], condition, fixture.arrays[f"{case}.noise"]

        def invert(dtype, inputs=inputs, steps=steps):
            picture, told, noise = (part.to(dtype) for part in inputs)
            return [diffusion.invert(unet, schedule, picture, told, noise, steps=steps, parity=True)]

        fixture.check_run([f"{case}.out"], [unet], invert)


def test_losses_agree(fixture, unet, schedule, condition):
    picture = fixture.arrays["inputs.reference"]
    t, noise = fixture.arrays["phase1_loss.t"], fixture.arrays["phase1_loss.noise"]
    loss = diffusion.noise_loss(unet, schedule, picture, condition, t, noise)
    fixture.check(
        "phase1_loss (relative)", loss / fixture.arrays["phase1_loss.loss"], torch.tensor(1.0), 1e-6
    )


def test_fine_tuning_of_the_model_sums_its_loss(fixture, unet, schedule, condition):
    unet.double()
    picture = fixture.arrays["inputs.reference"].double()
    for case in fixture.cases("fine_tune_method_eta"):
        start = fixture.arrays[f"{case}.x_T"].double()
        noise = fixture.arrays.get(
            f"{case}.noise", torch.zeros(diffusion.SAMPLING_STEPS, *start.shape)
        ).double()
        eta = float(case.removeprefix("fine_tune_method_eta"))
        drawn = diffusion.sample(unet, schedule, start, condition.double(), noise, eta=eta)
        loss = (drawn - picture).square().sum() / fixture.arrays[f"{case}.loss"]
        fixture.check(f"{case}.loss (relative)", loss, torch.tensor(1.0), 1e-6)


def test_attention_looks_everywhere(fixture):
    start = "attention_block.w."
    names = [name for name in fixture.arrays if name.startswith(start)]
    x = fixture.arrays["attention_block.x"]
    block = SelfAttention(x.shape[1], fixture.config["config"]["unet"]["attention_head"])
    block.load_state_dict({name.removeprefix(start): fixture.arrays[name] for name in names})
    with torch.no_grad():
        fixture.check("attention_block", block(x), "attention_block.out")


def test_second_phase_has_the_published_loss_and_gradients(fixture, unet, schedule, condition):
    unet.requires_grad_(True).enable_gradient_checkpointing()
    noise = diffusion.ReconstructionNoise(
        fixture.arrays["phase2_step.noise_fix_forward"], fixture.arrays["phase2_step.noise_ddim"]
    )
    picture = fixture.arrays["inputs.reference"]
    loss = diffusion.reconstruction_loss(unet, schedule, picture, condition, noise, parity=True)
    loss.backward()
    fixture.check("phase2_step.loss", loss.detach(), "phase2_step.loss")
    gradients = {f"{NETWORK}{name}": parameter.grad for name, parameter in unet.named_parameters()}
    for name in (name for name in fixture.arrays if name.startswith("phase2_step.grad.")):
        small = min(LIMIT, GRADIENTS * float(fixture.arrays[name].abs().max()))
        fixture.check(name, gradients[name.removeprefix("phase2_step.grad.")], name, small)
    norm = torch.nn.utils.get_total_norm(gradients.values())
    fixture.check("phase2_step.grad_global_norm", norm, "phase2_step.grad_global_norm")


def test_lines_and_warps_agree_to_the_last_level(fixture):
    arrays = {name: value.numpy() for name, value in fixture.arrays.items() if name.startswith("image")}
    for name, value in arrays.items():
        case, _, what = name.partition(".")
        if what.startswith("xdog_sigma"):
            fixture.check(
                name, xdog(arrays[case], float(what.removeprefix("xdog_sigma"))), torch.from_numpy(value), 0
            )
        elif what.endswith(".p1r1p2r2"):
            warp = Warp(*value.tolist())
            columns, rows = warp.sources(*arrays[case].shape[:2])
            stem = name.removesuffix("p1r1p2r2")
            places = PLACES * float(np.finfo(np.float32).eps) * max(arrays[case].shape)
            fixture.check(f"{stem}mapx", columns, f"{stem}mapx", places)
            fixture.check(f"{stem}mapy", rows, f"{stem}mapy", places)
            fixture.check(f"{stem}warped", warp.apply(arrays[case]), f"{stem}warped", 1)


def test_pictures_leave_as_published(fixture):
    got = np.stack([to_picture(tensor) for tensor in fixture.arrays["tensor2PIL.x"]])
    fixture.check("tensor2PIL", got, "tensor2PIL.out", 0)


def test_full_size_checkpoint_loads_strictly(fixture):
    with torch.device("meta"):
        unet = AnimeDiffusionUNet()
    keys = fixture.keys()
    network = {key.removeprefix(NETWORK): value[0] for key, value in keys.items() if key.startswith(NETWORK)}
    assert {key: list(value.shape) for key, value in unet.state_dict().items()} == network
    tables = diffusion.schedule_tables(diffusion.ddim_scheduler())
    assert {key for key in keys if not key.startswith(NETWORK)} == set(tables)
    assert sum(parameter.numel() for parameter in unet.parameters()) == 52_301_251
