"""fal.ai: a picture is one blocking call, a video is a job that is submitted and polled, and files can be stored.

When the chosen image model fails, the others are tried: first those that cost no more, best first, then more expensive
ones, cheapest first, as far as each and everything that may have been charged stay within `max_usd`. A refused key,
refused or flagged content and a rate limit end the search: no other model would help.

A failure counts as charged unless fal.ai certainly did not do the work: an unknown outcome, an unusable file and a
flagged one count.

Worst case of one picture: each model that fits, three attempts of 65 s and two waits of at most 8 s each, and 30 s for
the check of its file.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ceos.clients.fal.api import KEEP, ContentRefused, FalApi, Wasted
from ceos.clients.fal.files import ResultFiles, media_of
from ceos.clients.fal.models import (
    IMAGE_MODELS,
    Aspect,
    ImageModel,
    ModelName,
    check_style,
    image_model,
    image_price_usd,
)
from ceos.clients.fal.storage import MediaStorage
from ceos.clients.fal.videos import VideoQueue
from ceos.clients.fal.webhooks import KEYS_PATH, public_keys
from ceos.errors import KeyRefused, LimitReached, OutcomeUnknown, RateLimited, ServiceError
from ceos.logs import event, register_secret

log = logging.getLogger(__name__)

#: Seconds a picture may take.
IMAGE_SECONDS = 60.0


@dataclass(frozen=True)
class Picture:
    """A finished picture at a public address, the model that made it, and the most that getting it can have cost."""

    url: str
    model: ModelName
    cost_usd: float
    content_type: str


class Fal(VideoQueue):
    """fal.ai for one key.

        picture = fal.image("a lighthouse at dawn", model="recraft", style="watercolor", max_usd=0.05, charge=print)

        job = fal.submit_video("waves", model="wan", style="watercolor")
        video = fal.poll_video(job)

    Every method raises a `ServiceError` when fal.ai cannot or will not do it.
    """

    image_price_usd = staticmethod(image_price_usd)

    def __init__(
        self,
        key: str | None,
        run_url: str = "https://fal.run",
        queue_url: str = "https://queue.fal.run",
        rest_url: str = "https://rest.fal.ai",
        *,
        sleep: Callable[[float], None] = time.sleep,
        files: ResultFiles | None = None,
    ) -> None:
        register_secret(key)
        super().__init__(FalApi(queue_url, key, sleep), files or ResultFiles([run_url, queue_url]))
        self._run = FalApi(run_url, key, sleep)
        self._rest = FalApi(rest_url, key, sleep)
        self._storage = MediaStorage(self._rest)

    def webhook_keys(self) -> list[bytes]:
        """Return the public keys with which fal.ai signs webhooks; one attempt only, because a sender waits."""
        answer = self._rest.call("GET", KEYS_PATH, task="name its keys", effect="read", seconds=4.0, attempts=1)
        return public_keys(answer.body)

    def upload(self, data: bytes, content_type: str, file_name: str) -> str:
        """Store a file and return its public address."""
        return self._storage.upload(data, content_type, file_name)

    def image(
        self,
        prompt: str,
        *,
        model: ModelName,
        style: str,
        aspect: Aspect = "landscape",
        seed: int | None = None,
        max_usd: float,
        charge: Callable[[float], None],
    ) -> Picture:
        """Make one picture, by `model` or, when that fails, by another; `Picture.model` says which.

        `charge` gets the most that may have been charged so far, in USD, before and after every attempt. Raises
        `LimitReached` when the chosen model costs more than `max_usd`, and `ContentRefused` when fal.ai flagged the
        prompt or the picture. Of several failures the first is raised, that of the chosen model.
        """
        check_style(style)
        chosen = image_model(model)
        if not _fits(chosen.price_of(aspect), max_usd):
            price = chosen.price_of(aspect)
            raise LimitReached(
                f"A picture by {model} costs up to {price:.3f} USD, but {max_usd:.3f} USD are left for it."
            )
        spent, failure = 0.0, None
        for candidate in _candidates(chosen, aspect):
            price = candidate.price_of(aspect)
            if not _fits(spent + price, max_usd):
                continue
            charge(round(spent + price, 6))
            try:
                picture = self._picture(candidate, candidate.request(prompt, style, aspect, seed), price)
                return replace(picture, cost_usd=round(spent + picture.cost_usd, 6))
            except ServiceError as error:
                spent += price if isinstance(error, OutcomeUnknown | Wasted | ContentRefused) else 0.0
                charge(round(spent, 6))
                if isinstance(error, KeyRefused | ContentRefused | RateLimited):
                    raise
                failure = failure or error
                kind = type(error).__name__
                fields = event("fal.model_failed", model=candidate.name, error=kind, status=error.status)
                log.warning("An image model failed", extra=fields)
        assert failure is not None
        raise failure

    def _picture(self, model: ImageModel, body: Mapping[str, Any], price: float) -> Picture:
        task = f"make a picture by {model.name}"
        answer = self._run.call(
            "POST", f"/{model.endpoint}", task=task, effect="billed", body=body, seconds=IMAGE_SECONDS, headers=KEEP
        )
        output = answer.body
        images = output.get("images") if isinstance(output, dict) else None
        image = images[0] if isinstance(images, list) and images and isinstance(images[0], dict) else {}
        url, declared = media_of(output, image, "picture")
        content_type = self._files.check(url, declared, "picture")
        width, height = image.get("width"), image.get("height")
        if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
            price = model.price(width, height)
        return Picture(url, model.name, price, content_type)


def _candidates(chosen: ImageModel, aspect: Aspect) -> list[ImageModel]:
    """Return the chosen model, then those that cost no more, best first, then the others, cheapest first."""
    limit = chosen.price_of(aspect)
    others = [model for model in IMAGE_MODELS if model is not chosen]
    expensive = [model for model in others if model.price_of(aspect) > limit]
    return [chosen, *(model for model in others if model not in expensive), *reversed(expensive)]


def _fits(usd: float, most: float) -> bool:
    """Say whether `usd` is within `most`; beyond a millionth it is the dust of binary fractions."""
    return round(usd - most, 6) <= 0
