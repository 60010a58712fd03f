"""Every fixture folder is known: its system is tested here."""

import published

SYSTEMS = ("cd_base",)


def test_folder_is_known(any_folder):
    assert published.system_of(any_folder), f"nothing here knows the fixture {any_folder.name}"


def test_shared_weights_hold_no_unknown_key(folder):
    weights = published.load_weights(folder / "weights.safetensors")
    assert {component.value for component in weights} == {"unet", "sketch_encoder"}
