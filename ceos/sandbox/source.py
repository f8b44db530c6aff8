"""The names that a skill's source binds, read from its syntax tree before the policy checks it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from ceos.sandbox.names import is_private, respell

#: Names that only describe a file; assignments to them are removed.
INERT = frozenset({"__all__", "__author__", "__version__", "__license__", "__slots__"})


@dataclass
class Source:
    """A tree and the names that it binds."""

    tree: ast.Module
    #: The names that are bound other than by an import.
    bound: set[str] = field(default_factory=set)
    #: The names that are bound by imports only, and their modules.
    modules: dict[str, str] = field(default_factory=dict)
    #: The private attributes that the source's own classes have.
    attributes: set[str] = field(default_factory=set)
    #: The names of all parameters.
    parameters: set[str] = field(default_factory=set)
    #: The names of `ctx` in functions.
    contexts: set[str] = field(default_factory=set)

    def run(self) -> ast.FunctionDef | None:
        """Return the function `run` of the skill."""
        found = [node for node in self.tree.body if isinstance(node, ast.FunctionDef) and node.name == "run"]
        return found[-1] if found else None


def read(tree: ast.Module) -> Source:
    """Collect the names that a tree binds, and respell its private names (see `names`) in place."""
    source = Source(tree)
    for node in ast.walk(tree):
        _collect(source, node)
    for name in source.bound:
        source.modules.pop(name, None)
    _find_contexts(source)
    for node in ast.walk(tree):
        _respell(source, node)
    return source


def _collect(source: Source, node: ast.AST) -> None:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            source.bound.add(respell(name))
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            source.bound.add(respell(name))
        case ast.arg(arg=name):
            source.bound.add(respell(name))
            source.parameters.add(name)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            source.bound.add(respell(name))
        case ast.MatchMapping(rest=str(name)):
            source.bound.add(respell(name))
        case ast.Attribute(attr=name, ctx=ast.Store()) if is_private(name):
            source.attributes.add(name)
        case ast.Import(names=aliases):
            for alias in aliases:
                bound = alias.asname or alias.name.partition(".")[0]
                _bind_module(source, bound, alias.name if alias.asname else bound)
        case ast.ImportFrom(names=aliases, module=module):
            for alias in aliases:
                _bind_module(source, alias.asname or alias.name, f"{module}.{alias.name}")
    if isinstance(node, ast.ClassDef):
        source.attributes.update(_class_names(node))


def _bind_module(source: Source, name: str, module: str) -> None:
    name = respell(name)
    if source.modules.setdefault(name, module) != module:
        source.bound.add(name)


def _class_names(node: ast.ClassDef) -> set[str]:
    found: set[str] = set()
    for item in ast.walk(node):
        if isinstance(item, ast.FunctionDef | ast.ClassDef) and is_private(item.name):
            found.add(item.name)
        elif isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store) and is_private(item.id):
            found.add(item.id)
    return found


def _find_contexts(source: Source) -> None:
    """Collect the names of `ctx`: the first parameter of `run`, and parameters `ctx`, unless they are assigned to."""
    run = source.run()
    first = [argument.arg for argument in [*run.args.posonlyargs, *run.args.args][:1]] if run else []
    assigned = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name) and _is_store(node)}
    source.contexts = {respell(name) for name in [*first, "ctx"] if name in source.parameters and name not in assigned}


def _is_store(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _respell(source: Source, node: ast.AST) -> None:
    match node:
        case ast.Name():
            node.id = respell(node.id)
        case ast.FunctionDef() | ast.ClassDef():
            node.name = respell(node.name)
        case ast.arg():
            node.arg = respell(node.arg)
        case ast.alias(asname=str(name)):
            node.asname = respell(name)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            node.name = respell(name)
        case ast.MatchMapping(rest=str(name)):
            node.rest = respell(name)
        case ast.Global() | ast.Nonlocal():
            node.names = [respell(name) for name in node.names]
        case ast.keyword(arg=str(name)) if name in source.parameters or name in source.attributes:
            node.arg = respell(name)
        case ast.Attribute(attr=name) if name in source.attributes:
            node.attr = respell(name)
