"""Every kind of picture file comes out as 8-bit sRGB RGBA, or as one sentence."""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from colorizer.errors import ColorizerError, UnreadablePicture
from colorizer.imaging import pictures
from colorizer.imaging.pictures import decode_picture, over_white, read_picture, visible, write_png
from colorizer.imaging.sizes import MAX_SIDE
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def test_grey16_scaled() -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(4, 0)
    picture = decode_picture(saved(Image.fromarray(ramp), "PNG"))
    assert picture[0, 0, 0] == 0
    assert picture[0, -1, 0] == 255
    assert abs(int(picture[0, 32, 0]) - 129) <= 1


def test_float_scaled() -> None:
    picture = decode_picture(saved(Image.fromarray(np.full((4, 4), 0.5, np.float32)), "TIFF"))
    assert picture[0, 0].tolist() == [128, 128, 128, 255]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_colours_plausible(kind: str) -> None:
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    red, green, blue, alpha = decode_picture(saved(ink, kind))[8, 8].tolist()
    assert red > 200
    assert max(green, blue) < 60
    assert alpha == 255


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_modes_become_rgba(mode: str) -> None:
    picture = decode_picture(saved(Image.new("RGBA", (5, 3), (255, 255, 255, 255)).convert(mode), "PNG"))
    assert picture.shape == (3, 5, 4)
    assert (picture == 255).all()


def test_palette_transparency_kept() -> None:
    image = Image.new("P", (2, 1), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    picture = decode_picture(saved(image, "PNG", transparency=0))
    assert picture[0, 0, 3] == 0
    assert picture[0, 1].tolist() == [40, 50, 60, 255]


def test_first_frame_taken() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime")]
    for kind in ("GIF", "PNG"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        assert decode_picture(data)[0, 0].tolist() == [255, 0, 0, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_camera_rotation_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6)), "PNG", exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
    assert (decode_picture(data) == np.asarray(expected)).all()


def test_damaged_camera_data_costs_nothing_but_itself() -> None:
    """An entry that Pillow reads but can't write again: a number where the standard wants a whole one."""
    entries = [struct.pack("<HHII", 0x0100, 11, 1, 0x3FC00000), struct.pack("<HHII", 0x0112, 3, 1, 6)]
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 2) + b"".join(entries) + bytes(4)
    assert decode_picture(saved(Image.new("RGB", (8, 4)), "JPEG", exif=exif)).shape[:2] == (8, 4)


def test_photoshop_files_read() -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8)  # channel after channel
    data = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 2, 3, 8, 3) + bytes(12) + bytes(2) + pixels.tobytes()
    assert decode_picture(data)[1, 2].tolist() == [5, 11, 17, 255]


def gamma_profile(gamma: float) -> bytes:
    """A profile with sRGB's primaries and another gamma, written by hand (ICC.1:2001, three-component matrix)."""
    primaries = {
        b"r": (0.4361, 0.2225, 0.0139),
        b"g": (0.3851, 0.7169, 0.0971),
        b"b": (0.1431, 0.0606, 0.7141),
    }
    fixed = lambda *values: struct.pack(">" + "i" * len(values), *(round(v * 65536) for v in values))  # noqa: E731
    tags = {
        b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249),
        b"desc": b"desc\0\0\0\0\0\0\0\x05test\0" + bytes(78),
    }
    for name, value in primaries.items():
        tags[name + b"XYZ"] = b"XYZ \0\0\0\0" + fixed(*value)
        tags[name + b"TRC"] = b"curv\0\0\0\0\0\0\0\x01" + struct.pack(">H", round(gamma * 256)) + b"\0\0"
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = (
        bytes(4)
        + bytes(4)
        + b"\x02\x10\0\0mntrRGB XYZ "
        + bytes(12)
        + b"acsp"
        + bytes(28)
        + fixed(0.9642, 1, 0.8249)
    )
    head = struct.pack(">I", start + len(body)) + head[4:]
    return head.ljust(128, b"\0") + table + body


def test_profile_converted() -> None:
    image = Image.new("RGB", (4, 4), (128, 128, 128))
    linear = decode_picture(saved(image, "PNG", icc_profile=gamma_profile(1.0)))
    assert 185 <= linear[0, 0, 0] <= 190  # half the light is 188 in sRGB
    assert linear[0, 0, 3] == 255


def test_profile_leaves_alpha_alone() -> None:
    image = Image.new("RGBA", (4, 4), (128, 128, 128, 77))
    assert decode_picture(saved(image, "PNG", icc_profile=gamma_profile(1.0)))[0, 0, 3] == 77


