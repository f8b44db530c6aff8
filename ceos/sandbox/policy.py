# ruff: noqa: N802 - the visitors of a syntax tree are named by its nodes
"""The subset of Python that skills may use, and its compilation.

The policy extends that of RestrictedPython by more of the language, and states every violation as a sentence.
Attributes are read through `_getattr_` and written through `_write_`, classes are made by `__metaclass__`, and imports
use an `__import__` that knows only facades (see `guards`). Items, iteration, unpacking and calls have no guards: a
skill may read every object that it can hold.
"""

from __future__ import annotations

import ast
import contextlib
import types
import warnings
from collections.abc import Collection, Iterator
from typing import Any

from RestrictedPython.transformer import copy_locations

from ceos.sandbox import guards, messages, modules, wire
from ceos.sandbox import source as sources
from ceos.sandbox.names import FILENAME, HIDDEN, MAGIC, MODULE, NAMED_TUPLE, READABLE
from ceos.sandbox.patterns import PatternPolicy

#: Changes with every change of the compiled code of an unchanged source.
POLICY_VERSION = "1"

#: The most violations that are reported for one source.
MAX_VIOLATIONS = 100

#: The attributes of `ctx` that need no grant.
CONTEXT = frozenset({"agent", "topic", "kind", "draft", "recent", "limit"})

_GRANT_OF = {method: grant for grant, methods in wire.METHODS.items() for method in methods}

_MODULE, _CLASS, _FUNCTION = "module", "class", "function"


class Rejected(Exception):
    """A source that violates the policy."""

    def __init__(self, violations: list[tuple[int | None, int | None, str]]) -> None:
        super().__init__("; ".join(message for _, _, message in violations))
        #: Every violation: line and column, both counted from one, and a sentence.
        self.violations = violations


def compile_skill(source: str, allowed: Collection[str] = ()) -> types.CodeType:
    """Compile the source of a skill that may use these methods of `ctx`; raises `Rejected` with all violations."""
    if len(source.encode("utf-8", "replace")) > wire.SOURCE_BYTES:
        raise Rejected([(None, None, f"the source is longer than {wire.SOURCE_BYTES // 1024} KiB; shorten it")])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _compile(source.removeprefix("\ufeff"), allowed)
    except SyntaxError as error:
        reason = f"this is not Python: {error.msg}"
        raise Rejected([(error.lineno, error.offset or None, reason)]) from None
    except ValueError as error:
        raise Rejected([(None, None, f"this is not Python: {error}")]) from None
    except (RecursionError, MemoryError):
        raise Rejected([(None, None, messages.TOO_DEEP)]) from None


def _compile(text: str, allowed: Collection[str]) -> types.CodeType:
    tree = ast.parse(text, FILENAME)
    source = sources.read(tree)
    policy = Policy(source, text, allowed)
    _check_run(policy, source.run())
    tree = policy.visit(tree)
    if policy.violations:
        raise policy.rejection()
    return compile(tree, FILENAME, "exec", dont_inherit=True)


def _check_run(policy: Policy, run: ast.FunctionDef | None) -> None:
    if run is None:
        policy.violations.append((None, None, messages.NO_RUN))
        return
    plain = [*run.args.posonlyargs, *run.args.args]
    required = len(plain) - len(run.args.defaults)
    named = [default for default in run.args.kw_defaults if default is None]
    if required > 2 or named or (len(plain) < 2 and run.args.vararg is None):
        policy.error(run, messages.RUN_PARAMETERS)


