"""The image models of fal.ai that ceos uses: their prices, parameters and style presets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from ceos.errors import InvalidInput

ModelName = Literal["schnell", "pro-ultra", "recraft"]
Aspect = Literal["square", "landscape", "portrait"]

#: Recraft v3 refuses longer prompts.
RECRAFT_PROMPT_CHARACTERS = 1000


@dataclass(frozen=True)
class Style:
    """A preset: words added to a FLUX prompt, and the name of Recraft's own (raster) style."""

    words: str
    recraft: str


#: The presets of `ceos.domain.agent.IMAGE_STYLES`. Recraft's vector styles are left out: casts may not show their SVG.
STYLES: dict[str, Style] = {
    "photorealistic": Style(
        "photorealistic, natural light, sharp focus, shot on a full-frame camera", "realistic_image"
    ),
    "digital-art": Style("polished digital art, vivid colours, clean composition", "digital_illustration"),
    "anime": Style("anime illustration, cel shading, expressive line work", "digital_illustration/kawaii"),
    "abstract": Style(
        "abstract composition, bold shapes and colour fields, no figures", "digital_illustration/psychedelic"
    ),
    "typography": Style(
        "typographic poster, strong lettering, flat background, balanced layout", "digital_illustration/2d_art_poster"
    ),
    "watercolor": Style(
        "watercolor painting on textured paper, soft edges, translucent washes", "digital_illustration/watercolor"
    ),
    "pixel-art": Style(
        "pixel art, limited palette, crisp square pixels, 16-bit look", "digital_illustration/pixel_art"
    ),
}


@dataclass(frozen=True)
class Frame:
    """One shape of picture in the three vocabularies: a named size, its pixels, and a ratio."""

    size: str
    width: int
    height: int
    ratio: str


FRAMES: dict[str, Frame] = {
    "square": Frame("square_hd", 1024, 1024, "1:1"),
    "landscape": Frame("landscape_4_3", 1024, 768, "4:3"),
    "portrait": Frame("portrait_4_3", 768, 1024, "3:4"),
}


@dataclass(frozen=True)
class ImageModel:
    """One model: its endpoint and its price, either per picture or per megapixel."""

    name: ModelName
    endpoint: str
    usd_per_image: float = 0.0
    usd_per_megapixel: float = 0.0

    def price(self, width: int, height: int) -> float:
        """Return the most that a picture of this size can cost.

        Megapixels are rounded up: whether fal.ai does so is not documented, and a budget must not undercount.
        """
        return self.usd_per_image + self.usd_per_megapixel * max(1, math.ceil(width * height / 1_000_000))

    def price_of(self, aspect: Aspect) -> float:
        """Return the most that a picture of this shape can cost."""
        return self.price(FRAMES[aspect].width, FRAMES[aspect].height)

    def request(self, prompt: str, style: str, aspect: Aspect, seed: int | None) -> dict[str, Any]:
        """Return the model's input: exactly the parameters it has, for one picture."""
        frame, preset = FRAMES[aspect], STYLES[style]
        if self.name == "recraft":
            return {
                "prompt": _cut(prompt, RECRAFT_PROMPT_CHARACTERS),
                "image_size": frame.size,
                "style": preset.recraft,
                "enable_safety_checker": True,
            }
        body: dict[str, Any] = {"prompt": f"{prompt.strip()}\n\nStyle: {preset.words}.", "num_images": 1}
        if self.name == "schnell":
            body |= {"image_size": frame.size, "num_inference_steps": 4, "enable_safety_checker": True}
        else:
            body |= {"aspect_ratio": frame.ratio, "safety_tolerance": "2"}
        return body if seed is None else {**body, "seed": seed}


#: Best and most expensive first: a failed model may be replaced only by a later one.
IMAGE_MODELS = (
    ImageModel("pro-ultra", "fal-ai/flux-pro/v1.1-ultra", usd_per_image=0.06),
    ImageModel("recraft", "fal-ai/recraft/v3/text-to-image", usd_per_image=0.04),
    ImageModel("schnell", "fal-ai/flux/schnell", usd_per_megapixel=0.003),
)


def is_model(name: str) -> bool:
    """Say whether `name` is one of the image models."""
    return any(model.name == name for model in IMAGE_MODELS)


def image_model(name: str) -> ImageModel:
    """Return the image model called `name`."""
    for model in IMAGE_MODELS:
        if model.name == name:
            return model
    known = ", ".join(model.name for model in IMAGE_MODELS)
    raise InvalidInput(f"No image model named {name!r}. Known: {known}.")


def worst_case_usd(name: str) -> float:
    """Return the most that one picture by this model can cost, in any shape."""
    model = image_model(name)
    return max(model.price(frame.width, frame.height) for frame in FRAMES.values())


def check_style(name: str) -> None:
    """Raise `InvalidInput` unless `name` is a style preset."""
    if name not in STYLES:
        raise InvalidInput(f"No image style named {name!r}. Known: {', '.join(STYLES)}.")


def _cut(text: str, most: int) -> str:
    """Return at most `most` characters of `text`, cut between words where there is a gap to cut at."""
    if len(text) <= most:
        return text
    return text[: most + 1].rpartition(" ")[0].rstrip() or text[:most]
