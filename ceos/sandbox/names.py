"""The names that a skill may use: one set of rules for compilation and for lookups at run time.

A name that begins with an underscore belongs to the sandbox (its hooks are called `_getattr_` and the like) or to
Python. Authors still write `_helper` and `self._count`; such *private* names are respelled with another character
before compilation, so that they work as expected and no source can name a hook or an internal of the library.
"""

from __future__ import annotations

import types

#: The file name of a skill's code in tracebacks.
FILENAME = "<skill>"
#: The `__name__` of a skill and the module of its classes. No module of this name is ever loaded.
MODULE = "skill"

#: Replaces each leading underscore of a private name. It is a letter, so generated code may contain it, and it looks
#: like an underscore in a traceback.
MARK = "\u02cd"


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


_OPERATORS = words("add sub mul truediv floordiv mod divmod pow matmul lshift rshift and or xor")

#: The methods of Python's protocols that a skill's class may have. Methods that control attribute access,
#: class creation, copying or deletion are missing on purpose, and so is `__index__`, whose callers in C can crash
#: Python.
MAGIC = frozenset(
    f"__{name}__"
    for name in [
        *words("init post_init repr str format hash bool len call eq ne lt le gt ge"),
        *words("iter next reversed contains getitem setitem delitem missing enter exit"),
        *words("neg pos abs invert int float complex round trunc floor ceil"),
        *(side + name for name in _OPERATORS for side in ("", "r", "i")),
    ]
)

#: Further attributes with double underscores that a skill may read, see `attributes.read_special`.
READABLE = frozenset({"__class__", "__name__", "__qualname__", "__members__"})

#: The public names of a named tuple, which begin with an underscore only to differ from its fields.
NAMED_TUPLE = frozenset({"_replace", "_asdict", "_fields", "_make"})

_INSPECTED = (
    types.FrameType,
    types.CodeType,
    types.TracebackType,
    types.GeneratorType,
    types.CoroutineType,
    types.AsyncGeneratorType,
)

#: Attributes that no skill may read or write: they lead from an object to a frame, to code, to the object of an error,
#: or around a property.
HIDDEN = frozenset(
    name for kind in _INSPECTED for name in dir(kind) if name.startswith(("f_", "co_", "tb_", "gi_", "cr_", "ag_"))
) | frozenset(
    words(
        "mro obj with_traceback add_note cell_contents fget fset fdel f_generator gi_suspended cr_suspended "
        "ag_suspended func_closure func_code func_defaults func_dict func_globals im_class im_func im_self"
    )
)


def is_private(name: str) -> bool:
    """Say whether a name is private by convention: `_x` and `__x`, but not `_x_`."""
    return name.startswith("_") and name != "_" and (not name.strip("_") or not name.endswith("_"))


def respell(name: str) -> str:
    """Return the compiled form of a name: `MARK` replaces the leading underscores of a private one."""
    if not is_private(name):
        return name
    bare = name.lstrip("_")
    return MARK * (len(name) - len(bare)) + bare


def as_written(text: str) -> str:
    """Return a text, such as a traceback, with private names as the author wrote them."""
    return text.replace(MARK, "_")