class Policy(PatternPolicy):
    """Rewrites a tree so that it calls the guards, and collects its violations."""

    def __init__(self, source: sources.Source, text: str, allowed: Collection[str]) -> None:
        super().__init__()
        self.violations: list[tuple[int | None, int | None, str]] = []
        self._places: set[tuple[int | None, int | None]] = set()
        self.bound = frozenset(source.bound)
        self._modules = source.modules
        self._contexts = source.contexts
        self._allowed = frozenset(allowed)
        self._lines = text.encode("utf-8").splitlines()
        self._scopes = [_MODULE]
        #: The annotated names of the class bodies being visited, innermost last.
        self._fields: list[dict[str, None]] = []

    def error(self, node: ast.AST, info: str) -> None:
        """Record a violation, at most one for each place."""
        line, column = getattr(node, "lineno", None), None
        if line is not None:
            before = self._lines[line - 1][: getattr(node, "col_offset", 0)] if line <= len(self._lines) else b""
            column = len(before.decode("utf-8", "replace")) + 1
        if (line, column) not in self._places:
            self._places.add((line, column))
            self.violations.append((line, column, info))
        if len(self.violations) >= MAX_VIOLATIONS:
            raise self.rejection()

    def rejection(self) -> Rejected:
        """Return the violations in the order of the source."""
        return Rejected(sorted(self.violations, key=lambda found: (found[0] or 0, found[1] or 0)))

    def not_allowed(self, node: ast.AST) -> None:
        self.error(node, messages.statement(type(node).__name__))

    def check_name(self, node: Any, name: str | None, allow_magic_methods: bool = False) -> None:
        """Refuse a name with a leading underscore; private names of authors are already respelled, see `names`."""
        if name is None or name == "_" or not name.startswith("_"):
            return
        if not (allow_magic_methods and name in MAGIC):
            is_method = isinstance(node, ast.FunctionDef) and self._scopes[-1] == _CLASS
            self.error(node, messages.method(name) if is_method else messages.own_name(name))

    @contextlib.contextmanager
    def _scope(self, kind: str) -> Iterator[None]:
        self._scopes.append(kind)
        yield
        self._scopes.pop()

    # Names and attributes

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Load):
            if node.id == "__name__":
                return ast.copy_location(ast.Constant(MODULE), node)
            if node.id not in self.bound and node.id not in self._modules:
                reason = messages.name(node.id, guards.NAMES)
                if reason:
                    self.error(node, reason)
        self.check_name(node, node.id, allow_magic_methods=self._scopes[-1] == _CLASS)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        is_read = isinstance(node.ctx, ast.Load)
        is_special = is_read and (node.attr in READABLE or node.attr in MAGIC)
        if not is_special:
            self._check_attribute(node)
        node.value = self.visit(node.value)
        if not is_read:
            node.value = _call("_write_", [node.value], node.value)
            return node
        return _call("_special_" if is_special else "_getattr_", [node.value, ast.Constant(node.attr)], node)

    def _check_attribute(self, node: ast.Attribute) -> None:
        attr = node.attr
        is_tuples = attr in NAMED_TUPLE and isinstance(node.ctx, ast.Load)
        if (attr.startswith("_") and not is_tuples) or attr in HIDDEN:
            self.error(node, messages.attribute(attr))
        elif isinstance(node.value, ast.Name) and node.value.id in self._contexts:
            self._check_context(node, node.value.id)
        elif module := self._module_of(node.value):
            offered = modules.offered(module)
            if attr not in offered:
                self.error(node, messages.offer(module, attr, offered))

    def _check_context(self, node: ast.Attribute, name: str) -> None:
        grant = _GRANT_OF.get(node.attr)
        if grant and node.attr not in self._allowed:
            self.error(node, messages.grant(name, node.attr, grant))
        elif not grant and node.attr not in CONTEXT:
            self.error(node, messages.context_name(name, node.attr, CONTEXT | _GRANT_OF.keys()))

    def _module_of(self, node: ast.expr) -> str | None:
        """Return the module that an expression certainly is, if any."""
        if isinstance(node, ast.Name):
            name = self._modules.get(node.id)
        elif isinstance(node, ast.Attribute) and (parent := self._module_of(node.value)):
            name = f"{parent}.{node.attr}"
        else:
            return None
        return name if name in modules.MODULES else None

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        node = self.node_contents_visit(node)
        if not isinstance(node.ctx, ast.Load):
            node.value = _call("_write_", [node.value], node.value)
        return node

    # Without guards, see above

    def visit_Call(self, node: ast.Call) -> ast.AST:
        return self.node_contents_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        if node.arg is not None and node.arg.startswith("_") and node.arg != "_":
            self.error(node, messages.keyword(node.arg))
        return self.node_contents_visit(node)

    def guard_iter(self, node: Any) -> Any:
        return self.node_contents_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        if node.is_async:
            self.error(node.target, messages.statement("AsyncFor"))
        return self.node_contents_visit(node)

    def visit_With(self, node: ast.With) -> ast.AST:
        return self.node_contents_visit(node)

    def visit_TemplateStr(self, node: ast.AST) -> ast.AST:
        self.not_allowed(node)
        return node

    # Assignments

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        target = node.targets[0]
        is_inert = len(node.targets) == 1 and isinstance(target, ast.Name) and target.id in sources.INERT
        if is_inert and self._scopes[-1] != _FUNCTION:
            return ast.copy_location(ast.Pass(), node)
        return self.node_contents_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        """Remove the annotation; a class keeps the annotated names for its dataclass or named tuple."""
        if self._scopes[-1] == _CLASS and isinstance(node.target, ast.Name) and node.simple:
            words = {getattr(part, "id", getattr(part, "attr", "")) for part in ast.walk(node.annotation)}
            if words & {"InitVar", "KW_ONLY"}:
                word = "InitVar" if "InitVar" in words else "KW_ONLY"
                self.error(node, messages.offer("dataclasses", word, ()))
            if "ClassVar" not in words:
                self._fields[-1][node.target.id] = None
        if node.value is not None:
            return self.visit(ast.copy_location(ast.Assign([node.target], node.value), node))
        self.visit(node.target)
        return ast.copy_location(ast.Pass(), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """Expand `a.b += c` and `a[b] += c`, in Python's order and with each part evaluated once."""
        target = node.target
        if isinstance(target, ast.Name):
            return self.node_contents_visit(node)
        owner, value = self.gen_tmp_name(), self.gen_tmp_name()
        steps: list[ast.stmt] = [_assign(owner, self.visit(target.value))]
        load: ast.expr
        store: ast.expr
        if isinstance(target, ast.Attribute):
            self._check_attribute(target)
            load = _call("_getattr_", [_name(owner), ast.Constant(target.attr)], target)
            store = ast.Attribute(_call("_write_", [_name(owner)], target), target.attr, ast.Store())
        else:
            key = self.gen_tmp_name()
            steps.append(_assign(key, self.visit(target.slice)))
            load = ast.Subscript(_name(owner), _name(key), ast.Load())
            store = ast.Subscript(_call("_write_", [_name(owner)], target), _name(key), ast.Store())
        steps.append(_assign(value, load))
        steps.append(ast.AugAssign(ast.Name(value, ast.Store()), node.op, self.visit(node.value)))
        steps.append(ast.Assign([store], _name(value)))
        for step in steps:
            copy_locations(step, node)
        return steps

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        for name in node.names:
            self.check_name(node, name)
        return node

    def visit_Global(self, node: ast.Global) -> ast.AST:
        for name in node.names:
            self.check_name(node, name)
        return node

    # Imports

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            if alias.name not in modules.MODULES:
                self.error(alias, messages.module(alias.name))
            self.check_name(alias, alias.asname)
        return self._not_lazy(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        name = node.module or ""
        if name == "__future__" and not node.level:
            return ast.copy_location(ast.Pass(), node)
        if node.level:
            self.error(node, messages.RELATIVE)
        elif name not in modules.MODULES:
            self.error(node, messages.module(name))
        else:
            self._check_offers(node, name)
        for alias in node.names:
            self.check_name(alias, alias.asname or alias.name)
        return self._not_lazy(node)

    def _check_offers(self, node: ast.ImportFrom, module: str) -> None:
        offered = modules.offered(module)
        for alias in node.names:
            if alias.name == "*":
                self.error(alias, messages.STAR)
            elif alias.name not in offered:
                self.error(alias, messages.offer(module, alias.name, offered))

    def _not_lazy(self, node: ast.AST) -> ast.AST:
        # The lazy imports of Python 3.15 use another builtin than the guarded one.
        if getattr(node, "is_lazy", 0):
            self.error(node, messages.statement("lazy import"))
        return node

    # Functions and classes

    def visit_arg(self, node: ast.arg) -> ast.AST:
        self.check_name(node, node.arg)
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.check_name(node, node.name, allow_magic_methods=self._scopes[-1] == _CLASS)
        self.visit_all(getattr(node, "type_params", []))
        node.returns = None
        node.decorator_list = self.visit_all(node.decorator_list)
        node.args = self.visit(node.args)
        with self._scope(_FUNCTION):
            node.body = self.visit_all(node.body)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.args = self.visit(node.args)
        with self._scope(_FUNCTION):
            node.body = self.visit(node.body)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.check_name(node, node.name)
        self.visit_all(getattr(node, "type_params", []))
        for keyword in node.keywords:
            # TypedDict's `total` is for type checkers only.
            if keyword.arg != "total":
                self.error(keyword, messages.METACLASS)
        node.decorator_list = self.visit_all(node.decorator_list)
        node.bases = self.visit_all(node.bases)
        node.keywords = [ast.keyword("metaclass", _name("__metaclass__"))]
        copy_locations(node.keywords[0], node)
        self._fields.append({})
        with self._scope(_CLASS):
            node.body = self.visit_all(node.body)
        self._keep_fields(node, list(self._fields.pop()))
        return node

    def _keep_fields(self, node: ast.ClassDef, fields: list[str]) -> None:
        """Give the class its annotated names, each with None: enough for a dataclass, without evaluation."""
        if not fields:
            return
        table = ast.Dict([ast.Constant(name) for name in fields], [ast.Constant(None) for _ in fields])
        statement = _assign("__annotations__", table)
        copy_locations(statement, node.body[0])
        node.body.insert(1 if ast.get_docstring(node, clean=False) is not None else 0, statement)

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self.node_contents_visit(node)


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _assign(name: str, value: ast.expr) -> ast.Assign:
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _call(hook: str, arguments: list[ast.expr], place: Any) -> ast.Call:
    call = ast.Call(_name(hook), arguments, [])
    copy_locations(call, place)
    return call
