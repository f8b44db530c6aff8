from typing import Any, Dict, List, TypedDict, Union, cast


class Item(TypedDict, total=False):
    title: str
    tags: List[str]


Json = Union[None, int, str, List["Json"], Dict[str, "Json"]]


def make(title: str, **more: Any) -> Item:
    item: Item = {"title": title, "tags": []}
    item["tags"].extend(more.get("tags", ()))
    return item


def run(ctx: Any, params: Dict[str, Json]) -> Item:
    item = make(cast(str, params["title"]), tags=("a", "b"))
    other = Item(title="x")
    return item | {"other": other}

# params: {"title": "Tea"}
# returns: {"title": "Tea", "tags": ["a", "b"], "other": {"title": "x"}}
