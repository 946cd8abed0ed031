"""Draw an object in the domains of domain adaptation: clip art, infographic, product..."""

from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter

from visionflan.drawing import BLACK, COLORS, FRAME, RGB, SIZE, WHITE, Box
from visionflan.drawing.icons import icon
from visionflan.drawing.styles import art_painting, contours, noise, photo, sketch
from visionflan.hashing import hash_fraction, pick

BANNERS = ("blue", "green", "purple", "orange", "red")


def domain_icon(name: str, domain: str, box: Box, color: str, *identity: str | int) -> Image.Image:
    """Draw one object of `ICONS` in one of `DOMAINS`, with the identity as the random seed."""
    subject = Image.new("RGBA", (SIZE, SIZE))
    icon(subject, name, box, color)
    return DOMAINS[domain](subject, *identity)


def clip_art(subject: Image.Image, *identity: str | int) -> Image.Image:
    """Place the subject on plain white with a thin dark outline."""
    image = Image.new("RGB", subject.size, WHITE)
    alpha = subject.getchannel("A")
    image.paste(BLACK, mask=alpha.filter(ImageFilter.MaxFilter(3)))
    image.paste(subject, mask=alpha)
    return image


def infographic(subject: Image.Image, *identity: str | int) -> Image.Image:
    """Place the subject below a banner and next to bars of different lengths."""
    image = Image.new("RGB", subject.size, (245, 240, 225))
    pen = ImageDraw.Draw(image)
    color = COLORS[pick(BANNERS, 1, *identity, "banner")[0]]
    pen.rectangle(FRAME.part(0, 0, 1, 0.14), fill=color)
    for line in range(2):
        pen.rectangle(FRAME.part(0.15, 0.04 + line * 0.05, 0.85 - line * 0.2, 0.06 + line * 0.05))
    for bar in range(5):
        left = 0.95 - 0.2 * hash_fraction(*identity, "bar", bar)
        pen.rectangle(FRAME.part(left, 0.22 + bar * 0.15, 0.99, 0.31 + bar * 0.15), fill=color)
    small = subject.resize((SIZE * 3 // 4, SIZE * 3 // 4), Image.Resampling.LANCZOS)
    image.paste(small, (0, SIZE // 5), small.getchannel("A"))
    return image


def quickdraw(subject: Image.Image, *identity: str | int) -> Image.Image:
    """Reduce the subject to shaky black strokes on white."""
    lines = contours(subject)
    image = Image.new("L", lines.size, 255)
    for y in range(0, SIZE, 4):
        shift = round(3 * hash_fraction(*identity, "shake", y // 12)) - 1
        image.paste(0, (shift, y), lines.crop((0, y, SIZE, y + 4)))
    return image.convert("RGB")


def product(subject: Image.Image, *identity: str | int) -> Image.Image:
    """Place the subject evenly lit on white, as in a shop's catalog."""
    shade = 246 + round(9 * hash_fraction(*identity, "shade"))
    image = Image.new("RGB", subject.size, (shade, shade, shade))
    alpha = subject.getchannel("A")
    shadow: RGB = (205, 205, 205)
    image.paste(shadow, (3, 3), alpha.filter(ImageFilter.GaussianBlur(2)))
    image.paste(subject, mask=alpha)
    return image


def webcam(subject: Image.Image, *identity: str | int) -> Image.Image:
    """Degrade the photo like a poor camera: low resolution and strong noise."""
    small = photo(subject, *identity).resize((32, 32)).resize((SIZE, SIZE))
    specks = Image.merge("RGB", [noise(2, *identity, "specks", band) for band in "rgb"])
    return Image.blend(small, specks, 0.2)


DOMAINS: dict[str, Callable[..., Image.Image]] = {
    "clip art": clip_art,
    "infographic": infographic,
    "painting": art_painting,
    "photo": photo,
    "product": product,
    "quickdraw": quickdraw,
    "sketch": sketch,
    "webcam": webcam,
}
