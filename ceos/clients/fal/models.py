"""The models of fal.ai that ceos uses: their prices and parameters, and the style presets of pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from ceos.errors import InvalidInput

ModelName = Literal["schnell", "schnell-2", "pro-ultra", "recraft"]
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
        if self.usd_per_megapixel:
            body |= {"image_size": frame.size, "num_inference_steps": 4, "enable_safety_checker": True}
        else:
            body |= {"aspect_ratio": frame.ratio, "safety_tolerance": "2"}
        return body if seed is None else {**body, "seed": seed}


#: Best and most expensive first.
IMAGE_MODELS = (
    ImageModel("pro-ultra", "fal-ai/flux-pro/v1.1-ultra", usd_per_image=0.06),
    ImageModel("recraft", "fal-ai/recraft/v3/text-to-image", usd_per_image=0.04),
    ImageModel("schnell", "fal-ai/flux/schnell", usd_per_megapixel=0.003),
    # The same model at the same price on machines of its own.
    ImageModel("schnell-2", "fal-ai/flux-1/schnell", usd_per_megapixel=0.003),
)


def image_model(name: str) -> ImageModel:
    """Return the image model called `name`."""
    for model in IMAGE_MODELS:
        if model.name == name:
            return model
    known = ", ".join(model.name for model in IMAGE_MODELS)
    raise InvalidInput(f"No image model named {name!r}. Known: {known}.")


def image_price_usd(name: str, aspect: Aspect) -> float:
    """Return the most that one picture by this model can cost in a shape."""
    return image_model(name).price_of(aspect)


@dataclass(frozen=True)
class VideoModel:
    """One model for text to video: its endpoint, and the most that a second costs.

    fal.ai publishes no price by the second for every model; where it does not, the table holds twice the price that
    others report, because a budget must not undercount.
    """

    name: str
    endpoint: str
    usd_per_second: float
    #: The length that is asked for.
    seconds: int = 5

    @property
    def cost_usd(self) -> float:
        """The most that one video costs."""
        return round(self.usd_per_second * self.seconds, 6)

    def request(self, prompt: str, style: str, aspect: Aspect, seed: int | None) -> dict[str, Any]:
        """Return the model's input: exactly the parameters it has."""
        body: dict[str, Any] = {
            "prompt": f"{prompt.strip()}\n\nStyle: {STYLES[style].words}.",
            "aspect_ratio": VIDEO_RATIOS[aspect],
            "resolution": "720p",
            "enable_safety_checker": True,
        }
        if self.name == "wan":
            body |= {"num_frames": self.seconds * WAN_FRAMES_PER_SECOND + 1, "enable_output_safety_checker": True}
            body["frames_per_second"] = WAN_FRAMES_PER_SECOND
        else:
            # A string there, not a number.
            body["duration"] = str(self.seconds)
        return body if seed is None else {**body, "seed": seed}


VIDEO_RATIOS: dict[str, str] = {"square": "1:1", "landscape": "16:9", "portrait": "9:16"}
WAN_FRAMES_PER_SECOND = 24
VIDEO_MODELS = (
    VideoModel("wan", "fal-ai/wan/v2.2-5b/text-to-video/fast-wan", usd_per_second=0.01),
    VideoModel("seedance", "fal-ai/bytedance/seedance/v1/lite/text-to-video", usd_per_second=0.04),
)


def video_model(name: str) -> VideoModel:
    """Return the video model called `name`."""
    for model in VIDEO_MODELS:
        if model.name == name:
            return model
    raise InvalidInput(f"No video model named {name!r}. Known: {', '.join(model.name for model in VIDEO_MODELS)}.")


def video_cost_usd(name: str) -> float:
    """Return the most that one video by this model can cost."""
    return video_model(name).cost_usd


def check_style(name: str) -> None:
    """Raise `InvalidInput` unless `name` is a style preset."""
    if name not in STYLES:
        raise InvalidInput(f"No image style named {name!r}. Known: {', '.join(STYLES)}.")


def _cut(text: str, most: int) -> str:
    """Return at most `most` characters of `text`, cut between words where there is a gap to cut at."""
    if len(text) <= most:
        return text
    return text[: most + 1].rpartition(" ")[0].rstrip() or text[:most]
