"""The inputs and outputs of the fal.ai models that are simulated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SIZES = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}

Problem = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FalModel:
    """One endpoint: its inputs besides the prompt, and the kind of its output."""

    kind: str
    keys: frozenset[str]
    #: Whole numbers and their limits.
    ranges: dict[str, tuple[int, int]] = field(default_factory=dict)
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    size: str = "landscape_4_3"
    longest_prompt: int = 10_000

    def problems(self, body: dict[str, Any], *, extra_keys: bool) -> list[Problem]:
        """Return the problems of an input in fal's wording."""
        found = self._prompt_problems(body)
        for name, (low, high) in self.ranges.items():
            value = body.get(name)
            if value is not None and (type(value) is not int or not low <= value <= high):
                kind = "less_than_equal" if type(value) is int and value > high else "greater_than_equal"
                found.append(_problem(name, f"Input should be from {low} to {high}", kind, value))
        for name, known in self.choices.items():
            value = body.get(name)
            if value is not None and value not in known and not (name == "image_size" and isinstance(value, dict)):
                found.append(_problem(name, f"Input should be one of {', '.join(known)}", "one_of", value))
        if not extra_keys:
            unknown = sorted(body.keys() - self.keys - {"prompt"})
            found += [
                _problem(name, "Extra inputs are not permitted", "extra_forbidden", body[name]) for name in unknown
            ]
        return found

    def _prompt_problems(self, body: dict[str, Any]) -> list[Problem]:
        prompt = body.get("prompt")
        if prompt is None:
            return [_problem("prompt", "Field required", "missing", body)]
        if not isinstance(prompt, str) or not prompt.strip():
            return [_problem("prompt", "Input should be a text", "value_error", prompt)]
        if len(prompt) > self.longest_prompt:
            return [_problem("prompt", f"At most {self.longest_prompt} characters", "sequence_too_long", prompt[:50])]
        return []

    def dimensions(self, body: dict[str, Any]) -> tuple[int, int]:
        """Return the width and height in the answer."""
        size = body.get("image_size", self.size)
        if isinstance(size, dict):
            return int(size.get("width", 1024)), int(size.get("height", 768))
        if ratio := body.get("aspect_ratio"):
            wide, _, high = str(ratio).partition(":")
            if wide.isdigit() and high.isdigit() and int(high):
                return 2048, round(2048 * int(high) / int(wide))
        return SIZES.get(size, (1024, 768))


_COMMON = {"seed", "num_images", "sync_mode", "output_format", "enable_safety_checker"}
_SIZES = tuple(SIZES)
_RATIOS = ("16:9", "9:16", "1:1")

_SCHNELL = FalModel(
    "flux",
    frozenset({*_COMMON, "image_size", "num_inference_steps", "guidance_scale", "acceleration"}),
    {"num_inference_steps": (1, 12), "num_images": (1, 4)},
    {"image_size": _SIZES, "output_format": ("jpeg", "png"), "acceleration": ("none", "regular", "high")},
)
_ULTRA = FalModel(
    "flux",
    frozenset(
        {*_COMMON, "aspect_ratio", "raw", "enhance_prompt", "image_url", "image_prompt_strength", "safety_tolerance"}
    ),
    {"num_images": (1, 4)},
    {"output_format": ("jpeg", "png"), "safety_tolerance": tuple("123456")},
)
_RECRAFT = FalModel(
    "recraft",
    frozenset({"image_size", "style", "style_id", "colors", "enable_safety_checker"}),
    choices={"image_size": _SIZES},
    size="square_hd",
    longest_prompt=1000,
)
_WAN = FalModel(
    "video",
    frozenset(
        {"negative_prompt", "aspect_ratio", "resolution", "num_frames", "frames_per_second", "seed", "guidance_scale"}
        | {"enable_safety_checker", "enable_output_safety_checker", "enable_prompt_expansion", "interpolator_model"}
        | {"video_quality", "video_write_mode"}
    ),
    {"num_frames": (17, 161), "frames_per_second": (4, 60)},
    {"aspect_ratio": _RATIOS, "resolution": ("480p", "580p", "720p")},
)
_SEEDANCE = FalModel(
    "video",
    frozenset({"aspect_ratio", "resolution", "duration", "camera_fixed", "seed", "enable_safety_checker"}),
    {},
    {"resolution": ("480p", "720p", "1080p"), "duration": tuple(str(n) for n in range(2, 13))},
)
MODELS = {
    "fal-ai/flux/schnell": _SCHNELL,
    "fal-ai/flux-1/schnell": _SCHNELL,
    "fal-ai/flux-pro/v1.1-ultra": _ULTRA,
    "fal-ai/recraft/v3/text-to-image": _RECRAFT,
    "fal-ai/recraft-v3": _RECRAFT,
    "fal-ai/wan/v2.2-5b/text-to-video/fast-wan": _WAN,
    "fal-ai/bytedance/seedance/v1/lite/text-to-video": _SEEDANCE,
}


def _problem(name: str, message: str, kind: str, value: Any) -> Problem:
    return {"loc": ["body", name], "msg": message, "type": kind, "input": value}
