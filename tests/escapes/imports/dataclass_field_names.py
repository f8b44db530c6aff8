# tries: fields named like the internals of the code that dataclass generates
# layer: language
# plain: the generated code copes by itself
from dataclasses import dataclass, field


@dataclass
class Made:
    MISSING: int = 1
    self: int = 2
    object: int = 3
    BUILTINS: int = 4
    factory: list = field(default_factory=list)


def run(ctx, params):
    return f"held: {Made()}"
