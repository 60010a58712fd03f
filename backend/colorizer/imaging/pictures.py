"""Reads and writes picture files. Every readable picture is converted to 8-bit sRGB RGBA.

Sizes are checked before any pixel is decoded. The colours of pixels with alpha 0 are kept, so that a line layer is
returned byte for byte; code that reads colours must check the alpha first (`visible`). `colorizer.imaging.openraster`
writes layered files; `colorizer.server` decodes the raw pixels of requests.
"""

from __future__ import annotations

import io
import stat
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from colorizer.errors import UnreadablePicture
from colorizer.files import atomic_file
from colorizer.imaging.sizes import MAX_PIXELS, MAX_SIDE
from colorizer.imaging.values import Picture

MAX_BYTES = 4 * 2**30
"""Largest size of a file, above the size of the largest picture with 16 bits, uncompressed."""
FORMATS = ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "TGA", "PPM", "PSD")
"""Supported formats, without those that need another program (EPS)."""

_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF orientation: the transposition that makes the picture upright."""


def read_picture(path: str | Path) -> Picture:
    """Reads a picture file in any of the usual formats, which is detected from its content.

    16-bit and float values are scaled, CMYK and embedded profiles are converted to sRGB, the EXIF orientation is
    applied, and of an animation the first frame is read.

    Returns:
        (H, W, 4) uint8 RGBA, sRGB, not premultiplied.

    Raises:
        UnreadablePicture: the file is missing, damaged, empty, of an unknown format or too large.
    """
    path = Path(path)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # reading a pipe or a device might never end
            raise UnreadablePicture(f"{path.name} isn't a file. Give the path of a picture.")
        if found.st_size > MAX_BYTES:
            raise UnreadablePicture(_too_large(path.name))
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise UnreadablePicture(f"{path.name} can't be opened: {reason}. Check the path.") from error
    return decode_picture(data, name=path.name)


def decode_picture(data: bytes, *, name: str = "The picture") -> Picture:
    """Decodes the content of a picture file, see `read_picture`; `name` is its name in errors."""
    if not data:
        raise UnreadablePicture(f"{name} is empty (zero bytes). Export or save it again.")
    image = _open(data, name)
    _check_size(image.size, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.load()
            pixels = np.array(_to_rgba(_upright(image)))
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        raise UnreadablePicture(
            f"{name} is damaged or incomplete ({error}). Export or save it again."
        ) from error
    except MemoryError as error:
        raise UnreadablePicture(f"{name} needs more memory than is available. Use a smaller copy.") from error
    return pixels


def write_png(path: str | Path, picture: NDArray[np.uint8]) -> None:
    """Atomically writes (H, W, 4), (H, W, 3) or (H, W) uint8 as PNG."""
    path = Path(path)
    with atomic_file(path) as part:
        part.write_bytes(encode_png(picture))


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG file with (H, W, 4), (H, W, 3) or (H, W) uint8."""
    stream = io.BytesIO()
    # For flat colours, higher compression levels gain little and take several times as long on large canvases.
    Image.fromarray(np.ascontiguousarray(picture)).save(stream, "PNG", compress_level=3)
    return stream.getvalue()


def visible(picture: Picture) -> NDArray[np.bool_]:
    """(H, W): where the picture isn't fully transparent; elsewhere its RGB values are meaningless."""
    return picture[..., 3] > 0


def over_white(picture: Picture) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: the picture composited over white."""
    colours = cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB)
    alpha = cv2.extractChannel(picture, 3)
    if alpha.min() == 255:
        return colours  # type: ignore[no-any-return]
    ink = cv2.multiply(255 - colours, cv2.merge([alpha] * 3), scale=1 / 255)
    return 255 - ink  # type: ignore[no-any-return]


def _open(data: bytes, name: str) -> Image.Image:
    # Pillow's own limit is lower; `_check_size` checks this program's limit, also before decoding.
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(_too_large(name)) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnreadablePicture(
            f"{name} isn't a picture in a supported format. Use PNG, JPEG, TIFF, WebP, GIF, BMP or PSD."
        ) from error


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise UnreadablePicture(_too_large(name))


def _too_large(name: str) -> str:
    return f"{name} is too large: a side may have at most {MAX_SIDE} px. Use a smaller copy."


def _upright(image: Image.Image) -> Image.Image:
    """Rotates the picture by its EXIF orientation. Pillow's function also rewrites the EXIF, and fails if it is bad."""
    orientation: object = image.getexif().get(ExifTags.Base.Orientation)
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _to_rgba(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bit(image)
    profile = image.info.get("icc_profile")
    if profile:
        image = _to_srgb(image, profile)
    if image.mode in ("CMYK", "YCbCr", "HSV"):
        image = image.convert("RGB")
    return (
        image if image.mode == "RGBA" else image.convert("RGBA")
    )  # converting would copy even a picture of a gigabyte


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Converts 16-bit, 32-bit and float grey to 8 bits by scaling, where Pillow would clip."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    if image.mode == "F":
        top = max(1.0, float(values.max()))
    else:
        top = 65535.0 if values.max() <= 65535 else float(2**31 - 1)
    return Image.fromarray(np.rint(np.clip(values / top, 0, 1) * 255).astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Applies an embedded profile; a damaged one, or one for another colour model, is ignored."""
    image.info.pop("icc_profile", None)
    alpha = (
        image.convert("RGBA").getchannel("A") if "A" in image.mode or "transparency" in image.info else None
    )
    base = {"P": "RGB", "PA": "RGB", "RGBA": "RGB", "LA": "L", "1": "L"}.get(image.mode, image.mode)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        target: Any = ImageCms.createProfile("sRGB")
        colours = ImageCms.profileToProfile(image.convert(base), source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    assert colours is not None
    if alpha is not None:
        colours.putalpha(alpha)
    return colours
