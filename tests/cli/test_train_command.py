"""`colorize train` and `colorize ablation`: wrong overrides become sentences before anything is trained."""

import pytest
from colorizer import cli


@pytest.fixture
def problem(monkeypatch, capsys, tmp_path):
    """Runs a command that has to fail; gives its sentence."""

    def call(*words):
        monkeypatch.setattr("sys.argv", ["colorize", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 1
        return capsys.readouterr().err

    return call


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["colorize-diffusion"],
            "No settings were given. Give a file with --config, or a stage with --stage.",
        ),
        (
            ["colorize-diffusion", "--stage", "v3"],
            "There is no stage 'v3'. Choose one of: autoencoder, v1-noisy",
        ),
        (["colorize-diffusion", "--stage", "v2-style", "--from", "nobody"], "There is no model 'nobody'"),
        (["colorize-diffusion", "--config", "nowhere.toml"], "nowhere.toml is not a valid settings file"),
        (["colorize-diffusion", "--stage", "v2-style"], "Give its folder with --from"),
        (["match", "--stage", "v1"], "The recipe match has no settings"),
        (["anime-diffusion", "--stage", "v1"], "takes only --data"),
    ],
)
def test_wrong_settings_are_reported(problem, tmp_path, words, sentence):
    assert sentence in problem("train", *words, "--out", tmp_path / "run", "--device", "cpu")
    assert not (tmp_path / "run").exists()


def test_ablation_names_the_missing_run(problem, tmp_path):
    told = problem("ablation", tmp_path, "-o", tmp_path / "page.md")
    assert f"The run of stage v1 is missing in {tmp_path}" in told