def test_srgb_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    image = Image.new("RGB", (4, 4), (10, 200, 30))
    assert decode_picture(saved(image, "PNG", icc_profile=profile.tobytes()))[0, 0].tolist() == [
        10,
        200,
        30,
        255,
    ]


def test_broken_profile_left_aside() -> None:
    image = Image.new("RGB", (4, 4), (10, 200, 30))
    assert decode_picture(saved(image, "PNG", icc_profile=b"nonsense"))[0, 0, 1] == 200


def test_hidden_colours_kept_but_not_shown() -> None:
    picture = decode_picture(saved(Image.new("RGBA", (4, 4), (255, 0, 255, 0)), "PNG"))
    assert picture[0, 0].tolist() == [255, 0, 255, 0]
    assert not visible(picture).any()
    assert (over_white(picture) == 255).all()


def test_seen_on_white_paper() -> None:
    picture = np.uint8([[(0, 0, 0, 255), (0, 0, 0, 128), (9, 9, 9, 0)]])
    assert over_white(picture)[0, :, 0].tolist() == [0, 127, 255]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "zero bytes"),
        (b"not a picture at all", "isn't a picture"),
        (saved(Image.effect_noise((64, 64), 50), "PNG")[:900], "damaged or incomplete"),
        (saved(Image.effect_noise((64, 64), 50), "JPEG")[:700], "damaged or incomplete"),
    ],
)
def test_broken_files_told(data: bytes, words: str) -> None:
    with pytest.raises(UnreadablePicture, match=words):
        decode_picture(data, name="a.png")


@pytest.mark.parametrize("size", [(16385, 1), (16384, 16385), (60000, 60000)])
def test_giants_refused_before_decoding(size: tuple[int, int]) -> None:
    header = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    data += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    with pytest.raises(UnreadablePicture, match="too large: a side may have at most 16384 px"):
        decode_picture(data)


def test_longest_side_is_read() -> None:
    assert decode_picture(saved(Image.new("L", (MAX_SIDE, 1)), "PNG")).shape[1] == 16384


def test_missing_file_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePicture, match="can't be opened: No such file"):
        read_picture(tmp_path / "nowhere.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_what_is_no_file_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", tmp_path, Path("/dev/zero")):
        with pytest.raises(UnreadablePicture, match="isn't a file"):
            read_picture(path)


def test_endless_file_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(pictures.MAX_BYTES + 1)
    with pytest.raises(UnreadablePicture, match="too large"):
        read_picture(tmp_path / "a.png")


def every_kind() -> list[bytes]:
    """A small picture in every kind of file, with all that usually comes along."""
    colours = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x011A] = 6, "words", 72.0
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    along = {"exif": exif, "icc_profile": profile}
    kinds = [saved(colours.convert("RGBA"), kind, **along) for kind in ("PNG", "TIFF", "WEBP")]
    kinds += [saved(colours, kind) for kind in ("BMP", "TGA", "PPM")]
    return [
        *kinds,
        saved(colours, "JPEG", **along),
        saved(colours.convert("CMYK"), "JPEG"),
        saved(colours, "GIF"),
    ]


@settings(max_examples=300)
@given(
    data=st.sampled_from(every_kind()),
    damage=st.lists(st.tuples(st.integers(0, 2**16), st.binary(max_size=4)), max_size=4),
    cut=st.integers(1, 2**16),
)
def test_damaged_files_read_or_refused(data: bytes, damage: list[tuple[int, bytes]], cut: int) -> None:
    damaged = bytearray(data)
    for place, written in damage:
        start = place % len(damaged)
        damaged[start : start + len(written)] = written
    with contextlib.suppress(UnreadablePicture):
        assert decode_picture(bytes(damaged[:cut])).dtype == np.uint8


def test_unicode_names_and_wrong_suffix(tmp_path: Path) -> None:
    path = tmp_path / "スケッチ é #%.png"
    path.write_bytes(saved(Image.new("RGB", (3, 2), "red"), "JPEG"))
    assert read_picture(path).shape == (2, 3, 4)


def test_written_picture_reads_back(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (7, 9, 4), dtype=np.uint8)
    write_png(tmp_path / "a.png", picture)
    assert (read_picture(tmp_path / "a.png") == picture).all()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.corpus
def test_hostile_files_read_or_refused(corpus: Path) -> None:
    items = json.loads((corpus / "manifest.json").read_text("utf-8"))["items"]
    names = [name for item in items if item["kind"] == "hostile" for name in item["files"].values()]
    refused = set()
    for name in names:
        try:
            picture = read_picture(corpus / name)
        except ColorizerError:
            refused.add(Path(name).parent.name)
        else:
            assert picture.dtype == np.uint8
            assert picture.shape[2] == 4
    assert refused == {"hostile_truncated"}
