import re
import unicodedata


def slugify(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def run(ctx, params):
    return [slugify(title) for title in params["titles"]]

# params: {"titles": ["Crème brûlée, again!", "  Ångström -- units  "]}
# returns: ["creme-brulee-again", "angstrom-units"]
