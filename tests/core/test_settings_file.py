"""Settings travel between pictures as a file: what belongs to one picture alone stays behind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krita_colorize.core import settings_file
from krita_colorize.core.errors import UserError
from krita_colorize.core.modes import Mode
from krita_colorize.core.settings import Options, Reference, Settings, Source, SourceKind

FILE = Reference(Source(SourceKind.FILE, "/pictures/sheet.png", "sheet"), "mask-id")
LAYER = Reference(Source(SourceKind.LAYER, "layer-id", "Sheet"), "")
OPTIONS = Options(palette_lock=False, steps=33)
SAVED = Settings(
    Mode.SPLIT, "match", references=(LAYER, FILE), sketch_mask="m", hints="h", seed=7, options=OPTIONS
)


def test_settings_come_back_without_what_is_the_pictures_own():
    own = Settings(references=(LAYER,), background="b")
    loaded = settings_file.load(settings_file.dump(SAVED), own)
    assert (loaded.mode, loaded.seed, loaded.options) == (Mode.SPLIT, 7, OPTIONS)
    assert [item.source for item in loaded.references] == [FILE.source]
    assert (loaded.sketch_mask, loaded.hints, loaded.background, loaded.references[0].mask) == (
        "",
        "",
        "b",
        "",
    )


def test_own_references_stay_where_the_file_has_none():
    own = Settings(references=(LAYER,))
    assert settings_file.load(settings_file.dump(Settings()), own).references == (LAYER,)


@given(
    st.binary(max_size=200)
    | st.just(b'{"krita_colorize": 2}')
    | st.just(b'{"krita_colorize": 2, "settings": 3}')
)
def test_other_files_are_told(data):
    with pytest.raises(UserError, match="contains no settings"):
        settings_file.load(data, Settings())
