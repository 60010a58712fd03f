"""Every fixture folder is known: its system is tested here, or said not to be built yet."""

import published
import pytest

SYSTEMS = ("cd_base",)


def test_folder_is_known(any_folder):
    system = published.system_of(any_folder)
    assert system, f"nothing here knows the fixture {any_folder.name}"
    if system in published.NOT_BUILT:
        pytest.skip(f"{system} is not built yet")


def test_shared_weights_hold_no_unknown_key(folder):
    weights = published.load_weights(folder / "weights.safetensors")
    assert {component.value for component in weights} == {"unet", "sketch_encoder"}
