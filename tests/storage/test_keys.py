"""Redis keys: each feature spells its own in its store, and the page in `ceos/storage/__init__.py` lists them all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from helpers.imports import MODULES

from ceos import storage

LUA = Path(storage.__file__).parent / "lua"
#: The store that the chain features share, beside `store.py` of each.
SHARED_STORES = {"chain.due_queue"}
#: Texts that look like keys, from which a wallet and the nonce of a payment are derived; they must never change.
DERIVED = {("chain.tx.wallets", "ceos:{}"), ("chain.x402.store", "ceos:x402:{}:{}:{}:{}")}
#: One line of the page: a key and its type.
LINE = re.compile(r"^    (ceos:(?:\{[^}]*\}|[^\s{])+)\s+(?:string|hash|set|zset|list)\s", re.MULTILINE)
#: A key in Lua: a literal, and the literals and values that are appended to it.
_ARGUMENTS = r"\((?:[^()]|\([^()]*\))*\)"
_APPENDED = rf"\s*\.\.\s*(?:'([^']*)'|((?:[\w.]+(?:\[\w+\])?(?:{_ARGUMENTS})?|{_ARGUMENTS})))"
LUA_KEY = re.compile(rf"'(ceos:[^']*)'((?:{_APPENDED})*)")


def is_store(name: str) -> bool:
    """Say whether a module may spell keys."""
    return (
        name.split(".", maxsplit=1)[0] == "storage"
        or name.rsplit(".", maxsplit=1)[-1] == "store"
        or name in SHARED_STORES
    )


def python_keys(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the keys that a module spells, each with its line; "{}" stands for every inserted value."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        text = ""
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        if text.startswith("ceos:"):
            yield getattr(node, "lineno", 0), text
        if not isinstance(node, ast.JoinedStr):
            waiting += ast.iter_child_nodes(node)


def lua_keys(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the keys that a script spells, as `python_keys` does."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        for match in LUA_KEY.finditer(line.partition("--")[0]):
            parts = re.findall(_APPENDED, match[2])
            yield number, match[1] + "".join(literal or "{}" for literal, _ in parts)


def page() -> set[str]:
    """Return the keys of the page, with "{}" for every placeholder."""
    return {re.sub(r"\{[^}]*\}", "{}", key) for key in LINE.findall(storage.__doc__ or "")}


def is_listed(key: str, listed: set[str]) -> bool:
    """Say whether a spelled key is one of the page; one value of the code may stand for several of the page."""
    pattern = re.compile(".+".join(map(re.escape, key.split("{}"))))
    return any(pattern.fullmatch(one) for one in listed)


def test_only_stores_spell_keys() -> None:
    assert not [
        f"{name}:{line} spells {key}"
        for name, path in MODULES.items()
        if not is_store(name)
        for line, key in python_keys(path)
        if (name, key) not in DERIVED
    ]


def test_the_page_lists_every_key_that_code_and_scripts_spell() -> None:
    listed = page()
    assert len(listed) > 60
    assert not [
        f"{name}:{line} spells {key}"
        for name, path in MODULES.items()
        if is_store(name)
        for line, key in python_keys(path)
        if not is_listed(key, listed) and (name, key) not in DERIVED
    ]
    assert not [
        f"{path.name}:{line} spells {key}"
        for path in sorted(LUA.glob("*.lua"))
        for line, key in lua_keys(path)
        if not is_listed(key, listed)
    ]


def test_the_page_lists_no_key_that_nothing_spells() -> None:
    spelled = {key for path in MODULES.values() for _, key in python_keys(path)}
    spelled |= {key for path in LUA.glob("*.lua") for _, key in lua_keys(path)}
    families = {re.split(r"[:/{]", key.removeprefix("ceos:"))[0] for key in spelled}
    # The ids of transactions and of purchases begin with these.
    families |= {"tx", "pay"}
    assert not [key for key in page() if re.split(r"[:/{]", key.removeprefix("ceos:"))[0] not in families]


def test_the_reader_of_keys_finds_plain_and_inserted_ones(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""ceos:no"""\nX = "ceos:agents"\nY = f"ceos:run:{a}:{b}"\n', encoding="utf-8")
    script = tmp_path / "script.lua"
    script.write_text("-- 'ceos:no'\nlocal key = 'ceos:heard:' .. math.floor(now() / 8) .. ':x'\n", encoding="utf-8")
    assert sorted(python_keys(module)) == [(2, "ceos:agents"), (3, "ceos:run:{}:{}")]
    assert [key for _, key in lua_keys(script)] == ["ceos:heard:{}:x"]
